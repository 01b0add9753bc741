"""Simulated MQTT sensors against a real broker: reports, wills, and coming back."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from simulators.ledger import Ledger
from simulators.mqtt_device import MqttDevice, MqttSensors
from simulators.mqtt_formats import (
    Format,
    plain_json,
    shelly_ht,
    tasmota,
    zigbee_climate,
    zigbee_contact,
)
from simulators.refrigerator import Sample
from tests.support.mosquitto import Broker, plain_broker
from tests.support.wait import until

NOW_MS = 1_700_000_000_123
SAMPLE = Sample(
    at_s=0.0,
    probe_c=4.315,
    air_c=4.2,
    rh=51.26,
    door_open=True,
    mains_on=True,
    compressor_on=False,
    defrosting=False,
    ambient_c=28.0,
)


def said(shape: Format) -> tuple[str, dict[str, object]]:
    message = shape.report(SAMPLE, NOW_MS)
    assert not message.retain
    return message.topic, json.loads(message.payload)


def test_each_firmware_speaks_its_own_words() -> None:
    topic, zigbee = said(zigbee_climate("fridge"))
    assert (topic, zigbee["temperature"]) == ("zigbee2mqtt/fridge", 4.32)
    assert said(zigbee_contact("door"))[1]["contact"] is False
    topic, sensor = said(tasmota("cellar"))
    assert (topic, sensor["TempUnit"]) == ("tele/cellar/SENSOR", "C")
    assert sensor["SHT3X"] == {"Temperature": 4.3, "Humidity": 51.3}
    topic, shelly = said(shelly_ht("shellyplusht-1"))
    assert (topic, shelly["method"]) == ("shellyplusht-1/events/rpc", "NotifyFullStatus")
    topic, plain = said(plain_json("pharmacy/mains"))
    assert (topic, plain["mains"], plain["door"]) == ("pharmacy/mains", 1, 1)


def test_presence_is_retained() -> None:
    shapes = [zigbee_climate("a"), tasmota("a"), shelly_ht("a"), plain_json("a")]
    assert all(shape.online.retain and shape.offline.retain for shape in shapes)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with plain_broker(tmp_path) as running:
        yield running


def sensors(*shapes: Format) -> MqttSensors:
    devices = [
        MqttDevice(name=f"d{n}", format=shape, sample=lambda: SAMPLE, period_s=0.02)
        for n, shape in enumerate(shapes)
    ]
    return MqttSensors(devices, Ledger(lambda: NOW_MS), lambda: NOW_MS)


@pytest.mark.engine
async def test_sensors_report_and_their_will_tells_when_they_are_gone(broker: Broker) -> None:
    site = sensors(zigbee_climate("fridge"), tasmota("cellar"))
    async with aiomqtt.Client(broker.host, broker.port) as watcher:
        await watcher.subscribe("#")
        running = asyncio.create_task(site.run(broker.host, broker.port))
        heard: dict[str, bytes] = {}
        async for message in watcher.messages:
            heard[str(message.topic)] = bytes(message.payload)
            if len(heard) == 4:
                break
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert heard["zigbee2mqtt/fridge/availability"] == b'{"state":"online"}'
    assert heard["tele/cellar/LWT"] == b"Online"
    assert json.loads(heard["zigbee2mqtt/fridge"])["humidity"] == 51.26


@pytest.mark.engine
async def test_sensors_come_back_after_the_broker_was_killed(broker: Broker) -> None:
    site = sensors(tasmota("cellar"))
    (device,) = site.devices
    running = asyncio.create_task(site.run(broker.host, broker.port))
    await until(lambda: device.connected)
    broker.kill()
    await until(lambda: not device.connected)
    broker.start()
    await until(lambda: device.connected)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
