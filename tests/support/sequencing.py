"""A sequencer without its thread, on a real archive: one call, one round."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from cloud.archive.finding import FindingRecord, decode_finding
from cloud.archive.log_store import LogSettings
from cloud.archive.reader import StreamReader
from cloud.archive.restoring import Restoring
from cloud.archive.sequencer import Sequencer, Surroundings
from cloud.archive.stream import Stream
from cloud.ingest.accept import check
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.keyring import Keyring
from cloud.ingest.quarantine import Quarantine
from cloud.ingest.rejections import Rejections
from cloud.projections.feed import CommitGroup
from evidence.disk import REAL_DISK, Disk
from evidence.keys import PublicKey, SoftwareKey
from evidence.outcome import Down, decode_down, is_receipt
from evidence.receipt import VerifiedReceipt, verify_receipt
from evidence.trust import Trust, TrustedGateway
from evidence.verifier.archive import verify_archive
from evidence.verifier.report import Report
from tests.support.routes import RecordingRoute
from tests.support.signing import T0_MS, SigningGateway, registry_of

SEGMENT_BYTES = 1 << 20
DAY_MS = 86_400_000
LOG_NAME = "coldwarden.example/log"
LOG_KEY = SoftwareKey(-19, b"L" * 32)
CONTROL_KEY = SoftwareKey(-19, b"C" * 32)


@dataclass
class Hands:
    """The clocks, moved by hand."""

    wall: int = T0_MS + DAY_MS
    mono: float = 100.0

    def wall_ms(self) -> int:
        return self.wall

    def mono_s(self) -> float:
        return self.mono

    def pass_s(self, seconds: float) -> None:
        self.wall += int(seconds * 1000)
        self.mono += seconds


@dataclass
class Cloud:
    """The archive in `folder`, open; `restart` is what a crash and a new start do."""

    folder: Path
    gateways: list[SigningGateway]
    quorum: int = 2
    segment_bytes: int = SEGMENT_BYTES
    disk: Disk = REAL_DISK
    hands: Hands = field(default_factory=Hands)
    groups: list[CommitGroup] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.keyring = Keyring(registry_of(*self.gateways))
        self.answers = Answers(CONTROL_KEY, self.keyring)
        self.quarantine = Quarantine(self.folder / "quarantine", ring_bytes=64 * 64)
        self.rejections = Rejections(
            self.quarantine,
            self.answers,
            self._report,
            self.hands.wall_ms,
        )
        self.open()

    def open(self) -> None:
        """Start as the server does."""
        settings = LogSettings(key=LOG_KEY, segment_bytes=self.segment_bytes, disk=self.disk)
        self.stream = Stream.open(self.archive, LOG_NAME, settings, self.hands.wall_ms())
        surroundings = Surroundings(
            answers=self.answers,
            refused=self.rejections.take,
            release=lambda _: None,
            gateways=lambda: len(self.gateways),
            log_begun=lambda: None,
            state_dir=self.folder,
            wall_ms=self.hands.wall_ms,
            mono_s=self.hands.mono_s,
        )
        restoring = Restoring(self.folder, self.quorum)
        self.sequencer = Sequencer(self.stream, restoring, surroundings)
        self.sequencer.listeners.append(self.groups.append)
        self.reader = StreamReader(self.stream)

    def _report(self, finding: FindingRecord) -> None:
        self.sequencer.report(finding)  # of whichever start

    def restart(self) -> None:
        """Leave everything as it lies, and start anew."""
        self.stream.close()
        self.open()

    @property
    def archive(self) -> Path:
        """Return the archive's folder."""
        return self.folder / "archive"

    def deliver(self, *batches: bytes, route: RecordingRoute) -> None:
        """Check batches and queue those that pass, as the intake does."""
        checked: list[Checked] = []
        for data in batches:
            result = check(Delivery(data, "https", route, route.committed), self.keyring)
            if isinstance(result, Rejected):
                self.rejections.take(result)
            else:
                checked.append(result)
        if checked:
            self.sequencer.put(checked)

    def take(self, *batches: bytes, route: RecordingRoute | None = None) -> list[bytes]:
        """Deliver batches, let a second pass, and return the answers."""
        route = route or RecordingRoute(self.gateways[0].id)
        self.deliver(*batches, route=route)
        self.sequencer.step()
        self.hands.pass_s(1)
        self.sequencer.step()
        return route.take()

    def findings(self) -> list[str]:
        """Return the kinds of the archived findings, in order."""
        records = self.reader.read_records(0, 1_000_000)
        return [decode_finding(r.raw).kind for r in records if r.kind == 10]

    def trust(self) -> Trust:
        """Return what an auditor pins."""
        return Trust(
            logs={log.manifest.origin: LOG_KEY.public for log in self.stream.logs},
            control=CONTROL_KEY.public,
            gateways=tuple(
                TrustedGateway(id=g.id, site=g.site, keys=(g.key.public,))
                for g in self.gateways
            ),
        )

    def verify(self) -> Report:
        """Return what the offline verifier says of the archive."""
        return verify_archive(self.archive, self.trust(), lambda _: None)


def receipt(data: bytes, gateway: SigningGateway, origin: str = "") -> VerifiedReceipt:
    """Return a receipt, verified by the gateway's own batches."""

    def known(epoch: bytes, seq: int) -> bytes | None:
        batch = gateway.sent.get((epoch, seq))
        return None if batch is None else sha256(batch).digest()

    assert is_receipt(data)
    origin = origin or f"{LOG_NAME}/2025"
    return verify_receipt(data, LOG_KEY.public, origin, gateway.key.kid, known)


def control(data: bytes, gateway: SigningGateway, key: PublicKey = CONTROL_KEY.public) -> Down:
    """Return a verified message of the control key."""
    return decode_down(data, key, gateway.id)
