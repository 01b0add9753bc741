"""Damage to the files of an outbox or an archive, as a failing card or a tamperer does it."""

from pathlib import Path

from evidence.segment import RECORD_HEAD_BYTES, Found
from evidence.segment_file import list_segments, open_segment


def records_of(folder: Path) -> list[tuple[Path, Found]]:
    """Return every record of a segment log with its file."""
    return [
        (path, item)
        for path in list_segments(folder)
        for item in open_segment(path).walk()
        if isinstance(item, Found)
    ]


def flip(path: Path, offset: int, mask: int = 1) -> None:
    """Flip bits of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(offset)
        (byte,) = file.read(1)
        file.seek(offset)
        file.write(bytes([byte ^ mask]))


def flip_record(folder: Path, number: int) -> Found:
    """Flip one bit in the middle of a record; return the record as it was."""
    path, found = records_of(folder)[number]
    flip(path, found.offset + RECORD_HEAD_BYTES + len(found.payload) // 2)
    return found


def erase_from(folder: Path, number: int) -> list[Found]:
    """Put zeros over a record and all that follow it in its segment; return them."""
    records = records_of(folder)
    path, first = records[number]
    erased = [found for file, found in records if file == path and found.seq >= first.seq]
    end = erased[-1].offset + RECORD_HEAD_BYTES + len(erased[-1].payload)
    with path.open("r+b") as file:
        file.seek(first.offset)
        file.write(bytes(end - first.offset))
    return erased


def tear(folder: Path) -> None:
    """Leave the first half of one more record after the last, as a power cut does."""
    path, last = records_of(folder)[-1]
    size = RECORD_HEAD_BYTES + len(last.payload)
    with path.open("r+b") as file:
        file.seek(last.offset)
        record = bytearray(file.read(size))
        record[16:24] = (last.seq + 1).to_bytes(8, "little")
        file.write(record[: size // 2])
