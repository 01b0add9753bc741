"""Archives and outboxes on disk, made with the parts that the real programs use."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from evidence.archive_files import LOG, RECORDS, Manifest, write_manifest
from evidence.chain import BatchHead, ChainState, apply, judge
from evidence.checkpoint import Checkpoint, sign
from evidence.cursor import CursorFile
from evidence.index import ensure_index
from evidence.keys import SoftwareKey
from evidence.receipt import ReceiptSigner, Run
from evidence.record import (
    Record,
    RecordKind,
    batch_record,
    decode_record,
    encode_record,
    genesis_record,
    leaf_of,
)
from evidence.segment_log import SegmentLog
from evidence.tiles import TileLog
from evidence.trust import Trust, TrustedGateway
from tests.support.batches import GATEWAY, KEY, SITE, START_MS, SignedBatch

ORIGIN = "example.org/log/2026"
LOG_KEY = SoftwareKey(-19, sha256(b"a test log key").digest())
CONTROL_KEY = SoftwareKey(-19, sha256(b"a test control key").digest())


def trust_of(*gateways: TrustedGateway, origins: Iterable[str] = (ORIGIN,)) -> Trust:
    """Return the pinned keys; by default of the one test gateway."""
    known = gateways or (TrustedGateway(id=GATEWAY, site=SITE, keys=(KEY.public,)),)
    return Trust(
        logs=dict.fromkeys(origins, LOG_KEY.public),
        control=CONTROL_KEY.public,
        gateways=known,
    )


@dataclass(slots=True)
class ArchiveMaker:
    """Writes an archive as the cloud would; `publish` and `close` end it.

    `first` replaces the genesis.
    """

    folder: Path
    origin: str = ORIGIN
    segment_bytes: int = 1 << 14
    manifest: Manifest | None = None
    first: Record | None = None
    chains: dict[bytes, ChainState] = field(default_factory=dict)
    log: SegmentLog = field(init=False)
    tiles: TileLog = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        scratch = self.folder.with_name(f".{self.folder.name}")
        scratch.mkdir()
        manifest = self.manifest or Manifest(origin=self.origin, created_ms=START_MS)
        write_manifest(self.folder, manifest, scratch=scratch)
        self.log = SegmentLog.open(
            self.folder / RECORDS, segment_bytes=self.segment_bytes, scratch=scratch
        )
        self.tiles = TileLog.open(
            self.folder / LOG, {self.origin: LOG_KEY.public}, self._leaves_from, scratch=scratch
        )
        self.put(self.first or genesis_record(self.origin, START_MS))

    def _leaves_from(self, first: int) -> Iterable[bytes]:
        return (leaf_of(decode_record(data)) for _, data in self.log.scan(first))

    def put(self, record: Record) -> None:
        """Append a record and its leaf."""
        self.log.append(encode_record(record))
        self.log.sync()
        self.tiles.append([leaf_of(record)])

    def batch(
        self, batch: SignedBatch, key: SoftwareKey = KEY, lo: int | None = None
    ) -> Record:
        """Archive a batch; `lo` replaces the truth in its leaf."""
        head = BatchHead(batch.body, batch.sha256)
        chain = self.chains.setdefault(key.kid, ChainState())
        run_lo = judge(chain, head, b"", batch.body.t0).run_lo if lo is None else lo
        apply(chain, head)
        run = (key.kid, batch.body.epoch, batch.body.seq, run_lo)
        record = batch_record(self.log.next_seq, batch.body.t0 + 500, "https", batch.data, run)
        self.put(record)
        return record

    def batches(self, batches: Sequence[SignedBatch], key: SoftwareKey = KEY) -> None:
        """Archive a chain."""
        for batch in batches:
            self.batch(batch, key)

    def object(self, kind: RecordKind, data: bytes, at_ms: int = START_MS) -> None:
        """Archive something that is not a batch."""
        salt = sha256(data).digest()[:16]
        self.put(Record(self.log.next_seq, kind, at_ms, "local", data, (salt,)))

    def publish(self) -> None:
        """Make a checkpoint of everything."""
        checkpoint = Checkpoint(
            origin=self.origin, size=self.tiles.size, root=self.tiles.root()
        )
        self.tiles.publish(sign(checkpoint, LOG_KEY, LOG_KEY.public))

    def close(self, *, indexed: bool = True) -> None:
        """Write the indexes of closed segments and let go."""
        closed = self.log.closed_segments if indexed else ()
        firsts = [segment.first_seq for segment in closed[1:]]
        names = sorted((self.folder / RECORDS).glob("*.seg"))
        firsts.append(int(names[-1].stem, 16))
        for segment, following in zip(closed, firsts, strict=False):
            ensure_index(segment, following)
        self.log.close()

    def receipt(self, epoch: bytes, lo: int, hi: int, index: int) -> bytes:
        """Return the receipt of the run whose last leaf is `index`."""
        size = self.tiles.size
        signed = ReceiptSigner(self.origin, LOG_KEY).checkpoint(size, self.tiles.root(), 1)
        return signed.receipt([Run(epoch, lo, hi, index, self.tiles.inclusion(index, size))])


def make_outbox(
    folder: Path,
    batches: Sequence[SignedBatch],
    receipts: Sequence[bytes] = (),
    refused: Sequence[SignedBatch] = (),
) -> None:
    """Write the outbox of a gateway as its program lays it out."""
    with SegmentLog.open(folder / "outbox", segment_bytes=1 << 14) as log:
        for batch in batches:
            log.append(batch.data)
            log.sync()
    with SegmentLog.open(folder / "receipts", segment_bytes=1 << 13) as log:
        for receipt in receipts:
            log.append(receipt)
    with CursorFile.open(folder / "outbox.cursor") as cursor:
        cursor.store(b"\x01")
        cursor.store(b"\x02")
    (folder / "refused").mkdir()
    for batch in refused:
        name = f"{batch.body.epoch.hex()}-{batch.body.seq:012d}-field.cbor"
        (folder / "refused" / name).write_bytes(batch.data)
