"""A point whose probe and gateway are replaced while the server runs.

with replaced(tmp_path) as world:
    world.fridges.send(500)
    world.move(channel=5)
    world.send(500, channel=5)
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cloud.projections.feed import CommittedRecord
from device_registry.serving.stored import StoredRegistry
from device_registry.store.store import RegistryStore
from tests.support.batches import one_frame
from tests.support.fridge import ROWS, Fridges
from tests.support.registry_world import POINT, build_world, changing, kid

SITE = "chs-001"
GATEWAY = f"gw-{SITE}"
POINT_ID = f"{SITE}-t"
NEW_GATEWAY = "gw-new"
PUBLIC = f"ed25519:{'A' * 42}E="


@dataclass(slots=True)
class Replaced:
    """`POINT_ID` is on channel 1 of `GATEWAY`; `records` is the archive."""

    store: RegistryStore
    registry: StoredRegistry
    records: list[CommittedRecord] = field(default_factory=list)
    fridges: Fridges = field(init=False)
    now_ms: int = 1_000

    def __post_init__(self) -> None:
        self.fridges = Fridges(self.records, gateway=GATEWAY)

    def send(self, values: int | Sequence[int], channel: int = 1) -> CommittedRecord:
        """Let the next minute of a channel arrive."""
        rows = [values] * ROWS if isinstance(values, int) else list(values)
        columns = one_frame([[v] for v in rows], first=channel)
        return self.fridges.arrive(self.fridges.seal(values, columns=columns))

    def move(self, **fields: object) -> None:
        """Give the point another channel, or another gateway."""
        self.put(POINT_ID, **fields)

    def put(self, point: str, **fields: object) -> None:
        """Change a point, or register one."""
        self.now_ms += 1_000
        with changing(self.store, self.now_ms) as change:
            change.put("point", point, **fields)
        self.registry.refresh()

    def add(self, point: str, channel: int) -> None:
        """Register another point of the gateway."""
        self.put(
            point, site=SITE, gateway=GATEWAY, channel=channel, state="in_service", **POINT
        )


@contextmanager
def replaced(folder: Path) -> Iterator[Replaced]:
    """Open the registry of `registry_world` with a second gateway."""
    url = f"sqlite:///{folder}/registry.db"
    store = RegistryStore.open(url, now_ms=lambda: 1_000)
    with changing(store, 1_000) as change:
        build_world(change)
        change.put("key", kid(GATEWAY), public=PUBLIC)
        change.put("gateway", NEW_GATEWAY, site=SITE, state="enrolled")
    try:
        yield Replaced(store, StoredRegistry(store))
    finally:
        store.close()
