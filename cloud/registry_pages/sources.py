"""What the registry's pages read besides the registry; `cloud.compose` fills it in.

The callables are asked from worker threads and answer from memory.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from cloud.registry_pages.files import FileFolder
from dashboards.models import AlarmView
from device_registry.enrolment.claims import Server
from device_registry.store.store import RegistryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest reading of a point, in the unit that the point reports."""

    value: float | None
    at_ms: int
    decimals: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayNow:
    """What the cloud has seen of a gateway; None is what it has not."""

    heard_ms: int | None = None
    clock_offset_ms: int | None = None
    power_lost_ms: int | None = None
    """When its last loss of mains power was recorded."""
    software: str = ""


def _no_reading(_point: str) -> Newest | None:
    return None


def _never_heard(_gateway: str) -> GatewayNow:
    return GatewayNow()


def _no_alarms(_sites: Collection[str]) -> Sequence[AlarmView]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Everything that the pages read and write."""

    store: RegistryStore
    now_ms: Callable[[], int]
    files: FileFolder
    server: Server | None = None
    """Where a gateway finds the cloud; None while no claim can be made."""
    newest: Callable[[str], Newest | None] = field(default=_no_reading)
    gateway_now: Callable[[str], GatewayNow] = field(default=_never_heard)
    open_alarms: Callable[[Collection[str]], Sequence[AlarmView]] = field(default=_no_alarms)
    changed: Callable[[], None] = field(default=lambda: None)
    """Told after a change that gateways or the broker must hear of."""
