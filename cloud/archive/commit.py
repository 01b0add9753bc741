"""What a commit hands on: the records of one fsynced group, in archive order.

Made by `cloud.archive.sequencer` after the fsync returned and by `ArchiveReader` when somebody
reads the past; taken by the projections. Named tuples, not dataclasses: one is made per batch
on the hot path, and a frozen dataclass costs three times as much to build.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from evidence.batch import Body


class CommittedRecord(NamedTuple):
    """One archive record that is on disk.

    `gateway` and `body` are set for batches (kind 1) of known keys only; `raw` is the object
    as archived: a batch's whole COSE_Sign1, another kind's CBOR.
    """

    index: int
    kind: int
    recv_ms: int
    via: str
    gateway: str | None
    body: Body | None
    raw: bytes


class CommitGroup(NamedTuple):
    """Records `first_index ..` of one group commit, contiguous and in order."""

    first_index: int
    records: Sequence[CommittedRecord]


CommitListener = Callable[[CommitGroup], None]


class RecordReader(Protocol):
    """Who was behind reads the past here, in archive order, from another thread if need be."""

    def read_from(self, index: int) -> Iterator[CommittedRecord]:
        """Yield the records from `index` on, up to the last one fsynced when called."""

    @property
    def next_index(self) -> int:
        """Return the index that the next record will get; all below are on disk."""
