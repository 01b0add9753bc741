"""What the sequencer tells the projections after each group commit.

The sequencer (`cloud.archive`) builds these; `cloud.projections.runner` takes them in. Records
come in archive order without holes. A projection that misses a group reads the same records
from the archive through `ArchiveReader`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evidence.batch import Body


@dataclass(slots=True, kw_only=True)
class CommittedRecord:
    """One archive record whose fsync has returned; never changed once made.

    Not frozen, because freezing triples the cost of making one, and one is made per batch.
    """

    index: int
    """Archive index, counted from 0 (the genesis record)."""
    kind: int
    """Record kind of `evidence.record`: 1 is a batch, 4 an alarm, 10 a finding, ..."""
    recv_ms: int
    """When the cloud took it in, Unix ms; never smaller than that of an earlier record."""
    gateway: str | None
    """Who signed the batch; None for every other kind."""
    body: Body | None
    """The decoded batch; None for every other kind."""
    raw: bytes
    """The archived object: the signed batch, or the document of another kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitGroup:
    """The records of one group commit: indexes `first_index` and following.

    A group without records only says that time has passed: that is how timers (a silent
    gateway, a missing backup) fire while nothing arrives. Send one about every second.
    """

    first_index: int
    records: Sequence[CommittedRecord]
    as_of_ms: int = 0
    """Every record with a smaller `recv_ms` is in this group or before it (0: not said).

    It makes timers repeatable: one that is due at or before `as_of_ms` fires now, and fires
    at the same place when the archive is replayed.
    """

    @property
    def next_index(self) -> int:
        """Return the archive index that follows this group."""
        return self.first_index + len(self.records)


class ArchiveReader(Protocol):
    """The archive as a projection that is behind reads it. Called from projection threads."""

    def read_records(self, from_index: int, limit: int) -> Sequence[CommittedRecord]:
        """Return at most `limit` committed records from `from_index` on; none at the end."""
        ...

    @property
    def next_index(self) -> int:
        """Return the index that the next record will get: everything below is durable."""
        ...
