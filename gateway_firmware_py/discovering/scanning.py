"""Looks for devices on a bus by reading only: which units answer, in which settings, with what.

Used by `gateway_firmware_py.discovering.cli`. Bounded by time: what is likely comes first,
and what was not tried is said. Functions 3, 4 and 43/14 leave, nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.profiles.model import Profile, RegisterTable
from edge.errors import EdgeError, UnreachableError
from edge.modbus.config import LinkKind, ModbusBus
from edge.modbus.frames import (
    NO_TARGET,
    PATH_UNAVAILABLE,
    Refusal,
    Request,
    identify_request,
    identity_page,
    read_request,
)
from edge.modbus.identify import OBJECT_NAMES
from edge.modbus.wire import Wire
from gateway_firmware_py.discovering.asking import ask
from gateway_firmware_py.discovering.line_settings import SETTINGS, LineSettings
from gateway_firmware_py.discovering.matching import Place, places_of

QUICK_MS: Final = 120
PATIENT_MS: Final = 500
EXTENDED, BASIC = 3, 1
FIRST_LOOK: Final = 2
"""Points of a profile that must be there before its others are read."""
NOBODY: Final = frozenset({PATH_UNAVAILABLE, NO_TARGET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One unit that answers: how it is reached, what it says of itself, what it holds."""

    unit: int
    settings: LineSettings | None
    identity: Mapping[str, str]
    words: Mapping[Place, Sequence[int] | None]


@dataclass(slots=True, kw_only=True)
class Scan:
    """What to look for; `progress` is told what is tried now, `ends_s` is the loop's time."""

    bus: ModbusBus
    units: Sequence[int]
    profiles: Sequence[Profile]
    ends_s: float
    progress: Callable[[str], None]
    settings: Sequence[LineSettings] = SETTINGS
    quick_ms: int = QUICK_MS
    left_out: list[str] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Return whether no time is left."""
        return asyncio.get_running_loop().time() >= self.ends_s


async def scan(plan: Scan, open_line: Callable[[ModbusBus], object]) -> list[Device]:
    """Return what answers; `open_line` opens the port, or returns an awaitable that does.

    Raises:
        UnreachableError: the port or the host cannot be opened at all.
    """
    if plan.bus.kind is LinkKind.TCP:
        return await _scan_units(plan, plan.bus, None, open_line)
    for settings in plan.settings:
        if plan.is_over:
            plan.left_out.append(str(settings))
            continue
        plan.progress(f"{settings}")
        bus = settings.on(plan.bus, plan.quick_ms)
        found = await _scan_units(plan, bus, settings, open_line)
        if found:  # the devices of one line all talk alike
            return found
    return []


async def read_again(
    plan: Scan, device: Device, open_line: Callable[[ModbusBus], object]
) -> Mapping[Place, Sequence[int] | None]:
    """Return what the registers of a device hold now.

    Raises:
        UnreachableError: the port or the host cannot be opened at all.
    """
    bus = device.settings.on(plan.bus, PATIENT_MS) if device.settings else plan.bus
    wire = await _opened(bus, open_line)
    try:
        held = [place for place, words in device.words.items() if words is not None]
        return {place: await _read(bus, wire, device.unit, place) for place in held}
    finally:
        wire.close()


async def _scan_units(
    plan: Scan,
    bus: ModbusBus,
    settings: LineSettings | None,
    open_line: Callable[[ModbusBus], object],
) -> list[Device]:
    wire = await _opened(bus, open_line)
    found: list[Device] = []
    try:
        for unit in plan.units:
            if plan.is_over:
                plan.left_out.append(f"units from {unit}")
                break
            if await _is_there(bus, wire, unit):
                plan.progress(f"unit {unit} answers")
                words = await _words(bus, wire, unit, plan.profiles)
                identity = await _identity(bus, wire, unit)
                found.append(
                    Device(unit=unit, settings=settings, identity=identity, words=words)
                )
    finally:
        wire.close()
    return found


async def _opened(bus: ModbusBus, open_line: Callable[[ModbusBus], object]) -> Wire:
    opened = open_line(bus)
    return await opened if asyncio.iscoroutine(opened) else opened  # type: ignore[return-value]


async def _is_there(bus: ModbusBus, wire: Wire, unit: int) -> bool:
    """Return whether anything answers for `unit`; an exception is an answer too."""
    for request in _knocks(unit):
        try:
            heard = await ask(bus, wire, request, linger_s=0)
        except EdgeError as error:
            raise UnreachableError(f"{bus.where}: {error}") from error
        match heard.outcome:
            case None:
                continue
            case Refusal(code) if code in NOBODY:
                return False
            case _:
                return True
    return False


def _knocks(unit: int) -> Iterator[Request]:
    yield read_request(unit, RegisterTable.HOLDING, 0, 1)
    yield read_request(unit, RegisterTable.INPUT, 0, 1)
    yield identify_request(unit, BASIC, 0)


async def _words(
    bus: ModbusBus, wire: Wire, unit: int, profiles: Iterable[Profile]
) -> dict[Place, Sequence[int] | None]:
    held: dict[Place, Sequence[int] | None] = {}
    for profile in profiles:
        places = places_of(profile)
        for at, place in enumerate(places):
            if at >= FIRST_LOOK and any(held.get(p) is None for p in places[:FIRST_LOOK]):
                break
            if place not in held:
                held[place] = await _read(bus, wire, unit, place)
    return held


async def _read(bus: ModbusBus, wire: Wire, unit: int, place: Place) -> Sequence[int] | None:
    table, address, count = place
    try:
        heard = await ask(bus, wire, read_request(unit, table, address, count), linger_s=0)
    except EdgeError as error:
        raise UnreachableError(f"{bus.where}: {error}") from error
    data = heard.outcome
    if not isinstance(data, bytes):
        return None
    if table.is_bits:
        return [data[0] & 1]
    return [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]


async def _identity(bus: ModbusBus, wire: Wire, unit: int) -> Mapping[str, str]:
    """Return what a device says of itself on its first page; many say nothing."""
    for category in (EXTENDED, BASIC):
        try:
            heard = await ask(bus, wire, identify_request(unit, category, 0), linger_s=0)
            if isinstance(heard.outcome, bytes):
                objects = identity_page(heard.outcome).objects
                return {
                    OBJECT_NAMES.get(n, f"object {n}"): text.decode("ascii", "replace")
                    for n, text in objects
                }
        except EdgeError:
            return {}
    return {}
