"""Any JSON, each point at a path of its own. Pure."""

from edge.mqtt_source.config import MqttDevice, MqttPoint
from edge.mqtt_source.json_path import MISSING, parse_path
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import Scaled, scaled


def decode(device: MqttDevice, document: object) -> Report:
    """Return what lies at the points' paths."""
    return Report(values=tuple(_value(point, document) for point in device.points))


def _value(point: MqttPoint, document: object) -> Scaled | None:
    said = parse_path(point.path).find(document)
    return None if said is MISSING else scaled(point, said)
