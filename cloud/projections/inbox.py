"""Commit groups that wait for one projection; bounded, and only ever a shortcut.

Pure but for being shared between two threads, which `cloud.projections.runner` guards. Whatever
is dropped here is in the archive and read from there: dropping costs time, never data.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from cloud.projections.feed import CommitGroup, CommittedRecord

MAX_WAITING_BYTES: Final = 64 << 20  # of batches as signed; their columns refer to these bytes
MAX_RECORDS_AT_ONCE: Final = 4096
MAX_READINGS_AT_ONCE: Final = 200_000  # about 100 MiB of arrays and lines on their way


@dataclass(slots=True)
class Inbox:
    """Groups in archive order without a hole between them."""

    max_bytes: int = MAX_WAITING_BYTES
    overflows: int = 0
    _groups: deque[CommitGroup] = field(default_factory=deque)
    _bytes: int = 0

    def put(self, group: CommitGroup) -> None:
        """Keep `group`; when too much waits, all of it is dropped."""
        if self._groups and self._groups[-1].next_index != group.first_index:
            self._clear()
        self._groups.append(group)
        self._bytes += _size(group)
        if self._bytes > self.max_bytes:
            self.overflows += 1
            self._clear()

    def take(self, cursor: int) -> CommitGroup | None:
        """Return what begins at `cursor`, several groups as one; None when that was dropped."""
        while self._groups and self._groups[0].next_index <= cursor:
            self._pop()
        if not self._groups or self._groups[0].first_index > cursor:
            return None
        records: list[CommittedRecord] = []
        readings = 0
        while self._groups and len(records) < MAX_RECORDS_AT_ONCE:
            if readings >= MAX_READINGS_AT_ONCE:
                break
            group = self._pop()
            fresh = group.records[max(cursor - group.first_index, 0) :]
            records += fresh
            readings += sum(r.body.count for r in fresh if r.body is not None)
        return CommitGroup(first_index=cursor, records=records)

    @property
    def first_index(self) -> int | None:
        """Return where the waiting groups begin."""
        return self._groups[0].first_index if self._groups else None

    def _pop(self) -> CommitGroup:
        group = self._groups.popleft()
        self._bytes -= _size(group)
        return group

    def _clear(self) -> None:
        self._groups.clear()
        self._bytes = 0


def _size(group: CommitGroup) -> int:
    return sum(len(record.raw) for record in group.records)
