"""Verifies what a gateway holds: its batches, the cloud's receipts, the refused batches.

The folder is the gateway's state folder; only these names in it are looked at:

    outbox/*.seg      batches, as they were signed; the oldest may have been freed
    outbox.cursor     how far the cloud has come
    receipts/*.seg    verified receipts; those of batches long freed prove nothing any more
    refused/*.cbor    EPOCH-SEQ-CODE.cbor, batches that the cloud refused for good
"""

from collections.abc import Callable
from pathlib import Path

from evidence.cursor import read_slots
from evidence.errors import WireError
from evidence.receipt import claimed_origin, claimed_runs, verify_receipt
from evidence.segment import Found
from evidence.segment_file import SegmentFile, list_segments
from evidence.trust import Trust
from evidence.verifier.batches import BatchAudit, ChainAudit
from evidence.verifier.report import Name, Place, Report
from evidence.verifier.segments import SegmentReader, read_segments
from evidence.verifier.signatures import SignatureQueue

BATCHES = "outbox"
CURSOR = "outbox.cursor"
RECEIPTS = "receipts"
REFUSED = "refused"


def verify_outbox(folder: Path, trust: Trust, on_bytes: Callable[[int], None]) -> Report:
    """Return what was found below the state folder of a gateway.

    Args:
        folder: holds `outbox/`.
        trust: the pinned keys.
        on_bytes: told of every segment's size when it was read.

    Raises:
        OSError: a file cannot be opened.
    """
    report = Report(subject=str(folder), kind="outbox")
    audit = _Outbox(folder, trust, report, on_bytes)
    with SignatureQueue(report.check(Name.BATCHES)) as signatures:
        audit.read_batches(BatchAudit(trust, signatures))
    audit.check_cursor()
    audit.read_receipts()
    with SignatureQueue(report.check(Name.REFUSED)) as signatures:
        audit.read_refused(BatchAudit(trust, signatures))
    return report


class _Outbox:
    """One gateway's folder."""

    def __init__(
        self, folder: Path, trust: Trust, report: Report, on_bytes: Callable[[int], None]
    ) -> None:
        self._folder = folder
        self._trust = trust
        self._report = report
        self._on_bytes = on_bytes
        self._chains = ChainAudit(report.check(Name.CHAINS), report)
        self._held: dict[tuple[bytes, int], tuple[bytes, bytes]] = {}  # to (kid, hash)

    def read_batches(self, batches: BatchAudit) -> None:
        """Judge every batch that is held."""

        def on_record(segment: SegmentFile, found: Found) -> None:
            place = self._place(segment.path, offset=found.offset)
            batch = batches.read(found.payload, place)
            self._report.count("batches")
            if batch is None:
                return
            body = batch.body
            self._report.count("readings", body.count)
            # When a batch was received is not known here: nothing can lie in the future.
            self._chains.follow(batch, body.t0)
            self._held[body.epoch, body.seq] = batch.sender.kid, batch.head.sha256

        self._read(BATCHES, on_record)

    def check_cursor(self) -> None:
        """Fail for any byte of the cursor that is not as it was stored."""
        path, check = self._folder / CURSOR, self._report.check(Name.CURSOR)
        if not path.exists():
            return  # a lost cursor costs duplicates only
        check.examined += 1
        if not read_slots(path.read_bytes())[1]:
            check.fail("a slot of the cursor is damaged", self._place(path))

    def read_receipts(self) -> None:
        """Verify every receipt of which the batches are still held."""

        def on_record(segment: SegmentFile, found: Found) -> None:
            place = self._place(segment.path, offset=found.offset, record=found.seq)
            try:
                self._check_receipt(found.payload)
            except WireError as error:
                self._report.check(Name.RECEIPTS).fail(str(error), place)

        if (self._folder / RECEIPTS).is_dir():
            self._report.check(Name.RECEIPTS)
            self._read(RECEIPTS, on_record)

    def read_refused(self, batches: BatchAudit) -> None:
        """Verify the refused batches and that their names are theirs."""
        folder, check = self._folder / REFUSED, self._report.check(Name.REFUSED)
        for path in sorted(folder.glob("*.cbor")):
            batch = batches.read(path.read_bytes(), self._place(path))
            if batch is None:
                continue
            name = f"{batch.body.epoch.hex()}-{batch.body.seq:012d}-"
            if not path.name.startswith(name):
                check.fail("the file is named as another batch", batch.place)

    def _check_receipt(self, receipt: bytes) -> None:
        held = [self._held.get((run.epoch, run.hi)) for run in claimed_runs(receipt)]
        kids = {batch[0] for batch in held if batch is not None}
        if None in held:
            self._report.count("receipts of freed batches")
            return
        self._report.check(Name.RECEIPTS).examined += 1
        origin = claimed_origin(receipt)
        key = self._trust.logs.get(origin)
        if key is None:
            raise WireError("profile", f"no key is pinned for the log {origin!r}")
        if len(kids) != 1:
            raise WireError("field", "a receipt for the batches of two keys")
        verify_receipt(receipt, key, origin, kids.pop(), self._hash_of)

    def _hash_of(self, epoch: bytes, seq: int) -> bytes | None:
        known = self._held.get((epoch, seq))
        return known[1] if known else None

    def _read(self, name: str, on_record: Callable[[SegmentFile, Found], None]) -> None:
        reader = SegmentReader(
            check=self._report.check(Name.SEGMENTS),
            name_of=lambda path: path.relative_to(self._folder).as_posix(),
            on_record=on_record,
            on_end=lambda _: None,
            on_bytes=self._on_bytes,
        )
        folder, files = self._folder / name, self._report.check(Name.FILES)
        segments = list_segments(folder)
        for path in sorted(set(folder.iterdir()) - set(segments)):
            files.fail("no outbox has such a file", self._place(path))
        files.examined += len(segments)
        read_segments(segments, reader, None)

    def _place(self, path: Path, offset: int | None = None, record: int | None = None) -> Place:
        file = path.relative_to(self._folder).as_posix()
        return Place(file=file, offset=offset, record=record)
