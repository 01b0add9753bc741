"""What a group of checked batches becomes: records, leaves, duplicates, forks, findings.

The deciding half of the sequencer: no clock, no disk, no thread. One ledger belongs to one
sequencer; its chains change only in `decide`, which is followed by the append and the fsync of
what it returned. When that fails the ledger is ahead of the disk and must be built anew.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cloud.archive.declared import declared_losses
from cloud.archive.encoding import BatchSpelling, salted_record
from cloud.archive.finding import FindingRecord, encode_finding
from cloud.archive.key_records import take_key_record
from cloud.errors import ArchiveError
from cloud.ingest.delivery import Checked
from cloud.projections.feed import CommittedRecord
from evidence.batch import Body
from evidence.chain import (
    Action,
    BatchHead,
    ChainState,
    Finding,
    FindingDetail,
    apply,
    judge,
)
from evidence.errors import CorruptError, WireError
from evidence.record import RecordKind
from evidence.succession import as_own, hear, names_only_own

REPEAT_MS = 3_600_000
"""A clock that stays wrong is found again with every batch, and archived once in this time."""
REPORTED_MAX = 100_000
UNARCHIVED = frozenset({Finding.DUPLICATE, Finding.BACKLOG})
"""Ordinary life of a link; the chains themselves show it."""
REPEATING = frozenset(
    {Finding.CLOCK_BACK, Finding.CLOCK_JUMP, Finding.FUTURE, Finding.COUNT, Finding.FORK}
)


UNREADABLE = -1
"""As the log of a location: the record was there and cannot be read any more."""


class Location(NamedTuple):
    """Where a batch is archived: which log, its index there, its leaf's `lo`, its SHA-256."""

    log: int
    leaf_index: int
    lo: int
    sha256: bytes


@dataclass(slots=True)
class Placed:
    """A batch that has its place, as in `Location`: stored now, or long ago (a duplicate)."""

    checked: Checked
    log: int
    leaf_index: int
    lo: int


@dataclass(slots=True)
class Decision:
    """What to append, in order, and what to answer once it is on disk.

    `records` and `leaves` are parallel, the first at `first_index` of the log; `committed` is
    the same as the projections will see it.
    """

    first_index: int
    records: list[bytes] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    committed: list[CommittedRecord] = field(default_factory=list)
    stored: list[Placed] = field(default_factory=list)
    duplicates: list[Placed] = field(default_factory=list)
    forks: list[Checked] = field(default_factory=list)
    revoked: list[Checked] = field(default_factory=list)


@dataclass(slots=True)
class _Round:
    """What one call of `decide` carries along."""

    decision: Decision
    spelling: BatchSpelling
    recv_ms: int
    fresh: dict[tuple[bytes, bytes, int], Location] | None = None
    """Where this group stored its batches, once that was asked for."""

    def find(self, kid: bytes, epoch: bytes, seq: int) -> Location | None:
        """Return where this group stored a batch: only for one that came twice at once."""
        if self.fresh is None:
            self.fresh = {}
            for placed in self.decision.stored:
                checked = placed.checked
                place = (checked.key.kid, checked.body.epoch, checked.body.seq)
                location = Location(placed.log, placed.leaf_index, placed.lo, checked.sha256)
                self.fresh[place] = location
        return self.fresh.get((kid, epoch, seq))


class Ledger:
    """The chains of every key, and how they go on.

    `locate(kid, epoch, seq)` says where an earlier group stored a batch that the chains hold.
    `log` is the number of the log now written, `base` the archive index of its record 0; the
    `keys_of` has the keys of each gateway that were met, one after the other by rotation. The
    logs in `lost` cannot prove anything any more, so their batches are stored again when sent.
    `revoked` has the keys of which nothing is stored any more, with the archive index from
    which on: of those only a duplicate is still answered.
    """

    def __init__(self, locate: Callable[[bytes, bytes, int], Location]) -> None:
        self.chains: dict[bytes, ChainState] = {}
        self.keys_of: dict[str, list[bytes]] = {}
        self.log = 0
        self.base = 0
        self.lost: set[int] = set()
        self.revoked: dict[bytes, int] = {}
        self._locate = locate
        self._reported: dict[tuple[bytes, Finding, bytes, int], int] = {}

    def decide(
        self,
        group: Iterable[Checked],
        objects: Sequence[tuple[int, bytes]],
        first_index: int,
        recv_ms: int,
    ) -> Decision:
        """Return what becomes of checked batches and of our own `objects` (kind, bytes)."""
        current = _Round(Decision(first_index), BatchSpelling(recv_ms), recv_ms)
        chains, revoked = self.chains, self.revoked
        for checked in group:
            kid, body = checked.key.kid, checked.body
            if revoked and kid in revoked:
                self._after_revocation(current, checked)
                continue
            chain = chains.get(kid) or self.begin_chain(checked.key.gateway, kid)
            own = (
                body
                if names_only_own(chain, body)
                else self.own(checked.key.gateway, kid, body)
            )
            known = self._known(current, chain, checked)
            head = BatchHead(own, checked.sha256)
            verdict = judge(chain, head, known.sha256 if known else None, recv_ms)
            if verdict.action is Action.STORE:
                self._store(current, checked, verdict.run_lo)
                apply(chain, head)
                if own is not body:
                    self._hear(current, checked)
            else:
                self._not_new(current, checked, verdict.action, known)
            for detail in verdict.findings:
                self._find(current, checked, detail)
            if body.events and verdict.action is Action.STORE:
                for detail in declared_losses(chain, body):
                    self._find(current, checked, detail)
        for kind, data in objects:
            self._append_object(current, kind, data)
        return current.decision

    def begin_chain(self, gateway: str, kid: bytes) -> ChainState:
        """Return the new chain of a key that was not met before."""
        self.keys_of.setdefault(gateway, []).append(kid)
        chain = self.chains[kid] = ChainState()
        return chain

    def own(self, gateway: str, kid: bytes, body: Body) -> Body:
        """Return `body` as the chain of its key judges it: without what other keys signed."""
        return as_own(self.chains[kid], body, self.others(gateway, kid))

    def others(self, gateway: str, kid: bytes) -> list[ChainState]:
        """Return the chains of the gateway's other keys."""
        kids = self.keys_of.get(gateway, ())
        return [self.chains[other] for other in kids if other != kid]

    def _hear(self, current: _Round, checked: Checked) -> None:
        others = self.others(checked.key.gateway, checked.key.kid)
        detail = hear(checked.body, others)
        if detail is not None:
            self._find(current, checked, detail)

    def start_new_log(self, base: int, *, lost: bool) -> None:
        """Go on in a successor log, whose record 0 has the archive index `base`."""
        if lost:
            self.lost.add(self.log)
        self.log += 1
        self.base = base
        for chain in self.chains.values():
            chain.start_new_log()

    def _after_revocation(self, current: _Round, checked: Checked) -> None:
        """Answer what is archived since before the revocation; store nothing, judge nothing."""
        chain = self.chains.get(checked.key.kid)
        known = self._known(current, chain, checked) if chain is not None else None
        if known is None or known.sha256 != checked.sha256 or not self._is_provable(known):
            current.decision.revoked.append(checked)
        else:
            placed = Placed(checked, known.log, known.leaf_index, known.lo)
            current.decision.duplicates.append(placed)

    def _is_provable(self, known: Location) -> bool:
        return known.log != UNREADABLE and known.log not in self.lost

    def _not_new(
        self, current: _Round, checked: Checked, action: Action, known: Location | None
    ) -> None:
        if known is None or action is Action.FORK:
            current.decision.forks.append(checked)
        elif not self._is_provable(known):
            self._store(current, checked, checked.body.seq)
        else:
            placed = Placed(checked, known.log, known.leaf_index, known.lo)
            current.decision.duplicates.append(placed)

    def _known(self, current: _Round, chain: ChainState, checked: Checked) -> Location | None:
        """Return where a batch of the same epoch and seq is, None when there is none."""
        kid, body = checked.key.kid, checked.body
        state = chain.epochs.get(body.epoch)
        if state is None or not state.runs or body.seq > state.runs[-1].hi:
            return None
        if state.run_at(body.seq) is None:
            return None
        fresh = current.find(kid, body.epoch, body.seq)
        if fresh is not None:
            return fresh
        try:
            return self._locate(kid, body.epoch, body.seq)
        except (ArchiveError, CorruptError, WireError):
            # Its record is damaged: what is sent now takes its place.
            return Location(UNREADABLE, 0, 0, checked.sha256)

    def _store(self, current: _Round, checked: Checked, lo: int) -> None:
        decision, body, delivery = current.decision, checked.body, checked.delivery
        index = decision.first_index + len(decision.records)
        key = checked.key
        run = (key.kid, body.epoch, body.seq, lo)
        record, leaf = current.spelling.spell(
            index, delivery.via, delivery.data, run, checked.sha256
        )
        decision.records.append(record)
        decision.leaves.append(leaf)
        if current.fresh is not None:
            current.fresh[run[:3]] = Location(self.log, index, lo, checked.sha256)
        decision.stored.append(Placed(checked, self.log, index, lo))
        decision.committed.append(
            CommittedRecord(
                index=self.base + index,
                kind=RecordKind.BATCH,
                recv_ms=current.recv_ms,
                gateway=key.gateway,
                body=body,
                raw=delivery.data,
            )
        )

    def _append_object(self, current: _Round, kind: int, data: bytes) -> None:
        decision = current.decision
        index = decision.first_index + len(decision.records)
        if kind == RecordKind.KEY:
            take_key_record(self.revoked, data, self.base + index)
        record, leaf = salted_record(index, kind, current.recv_ms, data)
        decision.records.append(record)
        decision.leaves.append(leaf)
        decision.committed.append(
            CommittedRecord(
                index=self.base + index,
                kind=kind,
                recv_ms=current.recv_ms,
                gateway=None,
                body=None,
                raw=data,
            )
        )

    def _find(self, current: _Round, checked: Checked, detail: FindingDetail) -> None:
        if detail.finding in UNARCHIVED:
            return
        kid = checked.key.kid
        if detail.finding in REPEATING and not self._is_news(kid, detail, current.recv_ms):
            return
        finding = FindingRecord(
            kind=str(detail.finding),
            gateway=checked.key.gateway,
            kid=kid,
            epoch=detail.epoch,
            lo=detail.lo,
            hi=detail.hi,
            detail=_words(detail),
            at_ms=current.recv_ms,
            open=not detail.cleared,
        )
        self._append_object(current, RecordKind.FINDING, encode_finding(finding))

    def _is_news(self, kid: bytes, detail: FindingDetail, now_ms: int) -> bool:
        place = detail.lo if detail.finding is Finding.FORK else 0
        subject = (kid, detail.finding, detail.epoch, place)
        if now_ms - self._reported.get(subject, -REPEAT_MS) < REPEAT_MS:
            return False
        if len(self._reported) >= REPORTED_MAX:
            self._reported.clear()  # costs one repetition each
        self._reported[subject] = now_ms
        return True


def _words(detail: FindingDetail) -> str:
    match detail.finding:
        case Finding.FORK:
            return f"two batches with one place; the other has SHA-256 {detail.other.hex()}"
        case Finding.BRANCH:
            return f"two epochs continue from one; the other is {detail.other.hex()}"
        case Finding.COUNT:
            return f"readings do not add up by {detail.amount}"
        case Finding.LOSS:
            return "arrived after all" if detail.cleared else "in no outbox any more"
        case _:
            return f"{detail.amount} ms"
