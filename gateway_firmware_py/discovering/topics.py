"""Which sensors speak on a broker, told by the topics and shapes of their messages.

Pure. Used by `gateway_firmware_py.discovering.cli`. The known firmwares are recognised by
their topics and read by the decoders that will read them later; of any other JSON the fields
are taken that are named like a quantity and possible for it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from domain.quality import NO_VALUE_FROM
from domain.quantity import UCUM, Quantity, plausible_scaled
from edge.errors import EdgeError
from edge.mqtt_source.config import KNOWN_POINTS, Format, MqttDevice, MqttPoint
from edge.mqtt_source.messages import decode_message

JSON_EXP: Final = -2
MAX_DEPTH: Final = 4
NAMES: Final[Mapping[str, Quantity]] = {
    "temperature": Quantity.TEMPERATURE,
    "temp": Quantity.TEMPERATURE,
    "temp_c": Quantity.TEMPERATURE,
    "humidity": Quantity.HUMIDITY,
    "hum": Quantity.HUMIDITY,
    "rh": Quantity.HUMIDITY,
    "battery": Quantity.BATTERY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value of a sensor: its name, what it shows now, further settings as TOML values."""

    name: str
    shown: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One sensor behind a broker."""

    format: Format
    topic: str
    points: tuple[Point, ...]


def sensors_in(messages: Mapping[str, bytes]) -> list[Sensor]:
    """Return the sensors that sent these messages, the latest by topic."""
    found = (_sensor(topic, payload) for topic, payload in sorted(messages.items()))
    return [sensor for sensor in found if sensor is not None and sensor.points]


def _sensor(topic: str, payload: bytes) -> Sensor | None:
    parts = topic.split("/")
    match parts:
        case ["zigbee2mqtt", name] if name != "bridge":
            return _known(Format.ZIGBEE2MQTT, topic, payload)
        case ["zigbee2mqtt", *_]:
            return None
        case ["tele", _, "SENSOR"]:
            return _known(Format.TASMOTA, topic.removesuffix("/SENSOR"), payload)
        case [*_, "events", "rpc"]:
            return _known(Format.SHELLY, topic.removesuffix("/events/rpc"), payload)
        case [first, *_] if first.startswith("$"):
            return None
        case _:
            return _plain(topic, payload)


def _known(shape: Format, topic: str, payload: bytes) -> Sensor | None:
    points = []
    for name in KNOWN_POINTS[shape]:
        point = MqttPoint.known(shape, name, 0)
        device = MqttDevice(name=topic, format=shape, topic=topic, points=(point,))
        try:
            (read,) = decode_message(device, payload).values
        except EdgeError:
            continue
        if read is not None and read[1] < NO_VALUE_FROM:
            shown = _shown(name, read[0] * 10.0**point.exp, point.quantity)
            points.append(Point(name=name, shown=shown))
    return Sensor(format=shape, topic=topic, points=tuple(points))


def _plain(topic: str, payload: bytes) -> Sensor | None:
    try:
        document = json.loads(payload.decode(), parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    points = tuple(_numbers(document, "$", MAX_DEPTH))
    return Sensor(format=Format.JSON, topic=topic, points=points)


def _numbers(item: object, path: str, depth: int) -> Iterator[Point]:
    if not isinstance(item, dict) or depth == 0:
        return
    for key, value in item.items():
        here = f"{path}.{key}"
        quantity = NAMES.get(str(key).lower())
        is_number = isinstance(value, int | Decimal) and not isinstance(value, bool)
        if quantity is not None and is_number and _is_possible(quantity, value):
            yield Point(
                name=str(key),
                shown=_shown(str(key), float(value), quantity),
                settings={
                    "path": json.dumps(here),
                    "quantity": json.dumps(str(quantity)),
                    "exp": str(JSON_EXP),
                },
            )
        else:
            yield from _numbers(value, here, depth - 1)


def _is_possible(quantity: Quantity, value: int | Decimal) -> bool:
    low, high = plausible_scaled(quantity, 0)
    return low <= value <= high


def _shown(name: str, value: float, quantity: Quantity) -> str:
    return f"{name} {value:g} {UCUM[quantity][0]}"
