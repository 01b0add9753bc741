"""Copies one log to another folder, up to its last checkpoint, and proves the copy.

Used by backup and restore. What is copied is read back from the copy: every record is whole,
and the tree made from the copied records has the root that the log key signed. Closed segments
are copied once; the open one up to the checkpoint, each time. The source may be in use.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from cloud.errors import BackupError
from evidence.archive_files import (
    LOG,
    MANIFEST,
    RECORDS,
    decode_manifest,
    read_manifest,
)
from evidence.checkpoint import Checkpoint, open_note
from evidence.disk import write_file
from evidence.errors import CorruptError, RestoredError, WireError
from evidence.index import ensure_index
from evidence.keys import PublicKey
from evidence.record import decode_record, leaf_of
from evidence.segment import HEADER_BYTES, RECORD_HEAD_BYTES, Found, Rot
from evidence.segment_file import (
    SegmentFile,
    list_segments,
    open_segment,
    segment_name,
)
from evidence.tile_layout import CHECKPOINT
from evidence.tiles import TileLog

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What a copy holds now; `new_bytes` were copied this time."""

    checkpoint: Checkpoint
    new_bytes: int


def copy_log(source: Path, target: Path, log_key: PublicKey) -> Copied:
    """Bring the copy `target` of the log in `source` up to the last checkpoint there.

    Raises:
        BackupError: source and copy cannot be made to agree; names the file and the place.
        OSError: a file cannot be read or written.
    """
    try:
        return _Copy(source, target, log_key).run()
    except (CorruptError, RestoredError, WireError) as error:
        raise BackupError(f"{error}") from error


class _Copy:
    """One run."""

    def __init__(self, source: Path, target: Path, log_key: PublicKey) -> None:
        self._source = source
        self._target = target
        self._scratch = target.with_name(f".{target.name}.scratch")
        self._manifest = read_manifest(source)
        self._keys = {self._manifest.origin: log_key}
        # The checkpoint first: whatever it covers is in the segments by then.
        self._note = _read_note(source / LOG / CHECKPOINT)
        self._checkpoint = open_note(self._note, self._keys)
        self._new_bytes = 0

    def run(self) -> Copied:
        for folder in (self._target / RECORDS, self._target / LOG, self._scratch):
            folder.mkdir(parents=True, exist_ok=True)
        self._copy_manifest()
        made = self._copy_segments()
        try:
            self._prove()
        except (BackupError, CorruptError, RestoredError, WireError):
            for path in made:
                path.unlink()
            raise
        return Copied(checkpoint=self._checkpoint, new_bytes=self._new_bytes)

    def _copy_manifest(self) -> None:
        path = self._target / MANIFEST
        data = (self._source / MANIFEST).read_bytes()
        if not path.exists():
            write_file(path, data, scratch=self._scratch)
        elif path.read_bytes() != data:
            there = decode_manifest(path.read_bytes())
            name = there.origin if there else "something damaged"
            raise BackupError(
                f"{self._target} holds {name}, not {self._manifest.origin}; use another folder"
            )

    def _copy_segments(self) -> list[Path]:
        """Copy what is missing and return the files made, oldest first."""
        size = self._checkpoint.size
        present = list_segments(self._target / RECORDS)
        complete = {path.name for path in present[:-1]}  # the last one may have been open
        segments = [open_segment(path) for path in list_segments(self._source / RECORDS)]
        ends = [segment.first_seq for segment in segments[1:]]
        made: list[Path] = []
        for segment, end in zip(segments, [*ends, size], strict=True):
            if segment.first_seq < size and segment.path.name not in complete:
                made.append(self._copy_segment(segment, min(end, size)))
        return made

    def _copy_segment(self, segment: SegmentFile, end_seq: int) -> Path:
        """Copy the records before `end_seq`, read them back, then put the file in place."""
        end = _end_of(segment, end_seq)
        temporary = self._scratch / segment_name(segment.first_seq)
        header = segment.known_header
        with segment.path.open("rb") as source, temporary.open("wb") as copy:
            for offset in range(0, end, _CHUNK_BYTES):
                copy.write(source.read(min(_CHUNK_BYTES, end - offset)))
            source.seek(header.limit)
            copy.truncate(header.limit)
            copy.seek(header.limit)
            copy.write(source.read(HEADER_BYTES))
            copy.flush()
            os.fsync(copy.fileno())
        _end_of(open_segment(temporary), end_seq)
        path = self._target / RECORDS / temporary.name
        temporary.replace(path)
        self._new_bytes += end
        return path

    def _prove(self) -> None:
        """Make the tree from the copy; its root must be the one that was signed."""
        log = TileLog.open(
            self._target / LOG, self._keys, self._leaves_from, scratch=self._scratch
        )
        if (log.size, log.root()) != (self._checkpoint.size, self._checkpoint.root):
            raise BackupError(
                f"{self._target / RECORDS}: {log.size} records do not have the root of the "
                f"checkpoint of size {self._checkpoint.size} in {self._source / LOG}"
            )
        log.publish(self._note)
        segments = [open_segment(path) for path in list_segments(self._target / RECORDS)]
        for segment, after in pairwise(segments):
            ensure_index(segment, after.first_seq, scratch=self._scratch)

    def _leaves_from(self, first: int) -> Iterator[bytes]:
        due = first
        paths = list_segments(self._target / RECORDS)
        ends = [int(path.stem, 16) for path in paths[1:]]
        for path, end in zip(paths, [*ends, self._checkpoint.size], strict=True):
            if end <= first:
                continue
            for item in open_segment(path).walk(from_seq=first):
                if isinstance(item, Rot) and item.last_seq >= first:
                    raise BackupError(f"{path}: damaged from byte {item.offset} on")
                if isinstance(item, Found):
                    if item.seq != due:
                        raise BackupError(f"{path}: record {due} is missing")
                    due += 1
                    yield leaf_of(decode_record(item.payload))


def _read_note(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise BackupError(f"{path}: nothing is published yet; start the server once") from error


def _end_of(segment: SegmentFile, end_seq: int) -> int:
    """Return the offset after record `end_seq - 1`, having read everything before it."""
    if segment.header_rot is not None or segment.header is None:
        raise BackupError(f"{segment.path}: the header is damaged; restore an older copy")
    end, seq = HEADER_BYTES, segment.first_seq
    for item in segment.walk(next_first_seq=end_seq):
        if isinstance(item, Rot):
            raise BackupError(
                f"{segment.path}: damaged from byte {item.offset} to {item.end}, "
                f"records {item.first_seq} to {item.last_seq}"
            )
        if isinstance(item, Found):
            end, seq = item.offset + RECORD_HEAD_BYTES + len(item.payload), item.seq + 1
    if seq < end_seq:
        raise BackupError(f"{segment.path}: ends at record {seq}, {end_seq} expected")
    return end
