"""`coldwarden-gateway discover`: scans a bus or listens on a broker, and proposes.

    coldwarden-gateway discover --serial /dev/ttyUSB0 --reference 21.5
    coldwarden-gateway discover --tcp 192.168.1.20:502 --warm
    coldwarden-gateway discover --broker 127.0.0.1 --seconds 60

Progress and questions go to standard error, the proposal to standard output. Exit code 0 when
something was found, 1 when nothing was, 2 when it could not be looked.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.profiles.load import profile, profile_names
from domain.profiles.model import Profile
from edge.errors import EdgeError, SourceConfigError
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from edge.modbus.wire import Wire, open_serial, open_wire
from gateway_firmware_py.discovering.line_settings import LAST_UNIT, units_in_order
from gateway_firmware_py.discovering.matching import Match, is_sure, matches, warmed
from gateway_firmware_py.discovering.proposing import (
    Placed,
    Proposal,
    propose_broker,
    propose_bus,
)
from gateway_firmware_py.discovering.scanning import PATIENT_MS, Device, Scan, read_again, scan
from gateway_firmware_py.discovering.topics import Sensor, sensors_in

FOUND, NOTHING, NOT_DONE = 0, 1, 2
WARM_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A device with the maps that fit it, the surest first."""

    device: Device
    found: Sequence[Match]
    sure: bool


def discover(asked: argparse.Namespace) -> int:
    """Look, and print what was found."""
    try:
        return asyncio.run(_broker(asked) if asked.broker else _bus(asked))
    except (EdgeError, SourceConfigError) as error:
        print(json.dumps({"error": str(error)}) if asked.json else f"discover: {error}")
        return NOT_DONE


def progress(text: str) -> None:
    """Tell a person what is done now."""
    print(f"  {text}", file=sys.stderr, flush=True)


async def _bus(asked: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    plan = Scan(
        bus=_template(asked),
        units=list(units_in_order(min(asked.units, LAST_UNIT))),
        profiles=_profiles(),
        ends_s=loop.time() + asked.seconds,
        progress=progress,
    )
    devices = await scan(plan, _open)
    for left in plan.left_out:
        progress(f"not tried, the time was over: {left}")
    named = [await _named(asked, plan, device) for device in devices]
    return _print_bus(asked, plan, named)


async def _named(asked: argparse.Namespace, plan: Scan, device: Device) -> Named:
    found = matches(plan.profiles, device.words, asked.reference)
    sure = is_sure(found)
    if asked.warm and not sure and len(found) > 1:
        progress(f"unit {device.unit}: warm the probe by hand now ({WARM_S:g} s)")
        await asyncio.sleep(WARM_S)
        which = warmed(found, await read_again(plan, device, _open))
        if which is not None:
            found, sure = [which, *(m for m in found if m is not which)], True
    return Named(device=device, found=found, sure=sure)


def _print_bus(asked: argparse.Namespace, plan: Scan, named: Sequence[Named]) -> int:
    placed = [
        Placed(
            unit=one.device.unit,
            match=one.found[0],
            serial=one.device.identity.get("object 128", ""),
        )
        for one in named
        if one.found
    ]
    settings = named[0].device.settings if named else None
    proposal = propose_bus(plan.bus, settings, placed, asked.first_channel)
    if asked.json:
        devices = [_as_json(one) for one in named]
        print(json.dumps({"devices": devices, **_proposed(proposal, placed)}))
    else:
        for one in named:
            print("\n".join(_lines(one)))
        _print_proposal(proposal, is_any=bool(placed))
    return FOUND if named else NOTHING


async def _broker(asked: argparse.Namespace) -> int:
    from gateway_firmware_py.discovering.listening import (  # noqa: PLC0415 -- loads a client
        BrokerAddress,
        listen,
    )

    host, port = _address(asked.broker, 1883)
    address = BrokerAddress(
        host=host, port=port, username=asked.username, password=asked.password
    )
    sensors = sensors_in(await listen(address, asked.seconds, progress))
    proposal = propose_broker(host, port, sensors, asked.first_channel)
    if asked.json:
        found = [_sensor_json(sensor) for sensor in sensors]
        print(json.dumps({"sensors": found, **_proposed(proposal, sensors)}))
    else:
        for sensor in sensors:
            shown = ", ".join(point.shown for point in sensor.points)
            print(f"# {sensor.topic}: {sensor.format}, {shown}")
        _print_proposal(proposal, is_any=bool(sensors))
    return FOUND if sensors else NOTHING


def _lines(one: Named) -> list[str]:
    device = one.device
    where = f" at {device.settings}" if device.settings is not None else ""
    said = ", ".join(f"{key} {text}" for key, text in device.identity.items())
    lines = [f"# unit {device.unit}{where}{': ' if said else ''}{said}"]
    if not one.found:
        lines.append("#   answers, but no known map fits; write a profile for it")
    for at, match in enumerate(one.found[:3]):
        shown = ", ".join(map(str, match.readings))
        lines.append(f"#   {'->' if at == 0 else 'or'} {match.profile.name}: {shown}")
    if one.found and not one.sure:
        lines.append("#   not sure: compare with --reference CELSIUS, or run again with --warm")
    return lines


def _print_proposal(proposal: Proposal, *, is_any: bool) -> None:
    if not is_any:
        print("# nothing was found that could be configured")
        return
    print(f"\n{proposal.toml}")
    for name, text in proposal.profiles.items():
        print(f"# --- profiles/{name}, beside gateway.toml ---\n{text}")


def _proposed(proposal: Proposal, found: Sequence[object]) -> dict[str, object]:
    return {"toml": proposal.toml if found else "", "profiles": proposal.profiles}


def _as_json(one: Named) -> dict[str, object]:
    return {
        "unit": one.device.unit,
        "settings": str(one.device.settings) if one.device.settings else "",
        "identity": dict(one.device.identity),
        "sure": one.sure,
        "maps": [
            {
                "profile": match.profile.ref,
                "clone": match.deviates,
                "values": {r.spec.name: r.value for r in match.readings},
            }
            for match in one.found
        ],
    }


def _sensor_json(sensor: Sensor) -> dict[str, object]:
    points = {point.name: point.shown for point in sensor.points}
    return {"topic": sensor.topic, "format": str(sensor.format), "points": points}


def _template(asked: argparse.Namespace) -> ModbusBus:
    """Return the bus to look at; its one device only makes it a valid one."""
    known = profile("XY-MD02")
    nobody = ModbusDevice(
        name="nobody",
        unit=1,
        profile=known,
        period_ms=1000,
        points=(ModbusPoint(name="temperature", channel=0),),
    )
    if asked.serial:
        return ModbusBus(name="bus1", kind=LinkKind.RTU, device=asked.serial, devices=(nobody,))
    host, port = _address(asked.tcp, 502)
    return ModbusBus(
        name="bus1",
        kind=LinkKind.TCP,
        host=host,
        port=port,
        devices=(nobody,),
        timeout_ms=PATIENT_MS,
    )


def _open(bus: ModbusBus) -> object:
    return open_serial(bus) if bus.kind is LinkKind.RTU else _connect(bus)


async def _connect(bus: ModbusBus) -> Wire:
    return await open_wire(bus)


def _address(text: str, default: int) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, default
    if not port.isdigit():
        raise SourceConfigError(f"{text!r}: expected HOST or HOST:PORT")
    return host, int(port)


def _profiles() -> list[Profile]:
    return [profile(name) for name in profile_names()]
