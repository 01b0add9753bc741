"""What was found, as configuration that can be pasted: TOML tables and profiles of clones.

Pure. Used by `gateway_firmware_py.discovering.cli`. Channels are numbered from what the
caller says is free; a name is the map and the unit, or the topic's last part.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.profiles.load import profile_names
from edge.modbus.config import LinkKind, ModbusBus
from gateway_firmware_py.discovering.line_settings import LineSettings
from gateway_firmware_py.discovering.matching import Match
from gateway_firmware_py.discovering.topics import Sensor
from gateway_firmware_py.discovering.variants import profile_text

_PLAIN = re.compile(r"[^a-z0-9]+")
DEFAULT_PERIOD_MS = 10_000


@dataclass(slots=True)
class Proposal:
    """`toml` for gateway.toml, and the profile files that it needs beside it."""

    toml: str = ""
    profiles: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A device and the map it is read by."""

    unit: int
    match: Match
    serial: str = ""


def propose_bus(
    bus: ModbusBus, settings: LineSettings | None, devices: Sequence[Placed], first_channel: int
) -> Proposal:
    """Return the tables of a bus with what was found on it."""
    proposal = Proposal()
    lines = [*_bus_lines(bus, settings)]
    channel = first_channel
    for device in devices:
        profile = device.match.profile
        if profile.name not in profile_names():
            proposal.profiles[f"{profile.name}.toml"] = profile_text(profile)
        lines += [
            "",
            "  [[modbus.device]]",
            f"  name = {_text(f'{plain(profile.name)}-{device.unit}')}",
            f"  unit = {device.unit}",
            f"  profile = {_text(profile.name)}",
            f"  period_ms = {DEFAULT_PERIOD_MS}",
        ]
        if device.serial:
            lines.append(f"  serial = {_text(device.serial)}")
        for reading in device.match.readings:
            lines += _point(reading.spec.name, channel, {}, f"now {reading}", "modbus")
            channel += 1
    proposal.toml = "\n".join([*lines, ""])
    return proposal


def propose_broker(
    host: str, port: int, sensors: Iterable[Sensor], first_channel: int
) -> Proposal:
    """Return the tables of a broker with what was heard on it."""
    lines = ["[[mqtt]]", f"host = {_text(host)}", f"port = {port}"]
    channel = first_channel
    for sensor in sensors:
        lines += [
            "",
            "  [[mqtt.device]]",
            f"  name = {_text(plain(sensor.topic))}",
            f"  format = {_text(str(sensor.format))}",
            f"  topic = {_text(sensor.topic)}",
        ]
        for point in sensor.points:
            lines += _point(point.name, channel, point.settings, f"now {point.shown}", "mqtt")
            channel += 1
    return Proposal(toml="\n".join([*lines, ""]))


def plain(text: str) -> str:
    """Return a name of small letters, digits and dashes."""
    return _PLAIN.sub("-", text.lower()).strip("-") or "device"


def _bus_lines(bus: ModbusBus, settings: LineSettings | None) -> Iterator[str]:
    yield f'[[modbus]]\nname = {_text(bus.name)}\nkind = "{bus.kind}"'
    if bus.kind is LinkKind.TCP:
        yield f"host = {_text(bus.host)}\nport = {bus.port}"
        return
    yield f"serial_port = {_text(bus.device)}"
    if settings is not None:
        yield f'baud = {settings.baud}\nparity = "{settings.parity}"'
        yield f"stop_bits = {settings.stop_bits}"


def _point(
    name: str, channel: int, more: Mapping[str, str], remark: str, kind: str
) -> Iterator[str]:
    yield f"\n    [[{kind}.device.point]]  # {remark}"
    yield f"    name = {_text(name)}"
    yield f"    channel = {channel}"
    yield from (f"    {key} = {value}" for key, value in more.items())


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
