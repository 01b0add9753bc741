"""One log on disk: its records, its tree, its checkpoints. One writer, the sequencer.

    FOLDER/manifest.json     what this is
    FOLDER/records/*.seg     record i of the archive is record i of the segment log
    FOLDER/log/              leaf i of the tree is computed from record i

Order: a record is durable before its leaf counts, a leaf counts before a root that covers it
is signed. A receipt need not wait for the checkpoint's file: whatever is lost with a power cut
but the records is made again from them, to the same roots.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cloud.archive.locator import Locator
from cloud.errors import LogRefusedError
from evidence.archive_files import LOG, RECORDS, Manifest, read_manifest, write_manifest
from evidence.checkpoint import Checkpoint, sign
from evidence.disk import REAL_DISK, Disk
from evidence.errors import (
    CorruptError,
    EvidenceError,
    RestoredError,
    WireError,
)
from evidence.keys import SoftwareKey
from evidence.merkle import tree_root
from evidence.receipt import ReceiptSigner, SignedRoot
from evidence.record import Record, decode_record, encode_record, genesis_record, leaf_of
from evidence.segment_file import SegmentFile, list_segments
from evidence.segment_log import Position, Scrub, SegmentLog
from evidence.tiles import TileLog

PREPARE_AT = 0.75  # of a segment: from there on the next one is filled with zeros


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """What all logs of an archive share; `disk` is the seam for faults."""

    key: SoftwareKey
    segment_bytes: int
    disk: Disk = REAL_DISK


class LogStore:
    """See the module; `create` or `open`, then `replay` to its end, then `append`.

    `refusal` says why nothing may be signed any more, empty while it may: the records then
    still come in, only receipts do not leave. `segment` is the first record of the segment
    that is written.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        records: SegmentLog,
        settings: LogSettings,
    ) -> None:
        self.folder = folder
        self.manifest = manifest
        self.locator = Locator(scratch_of(folder))
        self.refusal = ""
        self._records = records
        self._settings = settings
        self._tiles: TileLog | None = None
        self._asides: list[threading.Thread] = []
        self._prepare_at = int(settings.segment_bytes * PREPARE_AT)
        self._prepared = -1  # first record of the segment whose successor was asked for
        self.segment = 0

    @classmethod
    def create(cls, folder: Path, manifest: Manifest, settings: LogSettings) -> Self:
        """Begin a log in a new folder; raises as `open`."""
        folder.mkdir(parents=True, exist_ok=True)
        write_manifest(folder, manifest, disk=settings.disk, scratch=scratch_of(folder))
        return cls.open(folder, settings)

    @classmethod
    def open(cls, folder: Path, settings: LogSettings) -> Self:
        """Open a log for writing; a tree that does not agree with the records is refused.

        Raises:
            CorruptError: the folder is not an archive.
            LogInUseError: another process writes it.
            StorageFaultError: the disk refused.
        """
        manifest = read_manifest(folder)
        scratch = scratch_of(folder)
        records = SegmentLog.open(
            folder / RECORDS,
            segment_bytes=settings.segment_bytes,
            scrub=Scrub.LAST,
            disk=settings.disk,
            scratch=scratch,
        )
        store = cls(folder, manifest, records, settings)
        try:
            store._open_tree(scratch)
        except BaseException:
            records.close()
            raise
        return store

    @property
    def next_index(self) -> int:
        """Return the index of the next record."""
        return self._records.next_seq

    @property
    def durable_index(self) -> int:
        """Return the first index that is not on disk yet."""
        return self._records.synced_seq

    @property
    def published_size(self) -> int:
        """Return how many records the last checkpoint covers."""
        return self._tiles.published_size if self._tiles else 0

    @property
    def size(self) -> int:
        """Return how many leaves the tree has, 0 when there is none that may be signed."""
        return self._tiles.size if self._tiles else 0

    def replay(self, index: int = 0) -> Iterator[Record]:
        """Yield the durable records from `index` or a little before it on.

        Learns anew where every record lies: what comes before the first one yielded is found
        through the indexes of its segments.
        """
        self.locator = Locator(scratch_of(self.folder))
        first = 0
        for segment, end in self._closed():
            if end <= index:
                self.locator.closed(segment, end)
                first = end
        for position, data in self._records.scan(first):
            self.locator.placed((position,))
            self.segment = position.segment
            yield decode_record(data)
        if self._records.closed_segments:
            self._aside(self._index_closed)

    def append(self, records: Sequence[bytes]) -> None:
        """Write a group of records; durable after `sync`."""
        positions = self._records.append_many(records)
        self.locator.placed(positions)
        last = positions[-1]
        if last.offset > self._prepare_at and last.segment > self._prepared:
            self._prepared = last.segment
            self._aside(self._records.prepare_next)
        if last.segment > self.segment:
            self.segment = last.segment
            self._aside(self._index_closed)

    def sync(self, leaves: Sequence[bytes]) -> None:
        """Make what was appended durable, then let its leaves count."""
        self._records.sync()
        if self._tiles is not None:
            self._tiles.append(leaves)

    def signed_root(self, iat_s: int) -> SignedRoot:
        """Return the root of all leaves, signed for receipts; nothing is written.

        Raises:
            LogRefusedError: the tree does not extend what was published before.
        """
        tiles = self._tree()
        signer = ReceiptSigner(self.manifest.origin, self._settings.key)
        return signer.checkpoint(tiles.size, tiles.root(), iat_s)

    def publish(self) -> None:
        """Make the checkpoint of all leaves the log's durable one; errors as `signed_root`."""
        tiles, key = self._tree(), self._settings.key
        if tiles.size != tiles.published_size:
            checkpoint = Checkpoint(
                origin=self.manifest.origin, size=tiles.size, root=tiles.root()
            )
            tiles.publish(sign(checkpoint, key, key.public))

    def path(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of record `index` in the tree of `size` leaves."""
        return self._tree().inclusion(index, size)

    def root_at(self, size: int) -> bytes:
        """Return the root of the first `size` leaves, at most all that there are."""
        return tree_root(size, self._tree().node)

    def read(self, position: Position) -> Record:
        """Return a record; CorruptError when the disk does not hold it any more."""
        return decode_record(self._records.read(position))

    def scan(self, first: int) -> Iterator[Record]:
        """Yield durable records from `first` on; may run in any thread."""
        end = self.durable_index
        for position, data in self._records.scan(first):
            if position.seq >= end:
                return
            yield decode_record(data)

    def recover(self) -> None:
        """Go on after a storage fault from the last durable record; `replay` must follow.

        Raises:
            LogFullError, StorageFaultError: the disk still refuses.
        """
        self._records.reopen_after_fault()
        self._tiles = None
        self._open_tree(scratch_of(self.folder))

    def close(self) -> None:
        """Let go of the files."""
        for thread in self._asides:
            thread.join()
        self._records.close()

    def refuse(self, reason: str) -> None:
        """Sign nothing from now on."""
        self.refusal = self.refusal or f"{self.folder}: {reason}"

    def _aside(self, work: Callable[[], None]) -> None:
        """Do something that takes long in a thread of its own."""

        def quietly() -> None:
            # What fails here fails again, and is told, when its result is needed.
            with suppress(EvidenceError, OSError):
                work()

        thread = threading.Thread(target=quietly, name="archive-aside", daemon=True)
        self._asides = [t for t in self._asides if t.is_alive()] + [thread]
        thread.start()

    def _index_closed(self) -> None:
        """Write the missing indexes of closed segments."""
        for segment, end in self._closed():
            self.locator.write_index(segment, end)

    def _closed(self) -> list[tuple[SegmentFile, int]]:
        """Return the closed segments that can be read, each with the first record after it."""
        paths = list_segments(self.folder / RECORDS)
        starts = [int(path.stem, 16) for path in paths]
        ends = dict(zip(starts, [*starts, self._records.next_seq][1:], strict=True))
        closed = self._records.closed_segments
        return [(s, ends[s.first_seq]) for s in closed if s.header is not None]

    def _tree(self) -> TileLog:
        if self._tiles is None or self.refusal:
            raise LogRefusedError(self.refusal)
        return self._tiles

    def _open_tree(self, scratch: Path) -> None:
        if self._records.next_seq == 0:
            # Also after a crash between the manifest and this record.
            genesis = genesis_record(self.manifest.origin, self.manifest.created_ms)
            self._records.append(encode_record(genesis))
            self._records.sync()
        try:
            self._tiles = TileLog.open(
                self.folder / LOG,
                {self.manifest.origin: self._settings.key.public},
                self._leaves_from,
                disk=self._settings.disk,
                scratch=scratch,
            )
        except (RestoredError, CorruptError, WireError) as error:
            self.refuse(f"{error}; restore it from a backup")

    def _leaves_from(self, first: int) -> Iterator[bytes]:
        for due, (position, data) in enumerate(self._records.scan(first), first):
            if position.seq != due:
                raise RestoredError(f"records {due} to {position.seq - 1} cannot be read")
            yield leaf_of(decode_record(data))


def scratch_of(folder: Path) -> Path:
    """Return the folder for temporary files: beside the archive, where nothing is checked."""
    scratch = folder.with_name(f".{folder.name}.scratch")
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch
