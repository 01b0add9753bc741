"""The one ordered stream of records, over all the logs that hold it.

A log ends with its year, or when a restore has cost its end; the next one is a folder beside
it (`archive`, `archive-2`, ...) whose manifest names its predecessor. Record i of a log is
record `first_index + i` of the stream. The sequencer writes; projections read from any thread.
"""

import datetime as dt
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

from cloud.archive.ledger import Location
from cloud.archive.log_store import LogSettings, LogStore
from cloud.errors import ArchiveError, LogRefusedError
from evidence.archive_files import MANIFEST, Manifest, Predecessor, log_folders
from evidence.receipt import SignedRoot
from evidence.record import Record, run_of

GROUP_BYTES = 4 << 20
UNKNOWN_ROOT = bytes(32)
"""What a successor says of a log whose end was lost."""


class Stream:
    """See the module. `group_bytes` is the most that should be appended at once."""

    def __init__(self, folder: Path, logs: list[LogStore], settings: LogSettings) -> None:
        self._folder = folder
        self._logs = logs
        self._settings = settings
        self.group_bytes = min(GROUP_BYTES, settings.segment_bytes // 4)
        self._final: dict[int, SignedRoot] = {}

    @classmethod
    def open(cls, folder: Path, log_name: str, settings: LogSettings, now_ms: int) -> Self:
        """Open every log of the archive, and begin the first one where there is none.

        Raises:
            ArchiveError, CorruptError: a folder is not what it should be.
            LogInUseError: another process writes here.
            StorageFaultError: the disk refused.
        """
        logs: list[LogStore] = []
        try:
            for path in log_folders(folder) if (folder / MANIFEST).exists() else ():
                logs.append(LogStore.open(path, settings))
                _check_follows(logs)
            if not logs:
                manifest = Manifest(origin=f"{log_name}/{_year(now_ms)}", created_ms=now_ms)
                logs.append(LogStore.create(folder, manifest, settings))
        except BaseException:
            for log in logs:
                log.close()
            raise
        return cls(folder, logs, settings)

    @property
    def current(self) -> LogStore:
        """Return the log that is written now."""
        return self._logs[-1]

    @property
    def logs(self) -> Sequence[LogStore]:
        """Return all logs, oldest first."""
        return self._logs

    @property
    def next_index(self) -> int:
        """Return the stream index of the next record: all below are on disk."""
        return self.current.manifest.first_index + self.current.durable_index

    def is_over(self, now_ms: int) -> bool:
        """Return whether the current log's year has ended."""
        label = self.current.manifest.origin.rpartition("/")[2]
        return int(label[:4]) < _year(now_ms)

    def next_origin(self, now_ms: int, *, lost: bool) -> str:
        """Return the name of the log to follow; a year has one log unless one was lost."""
        stem = self.current.manifest.origin.rpartition("/")[0]
        label = f"{_year(now_ms)}-{len(self._logs) + 1}" if lost else f"{_year(now_ms)}"
        return f"{stem}/{label}"

    def begin_next(self, origin: str, now_ms: int) -> int:
        """Open the successor of the current log and return the index of its first record."""
        current = self.current
        first_index = current.manifest.first_index + current.next_index
        before = Predecessor(
            origin=current.manifest.origin,
            size=current.next_index,
            root=UNKNOWN_ROOT if current.refusal else current.root_at(current.next_index),
        )
        manifest = Manifest(
            origin=origin, created_ms=now_ms, first_index=first_index, predecessor=before
        )
        folder = self._folder.with_name(f"{self._folder.name}-{len(self._logs) + 1}")
        self._logs.append(LogStore.create(folder, manifest, self._settings))
        return first_index

    def is_lost(self, size: int) -> bool:
        """Return whether a log that may not be signed any more once had this size, as said."""
        return any(log.refusal and size > log.published_size for log in self._logs[:-1])

    def locate(self, kid: bytes, epoch: bytes, seq: int) -> Location:
        """Return where a batch is archived; CorruptError when its record cannot be read."""
        for number in range(len(self._logs) - 1, -1, -1):
            position = self._logs[number].locator.find(kid, epoch, seq)
            if position is not None:
                record = self._logs[number].read(position)
                lo = run_of(record)[3]
                return Location(number, record.index, lo, sha256(record.data).digest())
        raise ArchiveError(self._folder, f"no record of {kid.hex()}/{epoch.hex()}/{seq}")

    def signed_root(self, number: int, iat_s: int) -> SignedRoot:
        """Return a signed root of the log `number`; of an ended one, the same every time."""
        if number == len(self._logs) - 1:
            return self.current.signed_root(iat_s)
        if number not in self._final:
            self._final[number] = self._logs[number].signed_root(iat_s)
        return self._final[number]

    def knows_head(self, size: int, root: bytes) -> bool:
        """Return whether one of our logs ever had this root at this size."""
        for log in reversed(self._logs):
            try:
                if 0 < size <= log.size and log.root_at(size) == root:
                    return True
            except LogRefusedError:
                continue
        return False

    def records(self, index: int) -> Iterator[tuple[int, Record]]:
        """Yield (stream index, record) from `index` on, up to the last durable one."""
        starts = [log.manifest.first_index for log in self._logs]
        at = max(bisect_right(starts, index) - 1, 0)
        for log in self._logs[at:]:
            base = log.manifest.first_index
            for record in log.scan(max(index - base, 0)):
                yield base + record.index, record

    def close(self) -> None:
        """Let go of all files."""
        for log in self._logs:
            log.close()


def _check_follows(logs: list[LogStore]) -> None:
    if len(logs) < 2:
        return
    before, after = logs[-2].manifest, logs[-1].manifest
    first_index = before.first_index + logs[-2].next_index
    named = after.predecessor.origin if after.predecessor else "none"
    if named != before.origin or after.first_index != first_index:
        raise ArchiveError(
            logs[-1].folder,
            f"follows {named} at record {after.first_index}, but {logs[-2].folder} is "
            f"{before.origin} with {first_index} records; put the missing folder back",
        )
    if after.predecessor is not None and after.predecessor.root == UNKNOWN_ROOT:
        logs[-2].refuse("its end was lost")


def _year(now_ms: int) -> int:
    return dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC).year
