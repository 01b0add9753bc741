"""Commit groups without an archive, and an archive reader over a list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from cloud.projections.feed import CommitGroup, CommittedRecord
from evidence.batch import Body, decode_body, encode_body

BATCH = 1


def batch_record(index: int, gateway: str, body: Body, *, recv_ms: int = 0) -> CommittedRecord:
    """Return a batch as committed: through the wire, so that widths are the wire's."""
    return CommittedRecord(
        index=index,
        kind=BATCH,
        recv_ms=recv_ms,
        gateway=gateway,
        body=decode_body(encode_body(body)),
        raw=b"",
    )


def other_record(index: int, kind: int, raw: bytes, *, recv_ms: int) -> CommittedRecord:
    """Return a record that is no batch."""
    return CommittedRecord(
        index=index, kind=kind, recv_ms=recv_ms, gateway=None, body=None, raw=raw
    )


def group_of(records: Sequence[CommittedRecord], *, as_of_ms: int = 0) -> CommitGroup:
    """Return one commit group of records that follow one another."""
    first = records[0].index if records else 0
    return CommitGroup(first_index=first, records=records, as_of_ms=as_of_ms)


def split(records: Sequence[CommittedRecord], sizes: Iterable[int]) -> list[CommitGroup]:
    """Return the records as groups of the given sizes, the rest as one more."""
    groups: list[CommitGroup] = []
    start = 0
    for size in sizes:
        if part := records[start : start + size]:
            groups.append(group_of(part))
        start += size
    return [*groups, group_of(records[start:])] if records[start:] else groups


@dataclass(slots=True)
class ListArchive:
    """An `ArchiveReader` over records in memory."""

    records: list[CommittedRecord] = field(default_factory=list)
    reads: int = 0

    def read_records(self, from_index: int, limit: int) -> Sequence[CommittedRecord]:
        """Return at most `limit` records from `from_index` on."""
        self.reads += 1
        return self.records[from_index : from_index + limit]

    @property
    def next_index(self) -> int:
        """Return how many there are."""
        return len(self.records)
