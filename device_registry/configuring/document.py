"""From rows to the sources of one gateway: text of TOML tables, and the profiles they name.

Pure. Used by `device_registry.configuring.publishing`. What the gateway would refuse is refused
here where it can be known: a point that nothing reads, a profile or rule pack that is not
there. A point stands in the document from its planning until it is retired: commissioning
needs it to report.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

from device_registry.configuring.errors import CannotConfigureError, Problem
from device_registry.configuring.links import Table, bus_of, link_of, table, tables
from device_registry.configuring.toml_text import table_text
from device_registry.store.row import Row
from domain.errors import DomainError
from domain.profiles.load import parse_profile, profile_names
from domain.profiles.model import Profile
from domain.rules.load import rule_pack

UNREAD: Final = frozenset({"retired", "out_of_service"})
DEFAULT_REFRESH_S: Final = 10
_MQTT_LINK: Final = ("format", "topic", "availability", "silent_after_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """What the registry holds of one gateway; sensors and profiles by id."""

    gateway: Row
    points: Sequence[Row]
    sensors: Mapping[str, Row]
    profiles: Mapping[str, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a document says: the text of its tables, and its profiles by file name."""

    sources: str
    profiles: Mapping[str, str]


@dataclass(slots=True)
class _Draft:
    """A document in the making."""

    rows: Rows
    placed: set[str] = field(default_factory=set)
    profiles: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def note(self, key: str, said: str, **values: str) -> None:
        """Note what is wrong."""
        self.problems.append(Problem(key=key, said=said, values=values))


def content_of(rows: Rows) -> Content:
    """Return what the gateway is to be told.

    Raises:
        CannotConfigureError: names every point that could not be read, and the remedy.
    """
    draft = _Draft(rows)
    try:
        text = list(_tables(draft))
    except TypeError as error:
        problem = Problem(key="links", said=f"{error}; correct the links")
        raise CannotConfigureError(rows.gateway.id, [problem]) from error
    _note_unplaced(draft)
    if draft.problems:
        raise CannotConfigureError(rows.gateway.id, draft.problems)
    return Content(sources="\n".join(text), profiles=dict(sorted(draft.profiles.items())))


def _tables(draft: _Draft) -> Iterator[str]:
    links = draft.rows.gateway.maybe("links")
    yield from _singles(links)
    for bus in tables(links, "modbus"):
        yield from _bus(draft, "modbus", bus)
    for broker in tables(links, "mqtt"):
        yield from _bus(draft, "mqtt", broker)
    yield from (table_text("[[scanner]]", scanner) for scanner in tables(links, "scanner"))
    yield from _digital(draft, tables(links, "digital"))


def _singles(links: object) -> Iterator[str]:
    for name in ("seal", "broker"):
        found = table(links, name)
        if found is not None:
            yield table_text(f"[{name}]", found)


def _bus(draft: _Draft, kind: str, bus: Table) -> Iterator[str]:
    """Yield a bus with its devices; nothing when it has none, which no gateway would take."""
    name = bus.get("name")
    rows = draft.rows
    sensors = [s for s in rows.sensors.values() if bus_of(link_of(s.maybe("link"))) == name]
    devices = [text for sensor in sensors for text in _device(draft, kind, sensor)]
    if devices:
        yield table_text(f"[[{kind}]]", bus)
        yield from devices


def _device(draft: _Draft, kind: str, sensor: Row) -> Iterator[str]:
    points = [p for p in _read(draft.rows) if p.text("sensor") == sensor.id]
    if not points:
        return
    link = link_of(sensor.maybe("link"))
    name = link.get("device") or sensor.id
    head: dict[str, object] = {"name": name, "serial": sensor.text("serial")}
    if kind == "modbus":
        known = _profile(draft, sensor)
        if known is None:
            return
        head |= {"unit": link.get("unit"), "profile": known.name}
        head["period_ms"] = 1000 * (sensor.number("refresh_s") or DEFAULT_REFRESH_S)
        _check_sources(draft, known, points)
    else:
        head |= {name: link.get(name) for name in _MQTT_LINK}
    yield table_text(f"[[{kind}.device]]", head)
    for point in points:
        draft.placed.add(point.id)
        yield table_text(f"[[{kind}.device.point]]", _point(draft, kind, link, point))


def _point(draft: _Draft, kind: str, link: Table, point: Row) -> Mapping[str, object]:
    more: Mapping[str, object] = {}
    if kind == "mqtt":
        details = link.get("points")
        own = details.get(point.text("source")) if isinstance(details, dict) else None
        if link.get("format", "json") == "json":
            more = {"quantity": point.text("quantity"), "unit": point.text("unit")}
        more = {**more, **(own if isinstance(own, dict) else {})}
    return {"name": point.text("source"), **_judged(draft, point), **more}


def _digital(draft: _Draft, inputs: Sequence[Table]) -> Iterator[str]:
    for wired in inputs:
        for point in _read(draft.rows):
            if not point.text("sensor") and point.text("source") == wired.get("name"):
                draft.placed.add(point.id)
                named = {**wired, "quantity": point.text("quantity"), **_judged(draft, point)}
                yield table_text("[[digital]]", named)


def _judged(draft: _Draft, point: Row) -> Mapping[str, object]:
    packs = [str(pack) for pack in point.items("rule_packs")]
    for pack in packs:
        try:
            rule_pack(pack.partition("@")[0])
        except DomainError as error:
            draft.note("pack", f"point {point.id}: {error}", point=point.id, pack=pack)
    return {"channel": point.number("channel"), "rule_pack": packs or None}


def _read(rows: Rows) -> Iterator[Row]:
    return (p for p in rows.points if p.text("state") not in UNREAD)


def _profile(draft: _Draft, sensor: Row) -> Profile | None:
    """Return a sensor's profile and put its text into the document."""
    ref = sensor.text("profile")
    name, _, version = ref.partition("@")
    row = draft.rows.profiles.get(ref)
    text = row.text("document") if row is not None else _shipped(name)
    if text is None:
        said = f"sensor {sensor.id}: no profile {ref!r}; register it"
        draft.note("no_profile", said, sensor=sensor.id, profile=ref)
        return None
    file = f"{name}.toml"
    try:
        known = parse_profile(file, text)
    except DomainError as error:
        said = f"sensor {sensor.id}: {error}"
        draft.note("bad_profile", said, sensor=sensor.id, profile=ref)
        return None
    if version not in {"", str(known.version)}:
        said = (
            f"sensor {sensor.id}: profile {ref!r} is not there, {known.ref!r} is; register it"
        )
        draft.note("no_profile", said, sensor=sensor.id, profile=ref)
        return None
    if draft.profiles.setdefault(file, text) != text:
        said = (
            f"sensor {sensor.id}: another sensor of this gateway has profile {name!r} in "
            "another version; give both the same"
        )
        draft.note("two_versions", said, sensor=sensor.id, profile=name)
    return known


def _shipped(name: str) -> str | None:
    if name not in profile_names():
        return None
    folder = files("domain.profiles") / "devices"
    return (folder / f"{name}.toml").read_text(encoding="utf-8")


def _check_sources(draft: _Draft, known: Profile, points: Sequence[Row]) -> None:
    for point in points:
        spec = known.points.get(point.text("source"))
        if spec is None:
            names = ", ".join(sorted(known.points))
            said = (
                f"point {point.id}: profile {known.ref} has no {point.text('source')!r}; "
                f"its source is one of {names}"
            )
            draft.note("no_source", said, point=point.id, profile=known.ref)
        elif (str(spec.quantity), spec.unit) != (point.text("quantity"), point.text("unit")):
            said = (
                f"point {point.id}: {point.text('quantity')} in {point.text('unit')!r}, but "
                f"{known.ref} gives {spec.quantity} in {spec.unit!r}; correct the point"
            )
            draft.note("other_quantity", said, point=point.id, profile=known.ref)


def _note_unplaced(draft: _Draft) -> None:
    named = {problem.values.get("sensor") for problem in draft.problems}
    for point in _read(draft.rows):
        sensor = point.text("sensor")
        if point.id in draft.placed or (sensor and sensor in named):
            continue
        what = f"its sensor {sensor} is on no bus" if sensor else "it has no sensor"
        remedy = "name the bus in the sensor's link" if sensor else "name one, or an input"
        said = f"point {point.id}: {what}; {remedy}"
        draft.note("no_bus" if sensor else "no_sensor", said, point=point.id, sensor=sensor)
