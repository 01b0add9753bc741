"""Messages as the firmwares send them, and everything else that may come on a wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.quality import Quality
from domain.quantity import Quantity
from edge.errors import BadAnswerError
from edge.mqtt_source.config import Format, MqttDevice, MqttPoint
from edge.mqtt_source.messages import (
    MAX_MESSAGE_BYTES,
    decode_message,
    decode_presence,
    topics_of,
)
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import NO_VALUE
from tests.edge.mqtt_source.builders import device

ZIGBEE = device(Format.ZIGBEE2MQTT, "zigbee2mqtt/fridge", "temperature", "humidity", "contact")
TASMOTA = device(Format.TASMOTA, "cellar", "temperature", "humidity", "dew_point")
SHELLY = device(Format.SHELLY, "shellyplusht-1", "temperature", "humidity", "battery", "mains")
JSON = MqttDevice(
    name="home-made",
    format=Format.JSON,
    topic="pharmacy/mains",
    points=(
        MqttPoint(name="t", channel=1, quantity=Quantity.TEMPERATURE, exp=-2, path="$.in[0].t"),
        MqttPoint(name="m", channel=2, quantity=Quantity.MAINS, exp=0, path='$["main s"]'),
    ),
)
GOOD = Quality.GOOD


def told(which: MqttDevice, said: object) -> Report:
    return decode_message(which, json.dumps(said).encode())


def test_zigbee2mqtt_tells_climate_and_doors() -> None:
    said = {"temperature": 27.34, "humidity": 44.72, "contact": True, "last_seen": 1_700}
    report = told(ZIGBEE, said)
    assert report.values == ((2734, GOOD), (4472, GOOD), (0, GOOD))
    assert (report.stamp, report.measured_ms) == ("1700", 1700)
    assert told(ZIGBEE, {"contact": False}).values == (None, None, (1, GOOD))
    assert told(ZIGBEE, {"contact": "open"}).values == (None, None, NO_VALUE)


@pytest.mark.parametrize(
    ("last_seen", "measured_ms"),
    [
        ("2023-11-14T22:13:20.000Z", 1_700_000_000_000),
        ("2023-11-14T23:13:20+01:00", 1_700_000_000_000),
        ("2023-11-14T22:13:20", None),
        ("yesterday", None),
        (True, None),
        (-5, None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_last_seen_is_a_time_only_when_it_names_a_moment(
    last_seen: object, measured_ms: int | None
) -> None:
    assert told(ZIGBEE, {"temperature": 4, "last_seen": last_seen}).measured_ms == measured_ms


def test_tasmota_tells_of_its_only_sensor() -> None:
    sensor = {"Temperature": 4.3, "Humidity": 51.3, "DewPoint": -4.8}
    said = {"Time": "2026-11-21T10:00:00", "SHT3X": sensor, "TempUnit": "C"}
    report = told(TASMOTA, said)
    assert report.values == ((430, GOOD), (5130, GOOD), (-480, GOOD))
    assert report.stamp == "2026-11-21T10:00:00"


def test_fahrenheit_is_no_value_and_not_converted() -> None:
    sensor = {"Temperature": 39.7, "Humidity": 51.3, "DewPoint": 23.4}
    said = told(TASMOTA, {"SHT3X": sensor, "TempUnit": "F"})
    assert said.values == (NO_VALUE, (5130, GOOD), NO_VALUE)


def test_two_sensors_must_be_named() -> None:
    said = {"DS18B20-1": {"Temperature": 4.0}, "DS18B20-2": {"Temperature": 9.0}}
    with pytest.raises(BadAnswerError, match="path"):
        told(TASMOTA, said)
    point = MqttPoint.known(Format.TASMOTA, "temperature", 1, path="DS18B20-2")
    named = MqttDevice(name="d", format=Format.TASMOTA, topic="x", points=(point,))
    assert told(named, said).values == ((900, GOOD),)


def test_shelly_tells_everything_or_only_what_changed() -> None:
    params = {
        "ts": 1_700_000_000.5,
        "temperature:0": {"id": 0, "tC": 4.3, "tF": 39.7},
        "humidity:0": {"rh": 51.2},
        "devicepower:0": {"battery": {"percent": 97}, "external": {"present": False}},
        "sys": {"wakeup_period": 600},
    }
    full = told(SHELLY, {"method": "NotifyFullStatus", "params": params})
    assert full.values == ((430, GOOD), (5120, GOOD), (97, GOOD), (0, GOOD))
    assert (full.wake_s, full.stamp) == (600, "1700000000.5")
    changed = {"method": "NotifyStatus", "params": {"temperature:0": {"tC": None}}}
    assert told(SHELLY, changed).values == (NO_VALUE, None, None, None)
    assert told(SHELLY, {"method": "NotifyEvent", "params": {}}).is_empty


def test_plain_json_takes_what_lies_at_the_paths() -> None:
    said = {"in": [{"t": -18.5}], "main s": True}
    assert told(JSON, said).values == ((-1850, GOOD), (1, GOOD))
    assert told(JSON, {"in": []}).is_empty
    assert decode_message(JSON, b'{"in":[{"t":NaN}]}').values[0] == (0, Quality.NOT_FINITE)


ALL = (ZIGBEE, TASMOTA, SHELLY, JSON)


def test_each_firmware_has_its_topics() -> None:
    assert [topics_of(each).readings for each in ALL] == [
        "zigbee2mqtt/fridge",
        "tele/cellar/SENSOR",
        "shellyplusht-1/events/rpc",
        "pharmacy/mains",
    ]
    assert topics_of(ZIGBEE).presence == (
        "zigbee2mqtt/fridge/availability",
        "zigbee2mqtt/bridge/state",
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[" * 40_000,
        b'{"a":' * 10_000,
        b"1e99999999999999999999999",
        b"9" * 5_000,
        b'"text',
        b" " * (MAX_MESSAGE_BYTES + 1),
    ],
)
def test_malformed_messages_raise_the_one_error(payload: bytes) -> None:
    for each in ALL:
        with pytest.raises(BadAnswerError, match=each.name):
            decode_message(each, payload)


KEYS = (
    *("temperature", "humidity", "contact", "last_seen", "battery", "percent", "ts"),
    *("SHT3X", "Temperature", "TempUnit", "method", "params", "temperature:0", "tC"),
    *("sys", "wakeup_period", "devicepower:0", "in", "t", "state"),
)
SAID = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.binary() | SAID.map(lambda said: json.dumps(said).encode()))
def test_any_bytes_are_readings_or_the_one_error(payload: bytes) -> None:
    for each in ALL:
        try:
            report = decode_message(each, payload)
        except BadAnswerError:
            continue
        assert len(report.values) == len(each.points)
        for value, quality in filter(None, report.values):
            assert type(value) is int
            assert quality in Quality
    decode_presence(payload)


@pytest.mark.parametrize(
    ("payload", "present"),
    [
        (b"online", True),
        (b"Offline", False),
        (b'{"state":"online"}', True),
        (b'{"state":"offline"}', False),
        (b"true", True),
        (b"false", False),
        (b"", None),
        (b"{", None),
        (b'{"state":1}', None),
        (b"online" * 100, None),
    ],
)
def test_presence_is_said_in_many_ways(payload: bytes, present: bool | None) -> None:  # noqa: FBT001 - a column of the table
    assert decode_presence(payload) is present
