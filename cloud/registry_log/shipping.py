"""Ships the registry's changes to the log, each once and in order, and notes where they are.

The registry's database and the archive are two stores, and a crash may come between any two
steps; so nothing is remembered of what was given to the sequencer. What counts is what the
archive holds: at a start it is read from the last saved place on, and only what follows the
last change found there is given. A window is given only when the one before it has come back.

    change committed -> given -> on disk -> noted in the registry -> place saved

A key record comes before the audit entry that it belongs to; one whose entry a crash has cut
off is found again by its bytes, and not given twice.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cloud.archive.finding import REGISTRY, FindingRecord, encode_finding
from cloud.archive.stream import Stream
from cloud.projections.feed import CommitGroup
from cloud.registry_log.noting import Noting
from cloud.registry_log.objects import objects_of
from cloud.registry_log.place import Place, read_place, write_place
from device_registry.errors import StoreUnavailableError
from device_registry.store.audit import audit_leaf, leaf_hash
from device_registry.store.store import RegistryStore
from evidence.errors import EvidenceError
from evidence.record import RecordKind

WINDOW = 500  # changes given at once: one commit group, and one transaction to note them
POLL_S = 1.0  # other programs change the registry too
PAUSE_S = 5.0  # before a database that was away is asked again
DRAIN_S = 3.0  # at the end: what waits longer is shipped at the next start
ROUND_S = 0.05
SAVE_RECORDS = 100_000  # read again at most after a crash
FOLLOWED = frozenset({RecordKind.KEY, RecordKind.AUDIT})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A key record or audit entry that the archive holds."""

    index: int
    kind: int
    recv_ms: int
    data: bytes


class Shipping:
    """See the module. `step` does one round and can be called without the thread.

    `fault` says why nothing is shipped, empty while all is well.
    """

    def __init__(
        self,
        store: RegistryStore,
        stream: Stream,
        record: Callable[[int, bytes], None],
        state_dir: Path,
    ) -> None:
        self.fault = ""
        self._store = store
        self._stream = stream
        self._record = record
        self._state_dir = state_dir
        self._inbox: deque[Found] = deque()
        self._seen = 0  # all below was offered or is read at the start
        self._place = self._saved = Place()
        self._given = 0  # the last change that the sequencer was given
        self._noting = Noting(store)
        self._learnt = self._stopping = False
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="registry-log", daemon=True)

    def start(self) -> None:
        """Begin to ship; the sequencer must not have started."""
        self._thread.start()

    def stop(self) -> None:
        """Ship what can be shipped soon, and end; the sequencer must not have ended."""
        self._stopping = True
        self._woken.set()
        self._thread.join()

    def wake(self) -> None:
        """Look for changes now: somebody has just made one."""
        self._woken.set()

    def offer(self, group: CommitGroup) -> None:
        """Take in a commit group; never blocks, never fails."""
        for record in group.records:
            if record.kind in FOLLOWED:
                self._inbox.append(
                    Found(
                        index=record.index,
                        kind=record.kind,
                        recv_ms=record.recv_ms,
                        data=record.raw,
                    )
                )
        self._seen = max(self._seen, group.next_index)
        if self._inbox:
            self._woken.set()

    @property
    def shipped(self) -> int:
        """Return the number of the last change that the log has."""
        return self._place.seq

    def step(self) -> None:
        """Do one round: note what the archive has, give it what comes next.

        Raises:
            StoreUnavailableError: the registry cannot be asked now; nothing is lost by that.
        """
        if not self._learnt:
            self._learn()
        self._note()
        if not self.fault and self._given <= self._place.seq:
            self._give()

    def save(self) -> None:
        """Spare the next start the records up to now."""
        if self._learnt and not self.fault and self._place != self._saved:
            write_place(self._state_dir, self._stream, self._place)
            self._saved = self._place

    def _run(self) -> None:
        while not self._stopping:
            pause_s = POLL_S
            try:
                self.step()
                if self._place.cursor - self._saved.cursor >= SAVE_RECORDS:
                    self.save()
            except (StoreUnavailableError, EvidenceError) as error:
                _log.warning("the registry's changes wait, trying again: %s", error)
                pause_s = PAUSE_S
            self._woken.wait(pause_s)
            self._woken.clear()
        try:
            self._drain()
            self.save()
        except (StoreUnavailableError, EvidenceError) as error:
            _log.warning("the registry's changes wait for the next start: %s", error)

    def _drain(self) -> None:
        until_s = time.monotonic() + DRAIN_S
        while not self.fault and time.monotonic() < until_s:
            self.step()
            if self._place.seq == self._store.revision():
                return
            self._woken.wait(ROUND_S)
            self._woken.clear()

    def _learn(self) -> None:
        """Read what the archive holds already."""
        self._place = self._saved = read_place(self._state_dir, self._stream)
        self._noting = Noting(self._store, self._place)
        until = self._stream.next_index
        for index, record in self._stream.records(self._place.cursor):
            if index >= until:
                break
            if record.kind in FOLLOWED:
                found = Found(
                    index=index, kind=record.kind, recv_ms=record.recv_ms, data=record.data
                )
                self._noting.take(found.index, found.kind, found.recv_ms, found.data)
        self._noting.flush()
        self._advance(until)
        self._given = self._place.seq
        self._compare()
        self._learnt = True

    def _note(self) -> None:
        """Take in what came since; what the registry could not note now stays in the inbox."""
        seen = self._seen  # before the inbox is emptied, or something might be skipped
        taken = list(self._inbox)
        for found in taken:
            if found.index >= self._place.cursor:
                self._noting.take(found.index, found.kind, found.recv_ms, found.data)
        self._noting.flush()
        for _ in taken:
            self._inbox.popleft()
        self._advance(max(seen, self._place.cursor))

    def _advance(self, cursor: int) -> None:
        noting = self._noting
        self._place = Place(cursor=cursor, seq=noting.seq, hash=noting.hash)

    def _give(self) -> None:
        last = self._place.hash
        for entry in self._store.audit(after_seq=self._place.seq, limit=WINDOW):
            if entry.prev_hash != last or leaf_hash(audit_leaf(entry)) != entry.hash:
                self._fail(f"change {entry.seq} of the registry was altered in its database")
                return
            for kind, data in objects_of(self._store, entry):
                if (kind, data) not in self._noting.ahead:
                    self._record(kind, data)
            self._given, last = entry.seq, entry.hash

    def _compare(self) -> None:
        """Look for a registry that contradicts the log: nothing may be added to that."""
        seq = self._place.seq
        if seq == 0:
            return
        entries = self._store.audit(after_seq=seq - 1, limit=1)
        if not entries or (entries[0].seq, entries[0].hash) != (seq, self._place.hash):
            self._fail(f"the log has another change {seq} than the registry's database")

    def _fail(self, what: str) -> None:
        self.fault = f"{what}; restore the newest copy of the database, and start again"
        _log.critical("changes of the registry are not logged any more: %s", self.fault)
        finding = FindingRecord(
            kind=REGISTRY,
            gateway="",
            kid=b"",
            epoch=b"",
            lo=self._place.seq,
            hi=self._place.seq,
            detail=self.fault,
            at_ms=self._store.now_ms(),
        )
        self._record(RecordKind.FINDING, encode_finding(finding))
