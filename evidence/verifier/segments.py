"""Checks segment files byte by byte and hands out their records."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from evidence.segment import Found, Rot, Tail, nonzero_span
from evidence.segment_file import SegmentFile, open_segment
from evidence.verifier.report import Check, Place

TELL_BYTES = 1 << 20
NameOf = Callable[[Path], str]
"""Gives the name of a file as the report shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReader:
    """Whom to tell: of every record, of the end of every segment, of bytes read."""

    check: Check
    name_of: NameOf
    on_record: Callable[[SegmentFile, Found], None]
    on_end: Callable[[SegmentFile], None]
    on_bytes: Callable[[int], None]


def read_segments(paths: Sequence[Path], reader: SegmentReader, first_seq: int | None) -> int:
    """Read every segment in order and return the seq after the last record.

    Args:
        paths: as `evidence.segment_file.list_segments` gives them.
        reader: whom to tell; its check fails for whatever is not as it was written.
        first_seq: what the first record must be; None when older ones may have been freed.
    """
    next_seq = first_seq
    for number, path in enumerate(paths):
        segment = open_segment(path)
        expected = segment.first_seq if next_seq is None else next_seq
        if segment.first_seq != expected:
            _tell_lost(reader, segment, 0, (expected, segment.first_seq - 1))
        last = number + 1 == len(paths)
        next_first_seq = None if last else int(paths[number + 1].stem, 16)
        next_seq = _read_segment(segment, reader, next_first_seq)
        reader.on_end(segment)
    return next_seq or 0


def _read_segment(
    segment: SegmentFile, reader: SegmentReader, next_first_seq: int | None
) -> int:
    _check_header(segment, reader)
    next_seq, told_bytes = segment.first_seq, 0
    for item in segment.walk(next_first_seq=next_first_seq):
        match item:
            case Found():
                reader.check.examined += 1
                next_seq = item.seq + 1
                reader.on_record(segment, item)
                if item.offset - told_bytes >= TELL_BYTES:
                    reader.on_bytes(item.offset - told_bytes)
                    told_bytes = item.offset
            case Rot():
                lost = (item.first_seq, item.last_seq)
                _tell_lost(reader, segment, item.offset, lost)
                next_seq = item.last_seq + 1
            case Tail():
                _check_tail(segment, reader, item)
    if not segment.sound and segment.header is not None:
        _tell(reader, segment, 0, "the file is cut short, too long, or cannot be read")
    reader.on_bytes(segment.file_bytes - told_bytes)
    return next_seq


def _check_header(segment: SegmentFile, reader: SegmentReader) -> None:
    if segment.header is None:
        _tell(reader, segment, 0, "no header, or that of another file")
    elif segment.header_rot is not None:
        _tell(reader, segment, segment.header_rot.offset, "a copy of the header is damaged")


def _check_tail(segment: SegmentFile, reader: SegmentReader, tail: Tail) -> None:
    with segment.reading() as read:
        span = nonzero_span(read, tail.offset, segment.limit)
    if span is not None:
        _tell(
            reader, segment, span[0], "what follows the last record is not zero", tail.next_seq
        )


def _tell_lost(
    reader: SegmentReader, segment: SegmentFile, offset: int, lost: tuple[int, int]
) -> None:
    lo, hi = lost
    records = f"record {lo} is" if lo == hi else f"records {lo} to {hi} are"
    _tell(reader, segment, offset, f"{records} damaged or missing", lo)


def _tell(
    reader: SegmentReader,
    segment: SegmentFile,
    offset: int,
    message: str,
    record: int | None = None,
) -> None:
    file = reader.name_of(segment.path)
    reader.check.fail(message, Place(file=file, offset=offset, record=record))
