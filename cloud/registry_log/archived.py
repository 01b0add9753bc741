"""The audit entries that the archive holds, read from its files beside a running server."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evidence.archive_files import RECORDS, log_folders
from evidence.audit_record import audit_hash, decode_audit_record
from evidence.record import RecordKind, decode_record
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One entry: which change it is, its hash, and which record of which segment file."""

    seq: int
    hash: bytes
    file: str
    record: int


def logged_changes(archive: Path) -> Iterator[Logged]:
    """Yield the audit entries of every log of the archive, in order.

    Raises:
        WireError: a record is not what its place says; `coldwarden-verify` says more.
    """
    for folder in log_folders(archive):
        for path in list_segments(folder / RECORDS):
            for item in open_segment(path).walk():
                if isinstance(item, Found):
                    yield from _logged(path, item)


def _logged(path: Path, item: Found) -> Iterator[Logged]:
    record = decode_record(item.payload)
    if record.kind == RecordKind.AUDIT:
        yield Logged(
            seq=decode_audit_record(record.data).seq,
            hash=audit_hash(record.data),
            file=path.name,
            record=record.index,
        )
