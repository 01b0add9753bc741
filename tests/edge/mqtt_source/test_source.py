"""The MQTT source against real brokers: Mosquitto speaks version 5, amqtt only 3.1.1."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from edge.broker import EmbeddedBroker
from edge.errors import SourceConfigError
from edge.mqtt_source.config import Format, MqttBroker
from edge.mqtt_source.connecting import Version
from edge.mqtt_source.source import MqttSource, refused
from tests.edge.mqtt_source.builders import broker, device
from tests.support.edge_fakes import CollectingSink, HandClock
from tests.support.mosquitto import Broker, plain_broker
from tests.support.ports import free_port
from tests.support.wait import until

FRIDGE = device(Format.ZIGBEE2MQTT, "zigbee2mqtt/fridge", "temperature", "humidity")
CELLAR = device(Format.TASMOTA, "cellar", "temperature", first=5)
WARM = b'{"temperature":4.31,"humidity":51.2}'


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Broker]:
    with plain_broker(tmp_path) as running:
        yield running


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink()


@asynccontextmanager
async def listening(config: MqttBroker, sink: CollectingSink) -> AsyncIterator[MqttSource]:
    source = MqttSource(config, sink, HandClock(), draw=lambda: 0.1)
    running = asyncio.create_task(source.run())
    try:
        await until(lambda: source.connected or running.done(), 30)
        yield source
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@pytest.mark.engine
async def test_readings_arrive_over_version_5_and_retained_ones_do_not(
    mosquitto: Broker, sink: CollectingSink
) -> None:
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as sensor:
        await sensor.publish(FRIDGE.topic, b'{"temperature":99}', qos=1, retain=True)
        config = broker(FRIDGE, CELLAR, port=mosquitto.port)
        async with listening(config, sink) as source:
            await sensor.publish(FRIDGE.topic, WARM, qos=1, retain=True)
            await sensor.publish(FRIDGE.topic, b"{not json", qos=1)
            await sensor.publish("tele/cellar/SENSOR", b'{"A":{"Temperature":9.5}}', qos=1)
            await until(lambda: sink.good(5) == [950])
    assert (sink.good(1), sink.good(2)) == ([431], [5120])
    assert source.version is Version.V5
    assert (source.counts.retained, source.counts.malformed) == (1, 1)


@pytest.mark.engine
async def test_a_killed_broker_costs_only_the_time_it_is_away(
    mosquitto: Broker, sink: CollectingSink
) -> None:
    async with listening(broker(FRIDGE, port=mosquitto.port), sink) as source:
        mosquitto.kill()
        await until(lambda: not source.connected)
        mosquitto.start()
        await until(lambda: source.connected, 30)
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as sensor:
            await sensor.publish(FRIDGE.topic, WARM, qos=1)
        await until(lambda: sink.good(1) == [431])
    assert source.counts.connections == 2


@pytest.mark.engine
async def test_what_the_broker_kept_while_we_were_away_is_not_delivered_as_new(
    mosquitto: Broker, sink: CollectingSink
) -> None:
    config = broker(FRIDGE, port=mosquitto.port)
    async with listening(config, sink):
        pass
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as sensor:
        await sensor.publish(FRIDGE.topic, b'{"temperature":99}', qos=1)
        async with listening(config, sink):
            await sensor.publish(FRIDGE.topic, WARM, qos=1)
            await until(lambda: sink.good(2) == [5120])
    assert sink.good(1) == [431]


async def test_the_embedded_broker_carries_readings_in_3_1_1(sink: CollectingSink) -> None:
    port = free_port()
    embedded = EmbeddedBroker("127.0.0.1", port)
    await embedded.start()
    async with listening(broker(FRIDGE, port=port), sink) as source:
        v311 = aiomqtt.ProtocolVersion.V311
        async with aiomqtt.Client("127.0.0.1", port, protocol=v311) as sensor:
            await sensor.publish(FRIDGE.topic, WARM, qos=1)
            await until(lambda: sink.good(1) == [431])
        assert source.version is Version.V311
    await embedded.stop()


async def test_a_taken_port_is_refused_with_the_remedy() -> None:
    port = free_port()
    first, second = EmbeddedBroker("127.0.0.1", port), EmbeddedBroker("127.0.0.1", port)
    await first.start()
    with pytest.raises(SourceConfigError, match=r"broker\.listen"):
        await second.start()
    await first.stop()


async def test_nobody_at_home_is_no_error(sink: CollectingSink) -> None:
    source = MqttSource(broker(FRIDGE, port=free_port()), sink, HandClock(), draw=lambda: 0.0)
    running = asyncio.create_task(source.run())
    await asyncio.sleep(0)
    assert not running.done()
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_an_unreadable_authority_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "ca.crt"
    path.write_text("nonsense")
    for ca in (path, tmp_path / "absent"):
        config = replace(broker(FRIDGE), ca=str(ca))
        with pytest.raises(SourceConfigError, match=str(ca)):
            MqttSource(config, CollectingSink(), HandClock())


def test_a_topic_that_we_may_not_read_is_named_in_either_version() -> None:
    not_authorised = ReasonCode(PacketTypes.SUBACK, "Not authorized")
    granted = ReasonCode(PacketTypes.SUBACK, "Granted QoS 1")
    assert refused(["a", "b", "c", "d"], [1, 0x80, not_authorised, granted]) == ["b", "c"]
