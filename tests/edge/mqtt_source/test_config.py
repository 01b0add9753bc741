"""Configurations that cannot work are refused with the place and the remedy."""

from dataclasses import replace

import pytest

from domain.quantity import Quantity
from edge.errors import SourceConfigError
from edge.mqtt_source.config import Format, MqttBroker, MqttDevice, MqttPoint, channels_of
from tests.edge.mqtt_source.builders import broker, device

FRIDGE = device(Format.ZIGBEE2MQTT, "zigbee2mqtt/fridge", "temperature", "humidity")
PLAIN = MqttPoint(name="t", channel=1, quantity=Quantity.TEMPERATURE, exp=-2, path="$.t")


def with_point(point: MqttPoint, shape: Format = Format.JSON) -> MqttBroker:
    return broker(MqttDevice(name="d", format=shape, topic="t", points=(point,)))


def test_the_point_table_says_where_each_reading_is() -> None:
    rows = channels_of(broker(FRIDGE))
    assert [(row.number, row.source, row.unit, row.exp) for row in rows] == [
        (1, "zigbee2mqtt/fridge:temperature", "Cel", -2),
        (2, "zigbee2mqtt/fridge:humidity", "%", -2),
    ]
    assert {row.profile for row in rows} == {"zigbee2mqtt@1"}
    assert channels_of(with_point(PLAIN))[0].source == "t:$.t"


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (broker, "no device"),
        (lambda: replace(broker(FRIDGE), host=""), "host"),
        (lambda: replace(broker(FRIDGE), host="a b"), "a b"),
        (lambda: broker(FRIDGE, port=0), "port 0"),
        (lambda: broker(FRIDGE, FRIDGE), "used 2 times"),
        (lambda: broker(FRIDGE, replace(FRIDGE, name="x")), "channel 1 is used 2"),
        (lambda: broker(replace(FRIDGE, topic="zigbee2mqtt/#")), "wildcard"),
        (lambda: broker(replace(FRIDGE, topic="")), "empty"),
        (lambda: broker(replace(FRIDGE, points=())), "no point"),
        (lambda: broker(replace(FRIDGE, silent_after_s=-1)), "silent_after_s"),
        (lambda: with_point(replace(PLAIN, path="")), "path"),
        (lambda: with_point(replace(PLAIN, path="t")), "begin"),
        (lambda: with_point(replace(PLAIN, exp=9)), "exp 9"),
        (lambda: with_point(replace(PLAIN, channel=-1)), "negative"),
        (lambda: with_point(replace(PLAIN, unit="[degF]")), "Cel"),
        (lambda: with_point(PLAIN, Format.TASMOTA), "dew_point"),
        (
            lambda: with_point(
                replace(PLAIN, name="humidity", quantity=Quantity.TEMPERATURE), Format.SHELLY
            ),
            "measures humidity",
        ),
    ],
)
def test_what_cannot_work_is_refused_by_name(build: object, named: str) -> None:
    assert callable(build)
    with pytest.raises(SourceConfigError, match=named):
        build()


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(replace(broker(FRIDGE), password="secret"))
