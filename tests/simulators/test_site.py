"""A whole simulated pharmacy: everything answers, and what is done to it shows."""

import asyncio
import os
import struct
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from domain.profiles.decode import decode_registers
from domain.profiles.load import profile
from domain.rules.load import rule_pack
from simulators.errors import UsageError
from simulators.points import (
    MODBUS_PARTS,
    ModbusPart,
    modbus_text,
    mqtt_text,
    rtu_text,
    scanner_text,
    site_points,
)
from simulators.registry_document import pharmacy
from simulators.site import CABINET_OF_PART, ScenarioClock, Site, SiteOptions
from tests.support.wait import until

OPTIONS = SiteOptions(seed=3, habit="shut", outages=False)
NEAR = {"temperature": 0.5, "humidity": 3.0, "state": 0.0}


async def read(site: Site, part: ModbusPart, point: str) -> float:
    """Read one point as a gateway would: by the profile of `domain`."""
    spec = profile(part.profile).points[point]
    reader, writer = await asyncio.open_connection("127.0.0.1", site.modbus_port)
    request = struct.pack(">BBHH", part.unit, spec.table.function, spec.address, spec.words)
    writer.write(struct.pack(">HHH", 1, 0, len(request)) + request)
    answer = await asyncio.wait_for(reader.readexactly(9 + 2 * spec.words), 10)
    writer.close()
    await writer.wait_closed()
    words = struct.unpack(f">{spec.words}H", answer[9:])
    value, quality = decode_registers(spec, words)
    assert quality == 0
    return float(value * 10**spec.exp)


async def test_profiles_of_the_domain_read_what_the_physics_holds() -> None:
    async with Site(OPTIONS) as site:
        for part in MODBUS_PARTS:
            for point in part.points:
                value = await read(site, part, point.name)
                sample = site.sample(CABINET_OF_PART.get(part.name, part.name))
                quantity = point.quantity
                real = {"temperature": sample.air_c, "humidity": sample.rh}
                expected = real.get(quantity, float(sample.compressor_on))
                assert abs(value - expected) <= NEAR[quantity], point


async def test_a_held_door_shows_in_the_registers() -> None:
    async with Site(replace(OPTIONS, scale=3600.0)) as site:
        site.hold_door("fridge-1", 3600.0 * 1000)
        await until(lambda: site.sample("fridge-1").probe_c > 9.0)
        assert await read(site, MODBUS_PARTS[0], "temperature") > 8.0
        assert await read(site, MODBUS_PARTS[1], "temperature") < 8.0


async def test_cut_mains_and_a_dead_compressor_are_seen() -> None:
    async with Site(OPTIONS) as site:
        assert site.sample("fridge-3").mains_on
        site.cut_mains(600.0)
        site.stop_compressor("fridge-2", 600.0)
        assert not site.sample("fridge-3").mains_on
        assert not site.sample("fridge-2").compressor_on


async def test_the_same_devices_answer_on_a_serial_line() -> None:
    async with Site(replace(OPTIONS, serial=True)) as site:
        port = os.open(site.serial_port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        answer = bytearray()
        loop = asyncio.get_running_loop()
        loop.add_reader(port, lambda: answer.extend(os.read(port, 256)))
        os.write(port, bytes.fromhex("010300000002C40B"))
        await until(lambda: len(answer) == 9)
        loop.remove_reader(port)
        os.close(port)
    assert answer[:3].hex() == "010304"


def test_scenario_time_runs_faster_than_the_clock() -> None:
    now = [100.0]
    clock = ScenarioClock(36_000.0, 60.0, lambda: now[0])
    now[0] += 2.0
    assert clock.now_s() == 36_120.0


def test_the_printed_configuration_is_toml_with_unique_channels() -> None:
    text = modbus_text("127.0.0.1", 5020, 1000) + mqtt_text("127.0.0.1", 1883)
    gateway = tomllib.loads(text + scanner_text("127.0.0.1", 5021))
    devices = gateway["modbus"][0]["device"] + gateway["mqtt"][0]["device"]
    points = [point for device in devices for point in device["point"]]
    assert [point["channel"] for point in points] == list(range(1, 13))
    (line,) = tomllib.loads(rtu_text("/dev/pts/3", 9600, 1000))["modbus"]
    assert (line["kind"], line["serial_port"]) == ("rtu", "/dev/pts/3")
    registry = pharmacy("chs-001", "gw-demo-01", with_mqtt=True)
    assert [point["channel"] for point in registry["point"]] == list(range(1, 13))


def test_every_rule_pack_and_profile_exists() -> None:
    for point in site_points(with_mqtt=True):
        if point.rule_pack:
            assert rule_pack(point.rule_pack).name == point.rule_pack
    for part in MODBUS_PARTS:
        assert {point.name for point in part.points} <= set(profile(part.profile).points)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="busy"):
        Site(replace(OPTIONS, habit="drunk"))
    with pytest.raises(UsageError, match="scale"):
        Site(replace(OPTIONS, scale=0.0))


async def test_the_ledger_file_holds_every_answer(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    async with Site(replace(OPTIONS, ledger=path)) as site:
        await read(site, MODBUS_PARTS[0], "temperature")
        await site.scanner.scan()
    assert [line.count('"what"') for line in path.read_text().splitlines()] == [1, 1]
