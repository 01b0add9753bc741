"""Shelly's second generation: JSON-RPC notifications, full or of what changed. Pure."""

from typing import Final

from edge.errors import BadAnswerError
from edge.mqtt_source.config import MqttDevice, MqttPoint
from edge.mqtt_source.json_path import MISSING, JsonPath
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import Scaled, scaled

METHODS: Final = ("NotifyStatus", "NotifyFullStatus")
MAX_WAKE_S: Final = 7 * 86_400
# For each point the component it is in, and the way from there.
PLACES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "temperature": ("temperature:0", ("tC",)),
    "humidity": ("humidity:0", ("rh",)),
    "battery": ("devicepower:0", ("battery", "percent")),
    "mains": ("devicepower:0", ("external", "present")),
}
_WAKE: Final = JsonPath("$.sys.wakeup_period", ("sys", "wakeup_period"))


def decode(device: MqttDevice, document: object) -> Report:
    """Return what a notification tells; events and answers to others tell nothing."""
    if not isinstance(document, dict) or not isinstance(document.get("method"), str):
        raise BadAnswerError(f"{device.name}: expected a notification from Shelly")
    if document["method"] not in METHODS:
        return Report(values=(None,) * len(device.points))
    params = document.get("params")
    if not isinstance(params, dict):
        raise BadAnswerError(f"{device.name}: {document['method']} without params")
    said = params.get("ts")
    wake = _WAKE.find(params)
    sleeps = isinstance(wake, int) and not isinstance(wake, bool) and 0 < wake <= MAX_WAKE_S
    return Report(
        values=tuple(_value(point, params) for point in device.points),
        stamp="" if said is None else str(said),
        wake_s=wake if sleeps and isinstance(wake, int) else 0,
    )


def _value(point: MqttPoint, params: dict[str, object]) -> Scaled | None:
    component, way = PLACES[point.name]
    said = JsonPath(point.name, (point.path or component, *way)).find(params)
    return None if said is MISSING else scaled(point, said)
