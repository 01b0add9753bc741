"""`doctor` says what is wrong with a serial line, for the line once and for each device."""

import asyncio
import json
from pathlib import Path

from gateway_firmware_py.discovering.line_settings import LineSettings
from tests.support.gateway_process import GatewayProcess
from tests.support.rs485 import Probe, rs485

CLIMATE = {4: {1: 305, 2: 546}}
BUS = """\
[[modbus]]
name = "bus1"
kind = "rtu"
serial_port = "{port}"
baud = 9600
timeout_ms = 50
"""
DEVICE = """\
  [[modbus.device]]
  name = "probe-{unit}"
  unit = {unit}
  profile = "XY-MD02"
    [[modbus.device.point]]
    name = "temperature"
    channel = {unit}
"""


async def checks(folder: Path, *probes: Probe) -> dict[str, dict[str, object]]:
    """Return what doctor says of the units 1 and 2 of a line with these probes."""
    async with rs485(*probes) as line:
        sources = BUS.format(port=line.path) + "".join(DEVICE.format(unit=u) for u in (1, 2))
        one = GatewayProcess(
            folder=folder, uplink='https_url = "http://127.0.0.1:9"', sources=sources
        )
        await asyncio.to_thread(one.init)
        done = await asyncio.to_thread(one.command, "doctor", "--json")
    said = [json.loads(text) for text in done.stdout.splitlines()]
    return {check["name"]: check for check in said if check["name"].startswith("modbus")}


async def test_a_wrong_baud_is_said_for_every_device_of_the_line(tmp_path: Path) -> None:
    slow = LineSettings(baud=4800)
    found = await checks(
        tmp_path, *(Probe(unit=u, words=CLIMATE, settings=slow) for u in (1, 2))
    )
    assert [check["ok"] for check in found.values()] == [False, False]
    assert "answers at 4800 baud 8N1" in str(found["modbus bus1/probe-1"]["what"])


async def test_two_devices_on_one_address_spoil_only_that_address(tmp_path: Path) -> None:
    found = await checks(
        tmp_path,
        Probe(unit=1, words=CLIMATE),
        Probe(unit=1, words={4: {1: 41, 2: 612}}, late=3),
        Probe(unit=2, words=CLIMATE),
    )
    shared, alone = found["modbus bus1/probe-1"], found["modbus bus1/probe-2"]
    assert (shared["ok"], alone["ok"]) == (False, True)
    assert "more than one device answers as unit 1" in str(shared["what"])
    assert "another unit number" in str(shared["remedy"])
