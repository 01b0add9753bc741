"""What a commissioning is judged on: plain values, gathered by the caller on the spot.

The registry gives site, places, points, sensors and certificates; the latest readings come from
the projections; checks, photos and the alarm drill from the technician's phone. Numbers are
exact decimals in the quantity's default unit; ages are against the server's clock.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from domain.gsp.calibration import Certificate
from domain.gsp.finding import Words
from domain.gsp.space import Position, Space
from domain.profiles.model import PointClass
from domain.quantity import Quantity
from domain.rules.model import RulePack


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorFacts:
    """A sensor as the registry and its profile know it."""

    id: str
    model: str
    serial: str
    refresh_s: int
    """Its poll period or wake-up period, whichever is longer."""
    device_class: PointClass = PointClass.COMPLIANCE
    """What its profile says of it: a controller's own probes are equipment."""
    low: Decimal | None = None
    high: Decimal | None = None
    """Range of measurement of the point's quantity."""
    certificate: Certificate | None = None
    """The newest calibration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingFacts:
    """The latest reading of a channel, as it arrived through the whole chain."""

    quantity: str
    unit: str
    value: Decimal
    age_s: int
    good: bool = True
    """False: the device reported a fault or did not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmed:
    """The probe was held in a hand: what it showed before and after."""

    before: Decimal
    after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A reference thermometer was read beside the probe and both were photographed."""

    reference: Decimal
    shown: Decimal
    photo: str = ""
    """SHA-256 of the photo."""
    instrument: str = ""
    """Number of the reference's own certificate."""


Proof = Warmed | Compared
"""How a point was checked by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFacts:
    """A measuring point, its sensor, what it reads and how it was checked."""

    id: str
    channel: int
    name: Words
    place: str
    quantity: Quantity
    unit: str
    point_class: PointClass
    rule_packs: tuple[RulePack, ...] = ()
    position: Position = Position()  # noqa: RUF009 - frozen, so one can serve all
    photo: str = ""
    """SHA-256 of the photo of the point in its place."""
    sensor: SensorFacts | None = None
    reading: ReadingFacts | None = None
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFacts:
    """A room, cabinet, vehicle or box with points in it."""

    id: str
    name: Words
    space: Space


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFacts:
    """The gateway; None is what has not been tried yet."""

    id: str
    model: str = ""
    serial: str = ""
    software: str = ""
    clock_offset_ms: int | None = None
    """Its clock minus the server's, at the latest contact."""
    power_loss_noticed: bool | None = None
    """Whether a mains failure, made by pulling the plug, arrived as an event."""
    has_ups: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One of those whom an alarm calls."""

    name: str
    phone_verified: bool
    reached: bool | None = None
    """Whether the test alarm was confirmed; None when it has not been sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmFacts:
    """The alarm drill: who was called, and whether sound and light came."""

    recipients: tuple[Recipient, ...] = ()
    local: bool | None = None
    """Sound and light on the spot."""
    designated: bool | None = None
    """Sound and light at the designated place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFacts:
    """The site and whose it is."""

    id: str
    name: Words
    organisation: Words
    subject_class: str
    address: str = ""
    timezone: str = "UTC"
    adopted: tuple[str, ...] = ()
    """Optional density packs that its jurisdiction has adopted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything the review looks at."""

    site: SiteFacts
    gateway: GatewayFacts
    places: tuple[PlaceFacts, ...]
    points: tuple[PointFacts, ...]
    alarm: AlarmFacts = AlarmFacts()
    today: date
