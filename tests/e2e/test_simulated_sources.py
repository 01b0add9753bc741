"""The gateway's sources on the simulated pharmacy: every point is read, nothing is written.

The simulators write registers and messages by hand from the makers' papers; the sources read
them by profile and decoder. A mistake on either side shows here.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from domain.profiles.load import profile
from domain.quantity import Quantity
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from edge.modbus.source import ModbusSource
from edge.mqtt_source.config import Format, MqttBroker, MqttDevice, MqttPoint
from edge.mqtt_source.source import MqttSource
from simulators.link import Link
from simulators.points import MODBUS_PARTS, MQTT_PARTS, MqttPart, SitePoint
from simulators.site import SERIAL_BAUD, Site, SiteOptions
from tests.support.edge_fakes import CollectingSink
from tests.support.modbus_builders import BootClock
from tests.support.mosquitto import plain_broker
from tests.support.wait import until

OPTIONS = SiteOptions(seed=5, habit="shut", outages=False, mqtt_period_s=0.1)
PERIOD_MS = 500
MISSED = 8  # a loaded machine may miss a poll, and says so


@pytest.fixture
def sink() -> CollectingSink:
    return CollectingSink()


def devices() -> tuple[ModbusDevice, ...]:
    return tuple(
        ModbusDevice(
            name=part.name,
            unit=part.unit,
            profile=profile(part.profile),
            period_ms=PERIOD_MS,
            points=tuple(ModbusPoint(name=p.name, channel=p.channel) for p in part.points),
        )
        for part in MODBUS_PARTS
    )


def on_tcp(port: int) -> ModbusBus:
    return ModbusBus(
        name="cabinets", kind=LinkKind.TCP, host="127.0.0.1", port=port, devices=devices()
    )


def mqtt_point(part: MqttPart, point: SitePoint) -> MqttPoint:
    if part.format != Format.JSON:
        return MqttPoint.known(Format(part.format), point.name, point.channel)
    return MqttPoint(
        name=point.name,
        channel=point.channel,
        quantity=Quantity(point.quantity),
        exp=0,
        path=point.path,
    )


def on_mqtt(port: int) -> MqttBroker:
    parts = [
        MqttDevice(
            name=part.name,
            format=Format(part.format),
            topic=part.topic,
            points=tuple(mqtt_point(part, point) for point in part.points),
        )
        for part in MQTT_PARTS
    ]
    return MqttBroker(name="sensors", host="127.0.0.1", port=port, devices=tuple(parts))


@asynccontextmanager
async def running(source: ModbusSource | MqttSource) -> AsyncIterator[None]:
    task = asyncio.create_task(source.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def assert_plausible(sink: CollectingSink) -> None:
    """Climate of cabinets that are shut and cold, in each channel's unit."""
    tenths = {1: (20, 80), 2: (350, 750), 3: (20, 80), 4: (350, 750), 7: (20, 80), 8: (0, 1)}
    hundredths = {5: (1000, 2000), 6: (3500, 7500)}
    for channel, (low, high) in (tenths | hundredths).items():
        assert all(low <= value <= high for value in sink.good(channel)), channel
        assert set(sink.qualities(channel)) <= {0, MISSED}, channel


async def read_twice(sink: CollectingSink) -> None:
    await until(lambda: all(len(sink.good(channel)) >= 2 for channel in range(1, 9)), 30)


async def test_every_register_point_is_read_over_tcp_and_none_is_written(
    sink: CollectingSink,
) -> None:
    async with Site(OPTIONS) as site:
        async with running(ModbusSource(on_tcp(site.modbus_port), sink, BootClock())):
            await read_twice(sink)
        assert "write refused" not in site.ledger.counts
    assert_plausible(sink)


async def test_every_register_point_is_read_over_a_serial_line(sink: CollectingSink) -> None:
    async with Site(replace(OPTIONS, serial=True)) as site:
        bus = ModbusBus(
            name="line",
            kind=LinkKind.RTU,
            device=site.serial_port,
            baud=SERIAL_BAUD,
            devices=devices(),
        )
        async with running(ModbusSource(bus, sink, BootClock())):
            await read_twice(sink)
    assert_plausible(sink)


async def test_a_cut_between_gateway_and_devices_is_gaps_and_then_readings(
    sink: CollectingSink,
) -> None:
    async with Site(OPTIONS) as site:
        link = Link(("127.0.0.1", site.modbus_port), "modbus")
        async with running(ModbusSource(on_tcp(await link.start()), sink, BootClock())):
            await until(lambda: sink.good(1))
            link.cut()
            await until(lambda: any(q >= 8 for q in sink.qualities(1)), 30)
            before = len(sink.good(1))
            await link.restore()
            await until(lambda: len(sink.good(1)) > before, 30)
        await link.close()


@pytest.mark.engine
async def test_every_mqtt_point_is_read_and_a_held_door_shows(
    sink: CollectingSink, tmp_path: Path
) -> None:
    with plain_broker(tmp_path) as broker:
        options = replace(OPTIONS, mqtt=("127.0.0.1", broker.port))
        source = MqttSource(on_mqtt(broker.port), sink, BootClock())
        async with Site(options) as site, running(source):
            await until(lambda: all(sink.good(n) for n in (9, 10, 11, 12)), 30)
            assert (sink.good(11)[-1], sink.good(12)[-1]) == (0, 1)
            site.hold_door("fridge-3", 3600.0)
            site.cut_mains(3600.0)
            await until(lambda: (sink.good(11)[-1], sink.good(12)[-1]) == (1, 0), 30)
    assert all(200 <= value <= 800 for value in sink.good(9))
