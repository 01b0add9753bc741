"""The sources of `gateway.toml`: buses, brokers, and the rules each point is judged by.

What a source's own package refuses becomes a mistake at the line of that source.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from domain.channel import Channel
from domain.errors import DomainError
from domain.profiles.load import parse_profile, profile
from domain.profiles.model import Profile
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from domain.rules.model import RulePack
from edge.digital.config import QUANTITIES, Bias, DigitalConfig
from edge.digital.config import channels_of as digital_channels
from edge.errors import SourceConfigError
from edge.judge.frame_judge import JudgedPoint
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from edge.modbus.config import channels_of as bus_channels
from edge.mqtt_source.config import Format, MqttBroker, MqttDevice, MqttPoint
from edge.mqtt_source.config import channels_of as broker_channels
from edge.scanner.config import ScannerConfig, ScannerKind
from gateway_firmware_py.config.document import Section

T = TypeVar("T")
Profiles = Callable[[str], Profile]
"""Finds a device profile by its name; raises DomainError."""

CHANNELS = (0, (1 << 32) - 1)
SCALED = (-(1 << 52), 1 << 52)
POINT_KEYS = ("name", "channel", "rule_pack")
BUS_KEYS = (
    "name", "kind", "host", "port", "serial_port", "baud", "parity", "stop_bits", "timeout_ms",
    "max_hole", "device",
)  # fmt: skip
BROKER_KEYS = ("name", "host", "port", "username", "password", "ca", "device")
MQTT_DEVICE_KEYS = (
    "name", "format", "topic", "serial", "availability", "silent_after_s", "point",
)  # fmt: skip
SCANNER_KEYS = ("name", "kind", "device", "baud", "host", "port", "idle_ms", "location")
DIGITAL_KEYS = (
    *POINT_KEYS, "kind", "quantity", "chip", "line", "active_low", "bias", "settle_ms",
    "period_ms",
)  # fmt: skip
MQTT_POINT_KEYS = (*POINT_KEYS, "path", "quantity", "unit", "exp", "low", "high")


@dataclass(slots=True)
class Sources:
    """What is read, how it is judged, and where in the file each channel stands."""

    buses: list[ModbusBus] = field(default_factory=list)
    mqtt: list[MqttBroker] = field(default_factory=list)
    scanners: list[ScannerConfig] = field(default_factory=list)
    digital: list[DigitalConfig] = field(default_factory=list)
    places: dict[int, list[Section]] = field(default_factory=dict)
    judged: list[JudgedPoint] = field(default_factory=list)
    channels: tuple[Channel, ...] = ()


def read_sources(whole: Section, profiles: Profiles) -> Sources:
    """Return every source of the file; mistakes are noted in its document."""
    found = Sources()
    found.buses = list(_built(whole.sections("modbus"), lambda s: _bus(s, found, profiles)))
    found.mqtt = list(_built(whole.sections("mqtt"), lambda s: _broker(s, found)))
    found.scanners = list(_built(whole.sections("scanner"), _scanner))
    found.digital = list(_built(whole.sections("digital"), lambda s: _digital(s, found)))
    channels = [*digital_channels(found.digital)]
    channels += [c for bus in found.buses for c in bus_channels(bus)]
    channels += [c for broker in found.mqtt for c in broker_channels(broker)]
    found.channels = tuple(sorted(channels, key=lambda c: c.number))
    _refuse_shared_channels(found)
    found.judged = list(_judged(found))
    return found


def profiles_beside(file: Path) -> Profiles:
    """Return the profiles that ship, and before them those of the folder beside `file`."""
    folder = file.parent / "profiles"
    return partial(profile, own_dir=folder if folder.is_dir() else None)


def profiles_among(texts: Mapping[str, str]) -> Profiles:
    """Return the profiles that ship, and before them those of `texts`, by file name."""

    def find(name: str) -> Profile:
        text = texts.get(f"{name}.toml")
        return profile(name) if text is None else parse_profile(f"{name}.toml", text)

    return find


def _built(sections: list[Section], build: Callable[[Section], T]) -> Iterator[T]:
    """Yield what can be built; what a source's package refuses is a mistake of its section."""
    for section in sections:
        try:
            yield build(section)
        except (SourceConfigError, DomainError) as error:
            section.note("", str(error))


def _bus(section: Section, found: Sources, profiles: Profiles) -> ModbusBus:
    section.only(BUS_KEYS)
    devices = section.sections("device")
    return ModbusBus(
        name=section.text("name"),
        kind=LinkKind(section.choice("kind", [str(k) for k in LinkKind], "tcp")),
        devices=tuple(_built(devices, lambda s: _device(s, found, profiles))),
        host=section.text("host", ""),
        port=section.number("port", (1, 65_535), 502),
        device=section.text("serial_port", ""),
        baud=section.number("baud", (300, 230_400), 9600),
        parity=section.choice("parity", ("N", "E", "O"), "N"),
        stop_bits=section.number("stop_bits", (1, 2), 1),
        timeout_ms=section.number("timeout_ms", (10, 60_000), 500),
        max_hole=section.number("max_hole", (0, 120), 10),
    )


def _device(section: Section, found: Sources, profiles: Profiles) -> ModbusDevice:
    section.only(("name", "unit", "profile", "period_ms", "serial", "point"))
    known = profiles(section.text("profile"))
    return ModbusDevice(
        name=section.text("name"),
        unit=section.number("unit", (0, 255)),
        profile=known,
        period_ms=section.number("period_ms", (10, 86_400_000), 10_000),
        serial=section.text("serial", ""),
        points=tuple(_modbus_point(s, found, known) for s in section.sections("point")),
    )


def _modbus_point(section: Section, found: Sources, known: Profile) -> ModbusPoint:
    section.only(POINT_KEYS)
    name = section.choice("name", sorted(known.points))
    return ModbusPoint(name=name, channel=_channel(section, found))


def _broker(section: Section, found: Sources) -> MqttBroker:
    section.only(BROKER_KEYS)
    devices = section.sections("device")
    return MqttBroker(
        name=section.text("name", "mqtt"),
        host=section.text("host"),
        devices=tuple(_built(devices, lambda s: _mqtt_device(s, found))),
        port=section.number("port", (1, 65_535), 1883),
        username=section.text("username", ""),
        password=section.text("password", ""),
        ca=section.text("ca", ""),
    )


def _mqtt_device(section: Section, found: Sources) -> MqttDevice:
    section.only(MQTT_DEVICE_KEYS)
    shape = Format(section.choice("format", [str(f) for f in Format], "json"))
    points = section.sections("point")
    return MqttDevice(
        name=section.text("name"),
        format=shape,
        topic=section.text("topic"),
        points=tuple(_built(points, lambda s: _mqtt_point(s, shape, found))),
        serial=section.text("serial", ""),
        availability=section.text("availability", ""),
        silent_after_s=section.number("silent_after_s", (0, 604_800), 0),
    )


def _mqtt_point(section: Section, shape: Format, found: Sources) -> MqttPoint:
    section.only(MQTT_POINT_KEYS)
    name, path, channel = (
        section.text("name"),
        section.text("path", ""),
        _channel(section, found),
    )
    if shape is not Format.JSON:
        return MqttPoint.known(shape, name, channel, path)
    return MqttPoint(
        name=name,
        channel=channel,
        quantity=Quantity(section.choice("quantity", [str(q) for q in Quantity], "state")),
        exp=section.number("exp", (-6, 6), 0),
        unit=section.text("unit", ""),
        path=path,
        low=section.optional_number("low", SCALED),
        high=section.optional_number("high", SCALED),
    )


def _scanner(section: Section) -> ScannerConfig:
    section.only(SCANNER_KEYS)
    return ScannerConfig(
        name=section.text("name"),
        kind=ScannerKind(section.choice("kind", [str(k) for k in ScannerKind])),
        device=section.text("device", ""),
        baud=section.number("baud", (1200, 115_200), 9600),
        host=section.text("host", ""),
        port=section.number("port", (0, 65_535), 0),
        idle_ms=section.number("idle_ms", (10, 5000), 200),
        location=section.text("location", ""),
    )


def _digital(section: Section, found: Sources) -> DigitalConfig:
    section.only(DIGITAL_KEYS)
    section.choice("kind", ("gpio",), "gpio")
    return DigitalConfig(
        name=section.text("name"),
        channel=_channel(section, found),
        quantity=Quantity(section.choice("quantity", [str(q) for q in QUANTITIES])),
        chip=section.text("chip", "/dev/gpiochip0"),
        line=section.number("line", (0, 1 << 16)),
        active_low=section.flag("active_low"),
        bias=Bias(section.choice("bias", [str(b) for b in Bias], str(Bias.AS_IS))),
        settle_ms=section.number("settle_ms", (0, 5000), 50),
        period_ms=section.number("period_ms", (1000, 3_600_000), 10_000),
    )


def _channel(section: Section, found: Sources) -> int:
    channel = section.number("channel", CHANNELS)
    found.places.setdefault(channel, []).append(section)
    return channel


def _refuse_shared_channels(found: Sources) -> None:
    for channel, places in found.places.items():
        for section in places[1:]:
            section.note(
                "channel", f"{channel} is taken by another point; each point needs its own"
            )


def _judged(found: Sources) -> Iterator[JudgedPoint]:
    for channel in found.channels:
        for section in found.places[channel.number][:1]:
            for name in section.texts("rule_pack"):
                pack = _pack(section, name)
                if pack is None:
                    continue
                yield JudgedPoint(
                    channel=channel.number,
                    quantity=channel.quantity,
                    exp=channel.exp,
                    pack=pack,
                )


def _pack(section: Section, name: str) -> RulePack | None:
    """Return a pack, named with or without its version; a mistake when it is not to be had."""
    plain, _, version = name.partition("@")
    try:
        pack = rule_pack(plain)
    except DomainError as error:
        section.note("rule_pack", str(error))
        return None
    if version not in {"", str(pack.version)}:
        section.note(
            "rule_pack",
            f"{name!r}; this gateway has version {pack.version} of it, update its software",
        )
        return None
    return pack
