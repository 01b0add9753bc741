"""Tasmota's SENSOR messages: an object per sensor, and the unit of all temperatures. Pure."""

from typing import Final

from domain.quantity import Quantity
from edge.errors import BadAnswerError
from edge.mqtt_source.config import MqttDevice, MqttPoint
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import NO_VALUE, Scaled, scaled

FIELDS: Final = {"temperature": "Temperature", "humidity": "Humidity", "dew_point": "DewPoint"}
CELSIUS: Final = "C"


def decode(device: MqttDevice, document: object) -> Report:
    """Return what a SENSOR message tells; a temperature in Fahrenheit is no value."""
    if not isinstance(document, dict):
        raise BadAnswerError(f"{device.name}: expected an object from Tasmota")
    said = document.get("Time")
    return Report(
        values=tuple(_value(device, point, document) for point in device.points),
        stamp=said if isinstance(said, str) else "",
    )


def _value(device: MqttDevice, point: MqttPoint, document: dict[str, object]) -> Scaled | None:
    name = FIELDS[point.name]
    sensors = {
        key: part[name]
        for key, part in document.items()
        if isinstance(part, dict) and name in part and point.path in ("", key)
    }
    if not sensors:
        return None
    if len(sensors) > 1:
        raise BadAnswerError(
            f"{device.name}: {' and '.join(sorted(sensors)[:4])} all have {name}; "
            f"name one with path"
        )
    if point.quantity is not Quantity.HUMIDITY and document.get("TempUnit", "C") != CELSIUS:
        return NO_VALUE
    (said,) = sensors.values()
    return scaled(point, said)
