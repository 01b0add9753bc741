"""From the bytes of a publication to what it tells, whatever the firmware.

Used by `edge.mqtt_source.intake`. Pure. Any bytes give a `Report`, a presence, or one
`BadAnswerError`; nothing else ever comes out.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, assert_never

from edge.errors import BadAnswerError
from edge.mqtt_source import plain_json, shelly, tasmota, zigbee2mqtt
from edge.mqtt_source.config import Format, MqttDevice
from edge.mqtt_source.report import Report

MAX_MESSAGE_BYTES: Final = 65_536
MAX_PRESENCE_BYTES: Final = 256

_DECODERS: Final[dict[Format, Callable[[MqttDevice, object], Report]]] = {
    Format.ZIGBEE2MQTT: zigbee2mqtt.decode,
    Format.TASMOTA: tasmota.decode,
    Format.SHELLY: shelly.decode,
    Format.JSON: plain_json.decode,
}
_PRESENCE: Final = {"online": True, "true": True, "offline": False, "false": False}


@dataclass(frozen=True, slots=True)
class Topics:
    """Where a device's readings come, and where it is said to be there or not."""

    readings: str
    presence: tuple[str, ...]


def topics_of(device: MqttDevice) -> Topics:
    """Return the topics to subscribe to for a device."""
    topic, own = device.topic, tuple(filter(None, (device.availability,)))
    match device.format:
        case Format.ZIGBEE2MQTT:
            bridge = f"{topic.partition('/')[0]}/bridge/state"
            return Topics(topic, (f"{topic}/availability", bridge, *own))
        case Format.TASMOTA:
            prefix = topic if "/" in topic else f"tele/{topic}"
            return Topics(f"{prefix}/SENSOR", (f"{prefix}/LWT", *own))
        case Format.SHELLY:
            return Topics(f"{topic}/events/rpc", (f"{topic}/online", *own))
        case Format.JSON:
            return Topics(topic, own)
        case _:
            assert_never(device.format)


def decode_message(device: MqttDevice, payload: bytes) -> Report:
    """Return what `payload` tells about `device`; raise `BadAnswerError` if it is malformed."""
    return _DECODERS[device.format](device, _document(device, payload))


def decode_presence(payload: bytes) -> bool | None:
    """Return whether `online`, `true` or `{"state": "online"}` is said; None when unsure."""
    if len(payload) > MAX_PRESENCE_BYTES:
        return None
    text = payload.decode(errors="replace").strip()
    if text.startswith("{"):
        try:
            said = json.loads(text)
        except (ValueError, RecursionError):
            return None
        text = str(said.get("state"))
    return _PRESENCE.get(text.lower())


def _document(device: MqttDevice, payload: bytes) -> object:
    if len(payload) > MAX_MESSAGE_BYTES:
        size = len(payload)
        raise BadAnswerError(f"{device.name}: message of {size} bytes, {MAX_MESSAGE_BYTES} fit")
    try:
        # Decimals keep the digits the device sent; floats are left for NaN and infinity.
        return json.loads(payload.decode(), parse_float=Decimal, parse_constant=float)
    except (ValueError, ArithmeticError, RecursionError) as exc:
        raise BadAnswerError(f"{device.name}: message is not JSON") from exc
