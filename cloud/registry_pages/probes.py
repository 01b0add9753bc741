"""What a probe that a technician wires to a gateway adds to the registry. Pure.

A sensor on the gateway's serial line, and a measuring point for its temperature and one for its
humidity, on the next free channels; where the line or the place is new, these too.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from device_registry.channels import free_channels
from device_registry.store.row import Row
from domain.errors import DomainError
from domain.profiles.load import profile
from domain.profiles.model import PointClass, PointSpec, Profile
from domain.quantity import Quantity
from domain.rules.load import pack_names

LINE: Final = "bus1"
SERIAL_PORT: Final = "/dev/ttyUSB0"
"""The adapter in the first USB socket, as the README wires it."""
REFRESH_S: Final = 30
UNITS: Final = range(1, 248)
"""Addresses of Modbus units."""
MEASURED: Final = (Quantity.TEMPERATURE, Quantity.HUMIDITY)
NEW: Final = "new:"
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    "room": ("库房", "Room"),
    "cold_room": ("冷库", "Cold room"),
    "refrigerator": ("冷藏柜", "Refrigerator"),
    "freezer": ("冷冻柜", "Freezer"),
}
"""Kinds of place that can be made along the way, and how they are numbered."""
_POINT_NAMES: Final = {
    Quantity.TEMPERATURE: ("温度", "temperature"),
    Quantity.HUMIDITY: ("湿度", "humidity"),
}
_SERIAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
Put = tuple[str, str, Mapping[str, object]]
"""Kind, id and fields of one row to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """What the registry has already."""

    gateway: Row
    places: Sequence[Row]
    sensors: Sequence[Row]
    channels: Collection[int]
    """Every one that the gateway ever had."""


@dataclass(frozen=True, slots=True)
class BadProbe:
    """What is wrong with the form: message keys."""

    problems: tuple[str, ...]


def next_unit(there: There) -> int:
    """Return the lowest address that no sensor of the site has, 1 when all are taken."""
    taken = {_link(sensor).get("unit") for sensor in there.sensors}
    return next((unit for unit in UNITS if unit not in taken), UNITS[0])


def plan_probe(there: There, given: Mapping[str, str]) -> list[Put] | BadProbe:
    """Return the rows to write for a form, or what is wrong with it."""
    problems = []
    known = _profile(given.get("device", ""))
    serial, unit = given.get("serial", "").strip(), given.get("unit", "").strip()
    sensor = f"{there.gateway.text('site')}-{serial.lower()}"
    if known is None:
        problems.append("work.problem_device")
    if not _SERIAL.fullmatch(serial) or any(s.id == sensor for s in there.sensors):
        problems.append("work.problem_serial")
    if not unit.isdecimal() or int(unit) not in UNITS:
        problems.append("work.problem_unit")
    pack = given.get("pack", "")
    if pack and pack not in pack_names():
        problems.append("work.problem_pack")
    place = _place(there, given.get("place", ""))
    if place is None:
        problems.append("work.problem_place")
    if problems or known is None or place is None:
        return BadProbe(tuple(problems))
    rows = _sensor(there, known, sensor, serial, int(unit))
    return [
        *_line(there.gateway, known),
        *place,
        *rows,
        *_points(there, known, sensor, place, pack),
    ]


def _profile(name: str) -> Profile | None:
    try:
        return profile(name)
    except DomainError:
        return None


def _link(sensor: Row) -> Mapping[str, object]:
    link = sensor.maybe("link")
    return link if isinstance(link, dict) else {}


def _line(gateway: Row, known: Profile) -> list[Put]:
    """Add the serial line, unless the gateway has it; it talks as its first probe does."""
    links = gateway.maybe("links")
    held = dict(links) if isinstance(links, dict) else {}
    lines = held.get("modbus")
    lines = list(lines) if isinstance(lines, list) else []
    if any(isinstance(line, dict) and line.get("name") == LINE for line in lines):
        return []
    line = {
        "name": LINE,
        "kind": "rtu",
        "serial_port": SERIAL_PORT,
        "baud": known.link.baud,
        "parity": known.link.parity,
        "stop_bits": known.link.stop_bits,
    }
    return [("gateway", gateway.id, {"links": {**held, "modbus": [*lines, line]}})]


def _place(there: There, chosen: str) -> list[Put] | None:
    """Return the place, unchanged where it is there; None where there is no such place."""
    for row in there.places:
        if row.id == chosen:
            names = {"name_zh": row.text("name_zh"), "name_en": row.text("name_en")}
            return [("place", row.id, names)]
    kind = chosen.removeprefix(NEW)
    if not chosen.startswith(NEW) or kind not in NAMES:
        return None
    taken = {row.id for row in there.places}
    site = there.gateway.text("site")
    stem = f"{site}-{kind.replace('_', '-')}"
    number = next(n for n in range(1, 10_000) if f"{stem}-{n}" not in taken)
    zh, en = NAMES[kind]
    fields = {
        "site": site,
        "place_kind": kind,
        "name_zh": f"{zh} {number} 号",
        "name_en": f"{en} {number}",
    }
    return [("place", f"{stem}-{number}", fields)]


def _sensor(there: There, known: Profile, id_: str, serial: str, unit: int) -> list[Put]:
    fields = {
        "site": there.gateway.text("site"),
        "model": known.name,
        "serial": serial,
        "profile": known.ref,
        "refresh_s": REFRESH_S,
        "state": "in_service",
        "link": {"bus": LINE, "unit": unit},
    }
    return [("sensor", id_, fields)]


def _points(
    there: There, known: Profile, sensor: str, place: Sequence[Put], pack: str
) -> list[Put]:
    _, place_id, names = place[0]
    free = free_channels(there.channels)
    is_judged = known.point_class is PointClass.COMPLIANCE and bool(pack)
    return [
        (
            "point",
            f"{sensor}-{spec.quantity.value[0]}",
            {
                "site": there.gateway.text("site"),
                "place": place_id,
                "gateway": there.gateway.id,
                "channel": next(free),
                "sensor": sensor,
                "name_zh": f"{names['name_zh']} {_POINT_NAMES[spec.quantity][0]}",
                "name_en": f"{names['name_en']} {_POINT_NAMES[spec.quantity][1]}",
                "quantity": spec.quantity.value,
                "unit": spec.unit,
                "point_class": known.point_class.value,
                "rule_packs": [pack] if is_judged else [],
                "state": "planned",
                "source": name,
            },
        )
        for name, spec in _measured(known)
    ]


def _measured(known: Profile) -> list[tuple[str, PointSpec]]:
    """Return the first point of a profile for each quantity that a room is watched by."""
    found = []
    for quantity in MEASURED:
        named = ((n, s) for n, s in known.points.items() if s.quantity is quantity)
        found += [first] if (first := next(named, None)) else []
    return found
