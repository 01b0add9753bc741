"""Facts of a commissioning, from the registry's rows and what was seen on the spot.

Used by whoever shows the checklist: read the rows, add the latest readings and the phone's
answers as `Seen`, and give the facts to `review.review`. Nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from device_registry.commissioning.errors import CommissioningError
from device_registry.commissioning.facts import (
    AlarmFacts,
    Facts,
    GatewayFacts,
    PlaceFacts,
    PointFacts,
    Proof,
    ReadingFacts,
    SensorFacts,
    SiteFacts,
)
from device_registry.commissioning.rows import newest_certificate, packs_of
from device_registry.store.row import Row
from domain.errors import DomainError
from domain.gsp.calibration import Certificate
from domain.gsp.finding import Words
from domain.gsp.space import PlaceKind, Position, Space, metres
from domain.gsp.suitability import refresh_of
from domain.profiles.load import parse_profile, profile, profile_names
from domain.profiles.model import PointClass, Profile
from domain.quantity import Quantity

MAX_ROWS: Final = 10_000
DEFAULT_POLL_S: Final = 30
"""How often a gateway polls a sensor whose row says nothing else."""
UNKNOWN_REFRESH_S: Final = DEFAULT_POLL_S


class Reader(Protocol):
    """What both the store and a change of it can do."""

    def find(
        self, kind: str, *, where: Mapping[str, object] | None = None, limit: int = 200
    ) -> list[Row]:
        """Return current rows."""

    def get(self, kind: str, id_: str, /) -> Row | None:
        """Return a current row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the registry does not know: readings, answers, the alarm drill."""

    readings: Mapping[str, ReadingFacts] = field(default_factory=dict)
    """The latest of each point, by its id."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """How each point was checked by hand, by its id."""
    clock_offset_ms: int | None = None
    power_loss_noticed: bool | None = None
    software: str = ""
    alarm: AlarmFacts = AlarmFacts()  # noqa: RUF009 - frozen, so one can serve all
    adopted: tuple[str, ...] = ()
    """Optional density packs of the site's jurisdiction."""


def gather(reader: Reader, gateway: str, seen: Seen, at_ms: int) -> Facts:
    """Return the facts of a gateway's site, on the day of `at_ms` there.

    Places count with those that have a point of this gateway.

    Raises:
        CommissioningError: the gateway, its site or its organisation is not registered.
    """
    gateway_row = _row(reader, "gateway", gateway)
    site = _row(reader, "site", gateway_row.text("site"))
    organisation = _row(reader, "organisation", site.text("organisation"))
    zone = ZoneInfo(site.text("timezone")) if site.text("timezone") else UTC
    points = alive(reader.find("point", where={"gateway": gateway}, limit=MAX_ROWS))
    sensors = _sensors(reader, points)
    has_ups = bool(
        reader.find("facility", where={"site": site.id, "facility_kind": "ups"}, limit=1)
    )
    return Facts(
        site=SiteFacts(
            id=site.id,
            name=words(site),
            organisation=words(organisation),
            subject_class=site.text("subject_class"),
            address=site.text("address"),
            timezone=site.text("timezone"),
            adopted=seen.adopted,
        ),
        gateway=GatewayFacts(
            id=gateway,
            model=gateway_row.text("model"),
            serial=gateway_row.text("serial"),
            software=seen.software,
            clock_offset_ms=seen.clock_offset_ms,
            power_loss_noticed=seen.power_loss_noticed,
            has_ups=has_ups,
        ),
        places=_places(reader, points),
        points=tuple(_point(row, sensors, seen) for row in points),
        alarm=seen.alarm,
        today=datetime.fromtimestamp(at_ms / 1000, tz=zone).date(),
    )


def alive(rows: list[Row]) -> list[Row]:
    """Return points that are not retired."""
    return [row for row in rows if row.text("state") != "retired"]


def words(row: Row) -> Words:
    """Return the name of a row in both languages."""
    return Words(zh=row.text("name_zh"), en=row.text("name_en"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sensor:
    row: Row
    profile: Profile | None
    certificate: Certificate | None


def _row(reader: Reader, kind: str, id_: str) -> Row:
    row = reader.get(kind, id_)
    if row is None:
        raise CommissioningError(f"there is no {kind} {id_!r}; register it first")
    return row


def _sensors(reader: Reader, points: list[Row]) -> Mapping[str, _Sensor]:
    ids = sorted({row.text("sensor") for row in points if row.text("sensor")})
    rows = reader.find("calibration", where={"sensor": ids}, limit=MAX_ROWS)
    calibrations = {row.id: row.values for row in rows}
    return {
        row.id: _Sensor(
            row=row,
            profile=_profile(reader, row.text("profile")),
            certificate=newest_certificate(row.id, calibrations),
        )
        for row in reader.find("sensor", where={"id": ids}, limit=MAX_ROWS)
    }


def _profile(reader: Reader, ref: str) -> Profile | None:
    """Return the registry's own profile of this name, or the one that ships."""
    if not ref:
        return None
    name = ref.partition("@")[0]
    own = reader.get("profile", ref)
    try:
        if own is not None:
            return parse_profile(f"{name}.toml", own.text("document"))
        return profile(name) if name in profile_names() else None
    except DomainError:
        return None


def _places(reader: Reader, points: list[Row]) -> tuple[PlaceFacts, ...]:
    ids = sorted({row.text("place") for row in points if row.text("place")})
    return tuple(
        PlaceFacts(
            id=row.id,
            name=words(row),
            space=Space(
                place_kind=PlaceKind(row.text("place_kind")),
                storage_class=row.text("storage_class"),
                area_m2=metres(row.maybe("area_m2")),
                volume_m3=metres(row.maybe("volume_m3")),
                rack_height_m=metres(row.maybe("rack_height_m")),
            ),
        )
        for row in reader.find("place", where={"id": ids}, limit=MAX_ROWS)
    )


def _point(row: Row, sensors: Mapping[str, _Sensor], seen: Seen) -> PointFacts:
    sensor = sensors.get(row.text("sensor"))
    quantity = Quantity(row.text("quantity"))
    return PointFacts(
        id=row.id,
        channel=row.number("channel"),
        name=words(row),
        place=row.text("place"),
        quantity=quantity,
        unit=row.text("unit"),
        point_class=PointClass(row.text("point_class")),
        rule_packs=packs_of(row.values),
        position=Position(
            x_m=metres(row.maybe("x_m")),
            y_m=metres(row.maybe("y_m")),
            height_m=metres(row.maybe("height_m")),
        ),
        photo=row.text("photo"),
        sensor=_sensor_facts(sensor, quantity) if sensor is not None else None,
        reading=seen.readings.get(row.id),
        proof=seen.proofs.get(row.id),
    )


def _sensor_facts(sensor: _Sensor, quantity: Quantity) -> SensorFacts:
    low, high = _range(sensor.profile, quantity)
    device_class = sensor.profile.point_class if sensor.profile else PointClass.COMPLIANCE
    refresh_s = sensor.row.number("refresh_s") or UNKNOWN_REFRESH_S
    return SensorFacts(
        id=sensor.row.id,
        model=sensor.row.text("model"),
        serial=sensor.row.text("serial"),
        refresh_s=refresh_of(refresh_s, DEFAULT_POLL_S),
        device_class=device_class,
        low=low,
        high=high,
        certificate=sensor.certificate,
    )


def _range(found: Profile | None, quantity: Quantity) -> tuple[Decimal | None, Decimal | None]:
    """Return what the profile says of the range, in the default unit."""
    specs = [p for p in found.points.values() if p.quantity is quantity] if found else []
    if not specs:
        return None, None
    spec = specs[0]
    scale = Decimal(1).scaleb(spec.exp)
    low = None if spec.low is None else spec.low * scale
    return low, None if spec.high is None else spec.high * scale
