"""A scan finds what answers, in whatever settings, with reads alone, within its time."""

import asyncio
import json
import subprocess
import sys
import tomllib
from pathlib import Path

from domain.profiles.load import profile, profile_names
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from evidence.configuration import ConfigurationDocument
from gateway_firmware_py.config.read import load_settings, reconfigured
from gateway_firmware_py.discovering.line_settings import LineSettings, units_in_order
from gateway_firmware_py.discovering.matching import matches
from gateway_firmware_py.discovering.scanning import Device, Scan, read_again, scan
from tests.support.gateway_process import GatewayProcess
from tests.support.mosquitto import plain_broker
from tests.support.rs485 import Line, Probe, rs485

XY = {4: {1: 215, 2: 546}}
RENKE = {3: {0: 612, 1: 48}, 4: {0: 612, 1: 48}}
IDENTITY = {0: "Vaisala", 1: "HMP4", 128: "R1230001"}
SLOW = LineSettings(baud=4800)


def plan_for(line: Line, units: int = 4, seconds: float = 60.0) -> Scan:
    nobody = ModbusDevice(
        name="nobody",
        unit=1,
        profile=profile("XY-MD02"),
        period_ms=1000,
        points=(ModbusPoint(name="temperature", channel=0),),
    )
    bus = ModbusBus(name="bus1", kind=LinkKind.RTU, device=line.path, devices=(nobody,))
    return Scan(
        bus=bus,
        units=list(units_in_order(units)),
        profiles=[profile(name) for name in profile_names()],
        ends_s=asyncio.get_running_loop().time() + seconds,
        progress=lambda _: None,
        quick_ms=15,
    )


def names(plan: Scan, devices: list[Device], reference_c: float) -> dict[int, str]:
    return {
        device.unit: matches(plan.profiles, device.words, reference_c)[0].profile.name
        for device in devices
    }


async def test_devices_are_found_at_their_speed_and_named() -> None:
    probes = (
        Probe(unit=1, words=XY, settings=SLOW, identity=IDENTITY),
        Probe(unit=3, words=RENKE, settings=SLOW),
    )
    async with rs485(*probes) as line:
        plan = plan_for(line)
        devices = await scan(plan, line.open)
        assert {device.settings for device in devices} == {SLOW}
        assert names(plan, devices, 12.0) == {1: "XY-MD02", 3: "RS-WS-N01"}
        assert devices[0].identity["vendor"] == "Vaisala"
        assert devices[0].identity["object 128"] == "R1230001"
        assert {message[1] for message in line.asked} <= {1, 2, 3, 4, 0x2B}


async def test_even_parity_is_found() -> None:
    even = LineSettings(baud=9600, parity="E")
    async with rs485(Probe(unit=2, words=XY, settings=even)) as line:
        (device,) = await scan(plan_for(line, units=2), line.open)
        assert (device.unit, device.settings) == (2, even)


async def test_when_the_time_is_over_what_was_not_tried_is_said() -> None:
    async with rs485() as line:
        plan = plan_for(line, seconds=0.2)
        assert await scan(plan, line.open) == []
        assert plan.left_out


async def test_registers_are_read_again_after_a_hand_has_warmed_the_probe() -> None:
    warm = {4: dict(XY[4])}
    async with rs485(Probe(unit=1, words=warm)) as line:
        plan = plan_for(line, units=1)
        (device,) = await scan(plan, line.open)
        warm[4][1] = 248
        again = await read_again(plan, device, line.open)
        place = next(p for p in again if p[1:] == (1, 1) and p[0].function == 4)
        assert again[place] == [248]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gateway_firmware_py.cli", "discover", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


async def test_the_command_proposes_what_the_gateway_then_reads(tmp_path: Path) -> None:
    clone = {4: {1: 5460, 2: 2150}}
    async with rs485(Probe(unit=1, words=clone), Probe(unit=2, words=RENKE)) as line:
        told = [
            "--serial",
            line.path,
            "--units",
            "2",
            "--reference",
            "12",
            "--first-channel",
            "5",
        ]
        shown = await asyncio.to_thread(run, *told)
        done = await asyncio.to_thread(run, *told, "--json")
    assert shown.returncode == done.returncode == 0, shown.stderr + done.stderr
    assert "unit 1 at 9600 baud 8N1" in shown.stdout
    assert "# --- profiles/XY-MD02-hundredths-swapped.toml" in shown.stdout
    assert "9600 baud 8N1" in shown.stderr, "progress goes to standard error"
    found = json.loads(done.stdout)
    assert [d["maps"][0]["profile"] for d in found["devices"]] == [
        "XY-MD02-hundredths-swapped@1",
        "RS-WS-N01@1",
    ]
    gateway = GatewayProcess(folder=tmp_path, uplink='https_url = "http://127.0.0.1:9"')
    document = ConfigurationDocument(
        version=1, gateway=gateway.gateway, sources=found["toml"], profiles=found["profiles"]
    )
    settings = reconfigured(load_settings(gateway.config), document)
    assert [c.number for c in settings.channels] == [5, 6, 7, 8]
    assert settings.buses[0].baud == 9600


async def test_a_port_that_is_not_there_is_an_error_with_its_remedy() -> None:
    done = await asyncio.to_thread(run, "--serial", "/dev/ttyNOWHERE")
    assert done.returncode == 2
    assert "plug the adapter in" in done.stdout


async def test_sensors_on_a_broker_are_recognised_by_what_they_say(tmp_path: Path) -> None:
    messages = {
        "zigbee2mqtt/fridge": {"temperature": 4.31, "humidity": 61.2, "battery": 88},
        "zigbee2mqtt/bridge/state": {"state": "online"},
        "tele/cellar/SENSOR": {"SHT3X": {"Temperature": 12.1, "Humidity": 70.0}},
        "site/own": {"data": {"temp": 5.5, "note": "x"}, "rh": 300},
    }
    with plain_broker(tmp_path) as broker:
        for topic, document in messages.items():
            publish(broker.port, topic, json.dumps(document))
        where = f"127.0.0.1:{broker.port}"
        done = await asyncio.to_thread(run, "--broker", where, "--seconds", "1")
    assert done.returncode == 0, done.stderr
    tables = tomllib.loads(done.stdout)["mqtt"][0]
    devices = {d["topic"]: d for d in tables["device"]}
    assert {t: d["format"] for t, d in devices.items()} == {
        "zigbee2mqtt/fridge": "zigbee2mqtt",
        "tele/cellar": "tasmota",
        "site/own": "json",
    }
    assert [p["name"] for p in devices["zigbee2mqtt/fridge"]["point"]] == [
        "temperature",
        "humidity",
        "battery",
    ]
    assert devices["site/own"]["point"][0]["path"] == "$.data.temp"
    gateway = GatewayProcess(folder=tmp_path / "gw", uplink='https_url = "http://127.0.0.1:9"')
    document = ConfigurationDocument(version=1, gateway=gateway.gateway, sources=done.stdout)
    assert len(reconfigured(load_settings(gateway.config), document).channels) == 6


def publish(port: int, topic: str, payload: str) -> None:
    command = ["mosquitto_pub", "-p", str(port), "-t", topic, "-m", payload, "-r"]
    subprocess.run(command, check=True, timeout=10)
