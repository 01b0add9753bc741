"""Verifies an archive: the records, and everything that follows from them.

One pass over the records, in order: each is checked where it lies, its batch is judged, its
leaf goes into the tree; tiles, indexes and the checkpoint are compared as the tree reaches
them. Memory does not grow with the archive, but for the chains of its gateways.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from evidence.archive_files import (
    LOG,
    MANIFEST,
    Manifest,
    log_folders,
    read_manifest,
)
from evidence.checkpoint import Checkpoint, open_note
from evidence.errors import CorruptError, WireError
from evidence.index import IndexBuilder
from evidence.record import Record, RecordKind, decode_record, leaf_of, run_of
from evidence.segment import Found
from evidence.segment_file import SegmentFile
from evidence.tile_layout import CHECKPOINT
from evidence.trust import Trust
from evidence.verifier.batches import BatchAudit, ChainAudit
from evidence.verifier.folder import Listing, list_archive
from evidence.verifier.log_files import LogAudit, first_difference
from evidence.verifier.registry import KeyAudit, TrailAudit
from evidence.verifier.report import Name, Place, Report
from evidence.verifier.segments import SegmentReader, read_segments
from evidence.verifier.signatures import SignatureQueue

NO_ROOT = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What all logs of an archive share in one verification."""

    report: Report
    trust: Trust
    batches: BatchAudit
    chains: ChainAudit
    keys: KeyAudit
    trail: TrailAudit
    on_bytes: Callable[[int], None]
    root: Path

    def name_of(self, path: Path) -> str:
        """Return the name of a file as the report shows it."""
        if path.is_relative_to(self.root):
            return path.relative_to(self.root).as_posix()
        return path.relative_to(self.root.parent).as_posix()


def verify_archive(folder: Path, trust: Trust, on_bytes: Callable[[int], None]) -> Report:
    """Return what was found in the archive at `folder` and in the logs that follow it.

    Args:
        folder: the archive; its successors lie beside it.
        trust: the pinned keys.
        on_bytes: told of every segment's size when it was read.

    Raises:
        OSError: a file cannot be opened.
    """
    report = Report(subject=str(folder), kind="archive")
    with SignatureQueue(report.check(Name.BATCHES)) as signatures:
        session = Session(
            report=report,
            trust=trust,
            batches=BatchAudit(trust, signatures),
            chains=ChainAudit(report.check(Name.CHAINS), report),
            keys=KeyAudit(trust, report),
            trail=TrailAudit(report),
            on_bytes=on_bytes,
            root=folder,
        )
        audits = [_Log(session, path) for path in log_folders(folder)]
        for before, after in pairwise(audits):
            before.watch(after)
        for number, audit in enumerate(audits):
            if number:
                session.chains.start_new_log()
            audit.run()
        for before, after in pairwise(audits):
            after.check_follows(before)
        session.chains.note_gaps()
    report.counts["gateways"] = session.chains.gateways
    return report


class _Log:
    """One folder."""

    def __init__(self, session: Session, folder: Path) -> None:
        self._session = session
        self._report = session.report
        self._folder = folder
        self._listing: Listing = list_archive(folder, self._report.check(Name.FILES))
        self.manifest = self._read_manifest()
        self.checkpoint = self._open_checkpoint()
        tiles = self._report.check(Name.TILES)
        self._log = LogAudit(self._listing.tiles, self.checkpoint, tiles, session.name_of)
        self._index: IndexBuilder | None = None
        self._reading: Path | None = None  # the segment whose name is known
        self._name = ""

    def watch(self, after: "_Log") -> None:
        """Remember the root at which the log `after` says that it follows this one."""
        before = after.manifest.predecessor if after.manifest else None
        if before is not None:
            self._log.watched.add(before.size)

    def run(self) -> None:
        """Read everything."""
        self._report.check(Name.INDEXES)
        reader = SegmentReader(
            check=self._report.check(Name.SEGMENTS),
            name_of=self._session.name_of,
            on_record=self._on_record,
            on_end=self._on_end,
            on_bytes=self._session.on_bytes,
        )
        self.records = read_segments(self._listing.segments, reader, 0)
        self._log.finish()
        self._check_checkpoint()

    def check_follows(self, before: "_Log") -> None:
        """Compare what the manifest says of the log before with what that log is."""
        check, place = self._report.check(Name.MANIFEST), self._place(MANIFEST)
        if self.manifest is None or before.manifest is None:
            return
        named = self.manifest.predecessor
        if named is None or named.origin != before.manifest.origin:
            check.fail(f"does not follow the log {before.manifest.origin}", place)
            return
        if self.manifest.first_index != before.manifest.first_index + before.records:
            check.fail(f"the log before it ends after {before.records} records", place)
        if named.root not in {NO_ROOT, before.root_at(named.size)}:
            check.fail(f"the log before it has another root of {named.size} leaves", place)

    def root_at(self, size: int) -> bytes | None:
        """Return the root of the first `size` leaves, if it was watched for and reached."""
        return self._log.roots.get(size)

    def _read_manifest(self) -> Manifest | None:
        check = self._report.check(Name.MANIFEST)
        check.examined += 1
        try:
            manifest = read_manifest(self._folder)
        except CorruptError as error:
            check.fail(str(error), self._place(MANIFEST, error.offset))
            return None
        if manifest.origin not in self._session.trust.logs:
            check.fail(
                f"no key is pinned for the log {manifest.origin!r}", self._place(MANIFEST)
            )
        return manifest

    def _open_checkpoint(self) -> Checkpoint | None:
        check = self._report.check(Name.CHECKPOINT)
        check.examined += 1
        place = self._place(f"{LOG}/{CHECKPOINT}", 0)
        try:
            note = (self._folder / LOG / CHECKPOINT).read_bytes()
            checkpoint = open_note(note, self._session.trust.logs)
        except FileNotFoundError:
            check.fail("there is no checkpoint", place)
            return None
        except WireError as error:
            check.fail(str(error), place)
            return None
        if self.manifest is not None and checkpoint.origin != self.manifest.origin:
            check.fail(f"it is of another log, {checkpoint.origin!r}", place)
        return checkpoint

    def _check_checkpoint(self) -> None:
        if self.checkpoint is None:
            return
        check, size = self._report.check(Name.CHECKPOINT), self.checkpoint.size
        place = self._place(f"{LOG}/{CHECKPOINT}", 0)
        if self.records < size:
            check.fail(f"it covers {size} records, {self.records} are here", place)
        elif self._log.roots.get(size) != self.checkpoint.root:
            check.fail(f"the first {size} records do not have its root", place)
        self._report.count("records not covered yet", max(self.records - size, 0))

    def _on_record(self, segment: SegmentFile, found: Found) -> None:
        if segment.path != self._reading:
            self._reading, self._name = segment.path, self._session.name_of(segment.path)
        place = Place(file=self._name, offset=found.offset, record=found.seq)
        check = self._report.check(Name.RECORDS)
        check.examined += 1
        try:
            record = decode_record(found.payload)
            leaf = leaf_of(record)
        except WireError as error:
            check.fail(str(error), place)
            self._log.give_up(found.seq)
            return
        if record.index != found.seq:
            check.fail(f"it says that it is record {record.index}", place)
        if found.seq != self._log.size:
            self._log.give_up(found.seq)
        self._log.add(leaf)
        self._add_to_index(segment, record, found.offset)
        self._report.count("records")
        self._check_kind(record, place)

    def _check_kind(self, record: Record, place: Place) -> None:
        if (record.kind == RecordKind.GENESIS) != (record.index == 0):
            message = "the genesis, and it alone, is record 0"
            self._report.check(Name.RECORDS).fail(message, place)
        match record.kind:
            case RecordKind.GENESIS:
                self._check_origin(record, place)
            case RecordKind.BATCH:
                self._check_batch(record, place)
            case RecordKind.KEY:
                self._session.keys.take(record.data, place)
            case RecordKind.AUDIT:
                self._session.trail.take(record.data, place)
            case _:
                pass  # kept and hashed, and nothing follows from it

    def _check_origin(self, record: Record, place: Place) -> None:
        if self.manifest is not None and record.data != self.manifest.origin.encode():
            message = "it names another log than the manifest"
            self._report.check(Name.RECORDS).fail(message, place)

    def _check_batch(self, record: Record, place: Place) -> None:
        batch = self._session.batches.read(record.data, place)
        self._report.count("batches")
        if batch is None:
            return
        kid, epoch, seq, lo = run_of(record)
        if (kid, epoch, seq) != (batch.sender.kid, batch.body.epoch, batch.body.seq):
            message = "it says another key, epoch or seq than its batch"
            self._report.check(Name.RECORDS).fail(message, batch.place)
        self._report.count("readings", batch.body.count)
        self._session.keys.check(batch)
        self._session.chains.follow(batch, record.recv_ms, lo)

    def _add_to_index(self, segment: SegmentFile, record: Record, offset: int) -> None:
        if segment.path.stem not in self._listing.indexes:
            return
        if self._index is None:
            self._index = IndexBuilder(segment.first_seq)
        self._index.add(record, offset)

    def _on_end(self, segment: SegmentFile) -> None:
        path = self._listing.indexes.get(segment.path.stem)
        builder, self._index = self._index or IndexBuilder(segment.first_seq), None
        if path is None or segment.header is None:
            return
        check = self._report.check(Name.INDEXES)
        check.examined += 1
        found, right = path.read_bytes(), builder.build(segment.header)
        if found != right:
            offset = first_difference(found, right)
            check.fail("not what the segment makes", self._place(path, offset))

    def _place(self, name: str | Path, offset: int | None = None) -> Place:
        return Place(file=self._session.name_of(self._folder / name), offset=offset)
