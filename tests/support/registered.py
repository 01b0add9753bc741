"""A registry with the gateways of a test, its log, and an archive: each crashes by itself.

with logged_registry(tmp_path, gateways) as world:
    world.settle()
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import event

from cloud.registry_log.shipping import Shipping
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from evidence.audit_record import decode_audit_record
from evidence.key_record import KeyRecord, decode_key_record
from evidence.record import RecordKind
from tests.support.cloud_core import register
from tests.support.sequencing import Cloud
from tests.support.signing import SigningGateway

SETUP = Actor(account="setup", role="operator")
LI = Actor(account="li", role="quality_head", via="web")
WANG = Actor(account="wang", role="enterprise_head", via="web")
ROUNDS = 50


class PowerCutError(BaseException):
    """The process ends here; nothing of ours may catch it."""


@dataclass(slots=True)
class Fuse:
    """Cuts the power at the `left`-th step that is counted; 0 for never."""

    left: int = 0
    blown: bool = False

    def burn(self, *_: object) -> None:
        """Count a step."""
        self.left -= 1
        if self.left == 0:
            self.blown = True
            raise PowerCutError


@dataclass
class LoggedRegistry:
    """`restart` is what a crash and a new start of the server do."""

    cloud: Cloud
    url: str = ""
    """The registry's database; by default a file beside the archive."""
    fuse: Fuse = field(default_factory=Fuse)
    cuts_after_key: bool = False
    """Whether the power goes when a key record is on disk, before its audit entry."""
    store: RegistryStore = field(init=False)
    shipping: Shipping = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Open the database and begin to ship, as the server does."""
        url = self.url or f"sqlite:///{self.cloud.folder}/registry.db"
        self.store = RegistryStore.open(url, now_ms=self.cloud.hands.wall_ms)
        for name in ("begin", "commit"):
            event.listen(self.store.engine, name, self.fuse.burn)
        self._ship()

    def _ship(self) -> None:
        self.shipping = Shipping(self.store, self.cloud.stream, self._record, self.cloud.folder)
        self.cloud.sequencer.listeners.append(self.shipping.offer)

    def restart(self) -> None:
        """Leave everything as it lies, and start anew."""
        self.store.close()
        self.cloud.restart()
        self.open()

    def settle(self) -> None:
        """Let the log take every change, those too that follow from it."""
        for _ in range(ROUNDS):
            self.shipping.step()
            self.fuse.burn()
            if self.shipping.shipped == self.store.revision():
                return
            self.cloud.sequencer.step()
            self.cloud.hands.pass_s(1)
        raise AssertionError(f"change {self.shipping.shipped}: {self.shipping.fault}")

    def audit_seqs(self) -> list[int]:
        """Return the numbers of the changes in the archive, in its order."""
        return [decode_audit_record(raw).seq for _, raw in self.found(RecordKind.AUDIT)]

    def key_records(self) -> list[KeyRecord]:
        """Return the key records in the archive, in its order."""
        return [decode_key_record(raw) for _, raw in self.found(RecordKind.KEY)]

    def found(self, kind: RecordKind) -> list[tuple[int, bytes]]:
        """Return (index, bytes) of the archive's records of one kind."""
        records = self.cloud.reader.read_records(0, 1_000_000)
        return [(record.index, record.raw) for record in records if record.kind == kind]

    def _record(self, kind: int, data: bytes) -> None:
        self.fuse.burn()
        self.cloud.sequencer.record(kind, data)
        if kind == RecordKind.KEY and self.cuts_after_key:
            self.cloud.sequencer.step()
            raise PowerCutError


@contextmanager
def logged_registry(
    folder: Path, gateways: Sequence[SigningGateway], url: str = ""
) -> Iterator[LoggedRegistry]:
    """Open a registry that knows these gateways, over an archive of its own."""
    world = LoggedRegistry(Cloud(folder, list(gateways)), url)
    register(world.store, *gateways)
    try:
        yield world
    finally:
        world.store.close()
        world.cloud.stream.close()
