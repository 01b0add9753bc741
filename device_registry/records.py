"""What the registry knows: tenants, their sites, the gateways there, and measuring points."""

from dataclasses import dataclass
from typing import Final

from device_registry.access.scope import Subject
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from evidence.keys import PublicKey

NOWHERE: Final = Subject(org_path="")


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """An organisation that holds sites."""

    id: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """A pharmacy, a cold store, a vehicle."""

    id: str
    tenant: str
    name_zh: str
    name_en: str
    timezone: str
    """IANA name, `Asia/Shanghai`."""
    subject: Subject = NOWHERE
    """Where it belongs, for who may see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayRecord:
    """A gateway, with every key that may sign for it."""

    id: str
    site: str
    keys: tuple[PublicKey, ...]
    heartbeat_s: int
    """How often it seals a batch at least; silent means two of these."""
    state: str = "in_service"

    @property
    def is_expected(self) -> bool:
        """Whether its silence is an alarm."""
        return self.state not in {"suspended", "retired"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PointRecord:
    """A measuring point: what one channel of a gateway measures, and the rules it is under."""

    id: str
    site: str
    gateway: str
    channel: int
    name_zh: str
    name_en: str
    quantity: Quantity
    unit: str
    """UCUM code."""
    rule_packs: tuple[str, ...]
    """Names, none for equipment without limits."""
    point_class: PointClass
    is_former: bool = False
    """The point has another channel now; this one is what it had."""
    state: str = "in_service"

    @property
    def is_expected(self) -> bool:
        """Whether missing data is an alarm; an excursion always is."""
        return self.state not in {"out_of_service", "retired"}
