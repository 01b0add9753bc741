"""The simulated sensors, written from the firmwares' manuals, through our decoders and back."""

import pytest

from domain.quality import Quality
from domain.quantity import Quantity
from edge.mqtt_source.config import Format, MqttDevice, MqttPoint
from edge.mqtt_source.messages import decode_message, decode_presence, topics_of
from simulators import mqtt_formats
from simulators.refrigerator import Sample
from tests.edge.mqtt_source.builders import device

SAMPLE = Sample(
    at_s=0.0,
    probe_c=4.3,
    air_c=4.2,
    rh=51.2,
    door_open=True,
    mains_on=False,
    compressor_on=False,
    defrosting=False,
    ambient_c=28.0,
)
NOW_MS = 1_700_000_000_123
PLAIN = MqttDevice(
    name="home-made",
    format=Format.JSON,
    topic="pharmacy/mains",
    points=(
        MqttPoint(
            name="t", channel=1, quantity=Quantity.TEMPERATURE, exp=-2, path="$.cabinet.t"
        ),
        MqttPoint(name="m", channel=2, quantity=Quantity.MAINS, exp=0, path="$.mains"),
    ),
)


@pytest.mark.parametrize(
    ("shape", "read_by", "values"),
    [
        (
            mqtt_formats.zigbee_climate("fridge"),
            device(Format.ZIGBEE2MQTT, "zigbee2mqtt/fridge", "temperature", "humidity"),
            [430, 5120],
        ),
        (
            mqtt_formats.zigbee_contact("door"),
            device(Format.ZIGBEE2MQTT, "zigbee2mqtt/door", "contact", "battery"),
            [1, 97],
        ),
        (
            mqtt_formats.tasmota("cellar"),
            device(Format.TASMOTA, "cellar", "temperature", "humidity"),
            [430, 5120],
        ),
        (
            mqtt_formats.shelly_ht("shelly-1"),
            device(Format.SHELLY, "shelly-1", "temperature", "humidity", "mains"),
            [430, 5120, 0],
        ),
        (mqtt_formats.plain_json("pharmacy/mains"), PLAIN, [430, 0]),
    ],
)
def test_what_is_published_is_what_is_read(
    shape: mqtt_formats.Format, read_by: MqttDevice, values: list[int]
) -> None:
    message = shape.report(SAMPLE, NOW_MS)
    assert message.topic == topics_of(read_by).readings
    report = decode_message(read_by, message.payload)
    assert report.values == tuple((value, Quality.GOOD) for value in values)
    assert report.measured_ms in (None, NOW_MS)
    if read_by is not PLAIN:
        assert shape.offline.topic in topics_of(read_by).presence
    assert decode_presence(shape.online.payload) is True
    assert decode_presence(shape.offline.payload) is False
