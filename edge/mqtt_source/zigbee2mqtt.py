"""Zigbee2MQTT's messages: one flat object per device. Pure."""

import datetime as dt

from edge.errors import BadAnswerError
from edge.mqtt_source.config import MqttDevice, MqttPoint
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import NO_VALUE, Scaled, scaled

MAX_EPOCH_MS = 1 << 43  # the year 2248; a larger number is no time


def decode(device: MqttDevice, document: object) -> Report:
    """Return what the state of a Zigbee device tells."""
    if not isinstance(document, dict):
        raise BadAnswerError(f"{device.name}: expected an object from Zigbee2MQTT")
    said = document.get("last_seen")
    return Report(
        values=tuple(_value(point, document) for point in device.points),
        stamp="" if said is None else str(said),
        measured_ms=_last_seen_ms(said),
    )


def _value(point: MqttPoint, document: dict[str, object]) -> Scaled | None:
    if point.name not in document:
        return None
    said = document[point.name]
    if point.name != "contact":
        return scaled(point, said)
    # A closed door makes contact; our door reads 1 when open.
    return scaled(point, not said) if isinstance(said, bool) else NO_VALUE


def _last_seen_ms(said: object) -> int | None:
    """Return Unix ms of `last_seen`: ISO 8601 or a number, as Zigbee2MQTT is set."""
    if isinstance(said, str):
        try:
            moment = dt.datetime.fromisoformat(said)
            said = None if moment.tzinfo is None else int(moment.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None
    if not isinstance(said, int) or isinstance(said, bool):
        return None
    return said if 0 < said < MAX_EPOCH_MS else None
