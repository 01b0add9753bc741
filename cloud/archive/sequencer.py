"""The one thread that orders: takes checked batches, decides, appends, flushes, answers.

Everything that must agree (chain heads, duplicates, records, tree) changes here only. A group
is what has come while the last one was written: one append, one flush, and then the leaves,
the projections and the answers. `step` does one round and can be called without the thread,
which is how it is measured and tested.
"""

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cloud.archive.backup_record import decode_backup
from cloud.archive.finding import RESTORED, FindingRecord
from cloud.archive.gathering import Gathering, Object, parts
from cloud.archive.heads import Heads, Strange
from cloud.archive.ledger import Decision, Placed
from cloud.archive.notary import Notary
from cloud.archive.rebuilding import rebuild
from cloud.archive.restoring import Restoring
from cloud.archive.snapshot import Snapshot, read_snapshot, write_snapshot
from cloud.archive.stream import Stream
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import Checked, Delivery, Rejected, nothing_to_do
from cloud.projections.feed import CommitGroup
from evidence import cbor
from evidence.errors import LogFullError, StorageFaultError
from evidence.record import RecordKind

TICK_S = 1.0  # an empty group tells the projections that time has passed
FAULT_PAUSE_S = 5.0  # the disk is asked again after that; gateways keep what they have
WAITING_MAX = 100_000  # objects of our own, while the disk refuses
SLOW_WINDOW, SLOW_S = 1, 10

Listener = Callable[[CommitGroup], None]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the sequencer is given; the callables are called from its thread."""

    answers: Answers
    refused: Callable[[Rejected], None]
    release: Callable[[Sequence[Delivery]], None]
    gateways: Callable[[], int]
    log_begun: Callable[[], None]
    state_dir: Path
    wall_ms: Callable[[], int]
    mono_s: Callable[[], float]


class Sequencer:
    """See the module. `put`, `report` and `record` may be called from any thread.

    `fault` says why nothing can be archived now, empty while it can.
    """

    def __init__(
        self, stream: Stream, restoring: Restoring, surroundings: Surroundings
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.duplicates: Counter[str] = Counter()  # by gateway
        self.listeners: list[Listener] = []
        self.fault = ""
        self._stream = stream
        self._restoring = restoring
        self._around = surroundings
        self._gathering = Gathering()
        self._waiting: list[Object] = []  # survives a storage fault
        self._stopping = False
        self._retry_s = self._tick_s = 0.0
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._build()
        if restoring.spoils(stream.current.manifest.origin):
            self._succeed_lost("the archive was restored from a backup")

    def put(self, checked: list[Checked]) -> None:
        """Take checked batches, in their order."""
        self._gathering.put(checked)

    def report(self, finding: FindingRecord) -> None:
        """Take a finding for the archive."""
        self._gathering.report(finding)

    def record(self, kind: int, data: bytes) -> None:
        """Take an object of our own making for the archive."""
        self._gathering.record(kind, data)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is queued, publish a last checkpoint, end the thread."""
        self._gathering.end()
        self._thread.join()

    def step(self, wait_s: float = 0.0) -> None:
        """Do one round: wait for work at most that long, commit it, sign what is due."""
        work = self._gathering.take(wait_s)
        self._stopping = self._stopping or work.is_last
        if len(self._waiting) < WAITING_MAX:
            self._waiting += work.objects
        if self.fault and not self._recovered():
            self._turn_away(work.batches)
            return
        left = deque(parts(work.batches, self._stream.group_bytes))
        try:
            self._round(left, self._now_ms())
        except (LogFullError, StorageFaultError) as error:
            self._failed(str(error))
            for part in left:
                self._turn_away(part)

    def _run(self) -> None:
        while not self._stopping:
            now_s = self._around.mono_s()
            due_s = min(self.notary.wait_s(now_s, idle=True), self._tick_s - now_s)
            self.step(max(due_s, 0.0))
        if not self.fault:
            self.notary.finish()
            self.save()

    def save(self) -> None:
        """Spare the next start the records up to now; a log that is not signed is read."""
        log = self._stream.current
        if log.refusal:
            return
        snapshot = Snapshot(
            log=self.ledger.log,
            index=log.size,
            root=log.root_at(log.size),
            last_recv_ms=self._last_recv_ms,
            last_backup_ms=self.last_backup_ms,
            chains=self.ledger.chains,
            keys_of=self.ledger.keys_of,
            revoked=self.ledger.revoked,
        )
        self._saved = log.segment
        try:
            write_snapshot(self._around.state_dir, snapshot)
        except (LogFullError, StorageFaultError) as error:
            _log.warning("no snapshot of the chains, the next start takes longer: %s", error)

    def _build(self) -> None:
        """Learn everything from the archive."""
        rebuilt = rebuild(self._stream, read_snapshot(self._around.state_dir))
        self.applied_at_start = rebuilt.applied
        self.ledger = rebuilt.ledger
        self.last_backup_ms = rebuilt.last_backup_ms
        self._last_recv_ms = rebuilt.last_recv_ms
        around = self._around
        self.notary = Notary(self._stream, around.answers, around.wall_ms)
        self.notary.publish()  # what a crash left uncovered, and the first record of all
        self._heads = Heads(self._stream, self.notary)
        self._saved = self._stream.current.segment

    def _round(self, left: deque[list[Checked]], now_ms: int) -> None:
        if self._stream.is_over(now_ms):
            self._end_year(now_ms)
        while left:
            strange = self._commit(left[0], (), now_ms)
            left.popleft()
            if strange is not None:
                self._waiting += strange.objects
                self._believe(strange)
        if self._waiting:
            self._commit((), self._waiting, now_ms)
            self._waiting = []
        if self._stream.current.segment != self._saved:
            self.save()
        now_s = self._around.mono_s()
        self.notary.attend(now_s, idle=self._gathering.is_empty())
        if now_s >= self._tick_s:
            self._tick_s = now_s + TICK_S
            self._publish(
                CommitGroup(first_index=self._stream.next_index, records=(), as_of_ms=now_ms)
            )

    def _commit(
        self, batches: Sequence[Checked], objects: Sequence[Object], now_ms: int
    ) -> Strange | None:
        log = self._stream.current
        decision = self.ledger.decide(batches, objects, log.next_index, now_ms)
        if decision.records:
            log.append(decision.records)
            log.sync(decision.leaves)
        self._answer(decision)
        self._around.release([checked.delivery for checked in batches])
        if decision.committed:
            first_index = decision.committed[0].index
            self._publish(
                CommitGroup(
                    first_index=first_index, records=decision.committed, as_of_ms=now_ms
                )
            )
        for kind, data in objects:
            if kind == RecordKind.BACKUP:
                self.last_backup_ms = decode_backup(data).at_ms
        return self._heads.check(decision.stored, now_ms)

    def _answer(self, decision: Decision) -> None:
        """Acknowledge what is on disk now; receipts follow with the next checkpoint."""
        now_s = self._around.mono_s()
        locator = self._stream.current.locator
        if decision.records:
            self.notary.touched(now_s)
        self.notary.owe(decision.stored, now_s)
        self.notary.owe(decision.duplicates, now_s)
        for placed in decision.stored:
            checked = placed.checked
            body = checked.body
            locator.add(checked.key.kid, body.epoch, body.seq, placed.leaf_index)
            if checked.delivery.committed is not nothing_to_do:
                checked.delivery.committed()
        for placed in decision.duplicates:
            placed.checked.delivery.committed()
        for checked in decision.forks:
            self._around.refused(_rejected(checked, "fork", _position(checked)))
        for checked in decision.revoked:
            since = self.ledger.revoked[checked.key.kid]
            message = f"{_position(checked)} came after record {since}"
            self._around.refused(_rejected(checked, "revoked", message))
        if self._restoring.state is not None:
            self._ask_again(decision.stored)
        counts = self.counts
        counts["groups"] += 1
        counts["stored"] += len(decision.stored)
        counts["duplicates"] += len(decision.duplicates)
        self.duplicates.update(p.checked.key.gateway for p in decision.duplicates)
        counts["forks"] += len(decision.forks)
        counts["revoked"] += len(decision.revoked)

    def _ask_again(self, stored: Sequence[Placed]) -> None:
        now_ms = self._around.wall_ms()
        for placed in stored:
            key, route = placed.checked.key, placed.checked.delivery.route
            chain = self.ledger.chains[key.kid]
            if not chain.holed or not self._restoring.asks(key.kid, now_ms):
                continue
            for gap in chain.gaps():
                if not gap.lost:
                    run = (gap.epoch, gap.lo, gap.hi)
                    route.answer(self._around.answers.resend(key.gateway, run), 0)

    def _publish(self, group: CommitGroup) -> None:
        for listener in self.listeners:
            listener(group)

    def _end_year(self, now_ms: int) -> None:
        origin = self._stream.next_origin(now_ms, lost=False)
        self._commit((), [(RecordKind.LOG_END, cbor.encode({1: origin}))], now_ms)
        self.notary.finish()
        self._succeed(origin, now_ms)

    def _succeed(self, origin: str, now_ms: int) -> None:
        lost = bool(self._stream.current.refusal)
        self.ledger.start_new_log(self._stream.begin_next(origin, now_ms), lost=lost)
        self.notary.publish()
        self._around.log_begun()

    def _believe(self, strange: Strange) -> None:
        """Take the word of enough gateways that this server was restored."""
        for gateway, head in strange.newer:
            if self._restoring.claim(gateway, head, self._around.gateways()):
                size = self._stream.current.size
                self._succeed_lost(f"gateways verified size {head[0]}, we have {size}")
                return

    def _succeed_lost(self, reason: str) -> None:
        now_ms = self._now_ms()
        lost = self._stream.current.manifest.origin
        # The flag first: a crash after it opens the successor at the next start.
        self._restoring.begin(lost, reason, now_ms)
        self._stream.current.refuse(reason)
        self.notary.sign()
        self._succeed(self._stream.next_origin(now_ms, lost=True), now_ms)
        self.notary.withheld.clear()
        detail = f"{lost} ends here: {reason}; gateways are asked to send again"
        finding = FindingRecord(
            kind=RESTORED,
            gateway="",
            kid=b"",
            epoch=b"",
            lo=0,
            hi=0,
            detail=detail,
            at_ms=now_ms,
        )
        self.report(finding)

    def _failed(self, reason: str) -> None:
        """Stop archiving for a while; what was decided and not written is forgotten."""
        self.fault = reason
        self.counts["faults"] += 1
        self._retry_s = self._around.mono_s() + FAULT_PAUSE_S

    def _recovered(self) -> bool:
        if self._around.mono_s() < self._retry_s:
            return False
        try:
            self._stream.current.recover()
            self._build()
        except (LogFullError, StorageFaultError) as error:
            self._failed(str(error))
            return False
        self.fault = ""
        return True

    def _turn_away(self, batches: Sequence[Checked]) -> None:
        for checked in batches:
            route = checked.delivery.route
            route.answer(self._around.answers.slow(route.gateway, SLOW_WINDOW, SLOW_S), 1)
            # Acknowledged all the same: unacknowledged messages would fill the broker's window
            # and stop everybody, and the gateway sends again by itself.
            checked.delivery.committed()
        self._around.release([checked.delivery for checked in batches])

    def _now_ms(self) -> int:
        """Return the time, never less than an earlier record's."""
        self._last_recv_ms = max(self._last_recv_ms, self._around.wall_ms())
        return self._last_recv_ms


def _rejected(checked: Checked, code: str, message: str) -> Rejected:
    delivery, key = checked.delivery, checked.key
    payload, _ = cbor.read_bytes(delivery.data, len(key.start))
    return Rejected(delivery, code, message, key.kid, key, payload)


def _position(checked: Checked) -> str:
    return f"epoch {checked.body.epoch.hex()} seq {checked.body.seq}"
