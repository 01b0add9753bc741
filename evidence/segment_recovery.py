"""What a log finds on the disk when it opens: its records, its damage, its torn tail.

Only a tail that was never durable is changed: it is overwritten with zeros. Damage stays as
it is, and is reported.
"""

import os
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from evidence.disk import TEMPORARY, Disk, write_zeros
from evidence.segment import Found, Rot, Tail, nonzero_span
from evidence.segment_file import SegmentFile, list_segments, open_segment


class Scrub(Enum):
    """How much of the log `open` reads."""

    ALL = auto()
    """Every record: all rot is known at once (an outbox)."""
    LAST = auto()
    """The last segment; older ones are checked as they are read (an archive)."""


class RotRange(NamedTuple):
    """Records first_seq..last_seq that were durable once and cannot be read any more.

    `last_seq < first_seq` when the damage cost no record that is known of.
    """

    segment: int
    offset: int
    end: int
    first_seq: int
    last_seq: int


@dataclass(slots=True, kw_only=True)
class Recovered:
    """What `recover` found; `torn_bytes` were overwritten with zeros."""

    segments: list[SegmentFile]
    rot: list[RotRange] = field(default_factory=list)
    next_seq: int = 0
    torn_bytes: int = 0


def recover(directory: Path, scrub: Scrub, disk: Disk) -> Recovered:
    """Read the log in `directory`; raises OSError when that is refused."""
    for stale in directory.glob(f"*{TEMPORARY}"):
        disk.unlink(stale)
    found = Recovered(segments=[open_segment(path, disk) for path in list_segments(directory)])
    for i, segment in enumerate(found.segments):
        if segment.header_rot is not None:
            found.rot.append(rot_range(segment, segment.header_rot))
        last = i + 1 == len(found.segments)
        if last or scrub is Scrub.ALL:
            next_first_seq = None if last else found.segments[i + 1].first_seq
            _survey(found, segment, next_first_seq)
            _clean(found, segment, disk)
    return found


def rot_range(segment: SegmentFile, rot: Rot) -> RotRange:
    """Return where `rot` of `segment` lies in the log."""
    return RotRange(segment.first_seq, rot.offset, rot.end, rot.first_seq, rot.last_seq)


def _survey(found: Recovered, segment: SegmentFile, next_first_seq: int | None) -> None:
    for item in segment.walk(next_first_seq=next_first_seq):
        match item:
            case Found():
                continue
            case Rot():
                found.rot.append(rot_range(segment, item))
                found.next_seq = item.last_seq + 1
            case Tail():
                segment.end, found.next_seq = item.offset, item.next_seq


def _clean(found: Recovered, segment: SegmentFile, disk: Disk) -> None:
    """Zero what follows the last record; of a file that is unsound only say so."""
    if segment.header is None:
        return
    if segment.sound:
        with segment.reading() as read:
            dirty = nonzero_span(read, segment.end, segment.limit)
        if dirty is not None and segment.sound:
            found.torn_bytes += dirty[1] - dirty[0]
            _zero(segment, dirty[1], disk)
    if not segment.sound:
        lost = RotRange(
            segment.first_seq, segment.end, segment.limit, found.next_seq, found.next_seq - 1
        )
        found.rot.append(lost)


def _zero(segment: SegmentFile, end: int, disk: Disk) -> None:
    try:
        fd = disk.open(segment.path, os.O_RDWR)
        try:
            write_zeros(disk, fd, segment.end, end)
            disk.fdatasync(fd)
        finally:
            os.close(fd)
    except OSError:
        segment.sound = False
