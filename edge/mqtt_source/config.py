"""What an operator says about MQTT sensors: the broker, the devices, and their points.

The program parses its file into these; they refuse what cannot work, each error naming the
place and the remedy. Pure.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.channel import Channel
from domain.errors import WrongUnitError
from domain.quantity import UCUM, Quantity, check_unit
from edge.errors import SourceConfigError
from edge.mqtt_source.json_path import parse_path

MAX_TOPIC_BYTES: Final = 1024
MIN_EXP: Final = -6
MAX_EXP: Final = 6
MAX_SILENCE_S: Final = 7 * 86_400
_HOST: Final = re.compile(r"[A-Za-z0-9._:%-]{1,253}")
DECODER_VERSION: Final = 1
"""In the point table; a change of what a decoder makes of a message raises it."""


class Format(StrEnum):
    """Which firmware's messages a device sends."""

    ZIGBEE2MQTT = "zigbee2mqtt"
    TASMOTA = "tasmota"
    SHELLY = "shelly"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class _Known:
    quantity: Quantity
    exp: int


_CLIMATE = {
    "temperature": _Known(Quantity.TEMPERATURE, -2),
    "humidity": _Known(Quantity.HUMIDITY, -2),
}
_BATTERY = {"battery": _Known(Quantity.BATTERY, 0)}
KNOWN_POINTS: Final[Mapping[Format, Mapping[str, _Known]]] = MappingProxyType(
    {
        Format.ZIGBEE2MQTT: {
            **_CLIMATE,
            **_BATTERY,
            "contact": _Known(Quantity.DOOR, 0),
            "illuminance": _Known(Quantity.ILLUMINANCE, 0),
            "linkquality": _Known(Quantity.SIGNAL, 0),
        },
        Format.TASMOTA: {**_CLIMATE, "dew_point": _Known(Quantity.DEW_POINT, -2)},
        Format.SHELLY: {**_CLIMATE, **_BATTERY, "mains": _Known(Quantity.MAINS, 0)},
        Format.JSON: {},
    }
)
"""What each firmware reports, by the name of the point, and the resolution kept of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttPoint:
    """One point and the channel that its readings fill.

    `path` says where in the message it is: a JSON path (plain JSON), the name of the sensor
    (Tasmota with several), the component (`temperature:100`, Shelly). `low` and `high` are the
    sensor's own range, scaled by `exp`, inclusive.
    """

    name: str
    channel: int
    quantity: Quantity
    exp: int
    unit: str = ""
    path: str = ""
    low: int | None = None
    high: int | None = None

    @classmethod
    def known(cls, shape: Format, name: str, channel: int, path: str = "") -> "MqttPoint":
        """Return the point `name` of a firmware, as `KNOWN_POINTS` describes it."""
        known = KNOWN_POINTS[shape].get(name)
        if known is None:
            names = ", ".join(KNOWN_POINTS[shape]) or "none: give quantity, exp and path"
            raise SourceConfigError(f"{shape} has no point {name!r}; use one of: {names}")
        quantity, exp = known.quantity, known.exp
        return cls(name=name, channel=channel, quantity=quantity, exp=exp, path=path)


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttDevice:
    """One sensor.

    `topic` is the device's own: `zigbee2mqtt/fridge`, Tasmota's topic (`cellar` or
    `tele/cellar`), Shelly's id, or the full topic of a plain JSON device. `availability` is a
    topic that says online or offline, where the firmware has none of its own. A device not
    heard for `silent_after_s` gives readings without a value, one row per such span; 0 expects
    nothing.
    """

    name: str
    format: Format
    topic: str
    points: tuple[MqttPoint, ...]
    serial: str = ""
    availability: str = ""
    silent_after_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttBroker:
    """One broker and the devices behind it."""

    name: str
    host: str
    devices: tuple[MqttDevice, ...]
    port: int = 1883
    username: str = ""
    password: str = field(default="", repr=False)
    ca: str = ""

    def __post_init__(self) -> None:
        _require(self.name, _HOST.fullmatch(self.host), f"host {self.host!r} is no host name")
        _require(self.name, 0 < self.port < 65_536, f"port {self.port} is not in 1..65535")
        _require(self.name, self.devices, "has no device; add a [[mqtt.device]]")
        for device in self.devices:
            _check_device(f"{self.name}/{device.name}", device)
        _check_unique(self)


def channels_of(broker: MqttBroker) -> tuple[Channel, ...]:
    """Return the rows of the point table that this broker fills, in configuration order."""
    return tuple(
        Channel(
            number=point.channel,
            device=device.name,
            serial=device.serial,
            source=f"{device.topic}:{point.path or point.name}",
            quantity=point.quantity,
            unit=point.unit or UCUM[point.quantity][0],
            exp=point.exp,
            profile=f"{device.format}@{DECODER_VERSION}",
        )
        for device in broker.devices
        for point in device.points
    )


def _require(place: str, holds: object, problem: str) -> None:
    if not holds:
        raise SourceConfigError(f"mqtt {place!r}: {problem}")


def _check_device(place: str, device: MqttDevice) -> None:
    for topic in filter(None, (device.topic or " ", device.availability)):
        _require(place, _is_plain(topic), f"topic {topic!r} is empty, too long or a wildcard")
    _require(place, device.points, "has no point; add a [[mqtt.device.point]]")
    silent_s = device.silent_after_s
    _require(
        place,
        0 <= silent_s <= MAX_SILENCE_S,
        f"silent_after_s {silent_s} is not in 0..{MAX_SILENCE_S}",
    )
    for point in device.points:
        _check_point(place, device.format, point)


def _check_point(place: str, shape: Format, point: MqttPoint) -> None:
    _require(place, point.channel >= 0, f"channel {point.channel} is negative")
    _require(
        place,
        MIN_EXP <= point.exp <= MAX_EXP,
        f"point {point.name!r}: exp {point.exp} is not in {MIN_EXP}..{MAX_EXP}",
    )
    if shape is Format.JSON:
        _require(place, point.path, f"point {point.name!r} needs a path such as $.temperature")
        parse_path(point.path)
    else:
        known = MqttPoint.known(shape, point.name, point.channel).quantity
        _require(place, point.quantity is known, f"point {point.name!r} measures {known}")
    if point.unit:
        try:
            check_unit(point.quantity, point.unit)
        except WrongUnitError as exc:
            raise SourceConfigError(f"mqtt {place!r}: point {point.name!r}: {exc}") from exc


def _check_unique(broker: MqttBroker) -> None:
    names = Counter(device.name for device in broker.devices)
    channels = Counter(point.channel for device in broker.devices for point in device.points)
    for name, times in names.items():
        _require(broker.name, times == 1, f"device name {name!r} is used {times} times")
    for channel, times in channels.items():
        _require(
            broker.name,
            times == 1,
            f"channel {channel} is used {times} times; each point needs its own",
        )


def _is_plain(topic: str) -> bool:
    size = len(topic.encode("utf-8", "surrogatepass"))
    return 0 < size <= MAX_TOPIC_BYTES and bool(topic.strip()) and not set(topic) & set("+#\0")
