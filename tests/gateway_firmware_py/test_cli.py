"""The program as people run it: a process, its files, its exit codes."""

import asyncio
import json
import os
import random
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from evidence.batch import EventKind, expand
from tests.support.fake_cloud import FakeCloud
from tests.support.gateway_process import PROGRAM, GatewayProcess
from tests.support.http_cloud import http_cloud
from tests.support.modbus_echo import modbus_echo
from tests.support.ports import free_port
from tests.support.wait import until

NOWHERE = 'mode = "https"\nhttps_url = "http://127.0.0.1:9"\nstop_grace_s = 0.1'
FRIDGE = """\
[[modbus]]
name = "bus1"
host = "127.0.0.1"
port = {port}

  [[modbus.device]]
  name = "fridge-1"
  unit = 1
  profile = "RS-WS-N01"
  period_ms = 100

    [[modbus.device.point]]
    name = "temperature"
    channel = 1
    rule_pack = "CN_COLD_2_8"

    [[modbus.device.point]]
    name = "humidity"
    channel = 2
"""


def https(port: int) -> str:
    return f'mode = "https"\nhttps_url = "http://127.0.0.1:{port}"\nstop_grace_s = 10'


def gateway(folder: Path, uplink: str = NOWHERE, sources: str = "") -> GatewayProcess:
    return GatewayProcess(folder=folder, uplink=uplink, sources=sources)


def test_init_makes_a_key_that_only_its_owner_reads_once(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    public = one.init()
    key = one.state_dir / "evidence.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert one.init() == public
    shown = one.command("init").stdout
    assert f'keys = ["{public.to_text()}"]' in shown


def test_without_a_source_heartbeats_are_signed_and_kept(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    public = one.init()
    one.start()
    try:
        bodies = one.wait_for_batches(4, public)
    finally:
        assert one.stop() == 0
    assert [body.seq for body in bodies[:4]] == [0, 1, 2, 3]
    assert [event.kind for event in bodies[0].events] == [
        EventKind.POINT_TABLE,
        EventKind.STATE,
    ]
    assert bodies[0].events[1].body[5] == "software"
    assert all(body.count == 0 for body in bodies)
    status = one.command("status", "--json")
    assert status.returncode == 0
    assert json.loads(status.stdout)["outbox"]["unreceipted"] >= 4
    assert "without a receipt" in one.command("status").stdout


async def test_a_probe_becomes_receipted_batches_and_none_is_lost(tmp_path: Path) -> None:
    async with (
        http_cloud(FakeCloud()) as server,
        modbus_echo(lambda address: 45 + address) as port,
    ):
        one = gateway(tmp_path, https(server.port), FRIDGE.format(port=port))
        server.cloud.public = public = one.init()
        one.start()
        try:
            await until(lambda: len(server.cloud.stored) >= 4, 20)
        finally:
            assert await asyncio.to_thread(one.stop) == 0
        assert len(server.cloud.stored) == len(one.bodies(public))
        held = [r for body in one.bodies(public) for r in expand(body)]
        assert sorted(server.cloud.readings()) == sorted(held)
        assert {(channel, v) for channel, _, _, v, _ in held} <= {(1, 46), (2, 45)}
        assert len(held) > 10
        final = one.status()
        assert final["outbox"]["unreceipted"] == 0
        assert final["sources"]["modbus bus1"]["answers"] > 5
        assert server.cloud.counts["duplicate"] == 0


async def test_a_gateway_killed_at_random_moments_loses_nothing_durable(tmp_path: Path) -> None:
    rng = random.Random(11)
    async with (
        http_cloud(FakeCloud()) as server,
        modbus_echo(lambda address: 45 + address) as port,
    ):
        one = gateway(tmp_path, https(server.port), FRIDGE.format(port=port))
        server.cloud.public = public = one.init()
        for _ in range(3):
            one.start()
            wanted = len(server.cloud.stored) + rng.randint(1, 4)
            await until(lambda n=wanted: len(server.cloud.stored) >= n, 20)
            one.kill()
        one.start()
        try:
            await until(lambda: len(server.cloud.stored) > wanted + 2, 20)
        finally:
            assert await asyncio.to_thread(one.stop) == 0
        held = {(body.epoch, body.seq) for body in one.bodies(public)}
        assert held == set(server.cloud.stored)
        assert server.cloud.counts["fork"] == server.cloud.counts["branch"] == 0
        assert server.cloud.counts["loss"] == 0


def test_a_second_gateway_on_the_same_state_is_refused(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    public = one.init()
    one.start()
    try:
        one.wait_for_batches(1, public)
        second = one.command("run")
        assert second.returncode == 2
        assert "in use by another process" in second.stderr
    finally:
        one.stop()


def test_running_without_a_key_names_the_remedy(tmp_path: Path) -> None:
    done = gateway(tmp_path).command("run")
    assert done.returncode == 2
    assert "run: coldwarden-gateway init" in done.stderr


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    one.init()
    (one.state_dir / "evidence.key").chmod(0o644)
    done = one.command("run")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_readings_not_sealed_yet_are_sealed_at_the_end(tmp_path: Path, signum: int) -> None:
    one = gateway(tmp_path)
    one.config.write_text(one.config.read_text().replace("period_s = 0.5", "period_s = 3600"))
    public = one.init()
    one.start()
    one.wait_for_batches(1, public)
    assert one.process is not None
    os.kill(one.process.pid, signum)
    assert one.process.wait(20) == 0
    assert len(one.bodies(public)) == 2


async def test_doctor_says_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    one = gateway(tmp_path, sources=FRIDGE.format(port=free_port()))
    done = one.command("doctor", "--json")
    assert done.returncode == 1
    checks = {c["name"]: c for c in map(json.loads, done.stdout.splitlines())}
    assert not checks["key"]["ok"]
    assert "init" in checks["key"]["remedy"]
    assert not checks["modbus bus1/fridge-1"]["ok"]
    assert not checks["cloud by https"]["ok"]
    assert checks["clock"]["ok"]
    assert all(check["remedy"] for check in checks.values() if not check["ok"])
    assert "FAIL  key" in one.command("doctor").stdout


async def test_doctor_is_content_with_a_gateway_that_works(tmp_path: Path) -> None:
    async with http_cloud(FakeCloud()) as server, modbus_echo(lambda _: 45) as port:
        one = gateway(tmp_path, https(server.port), FRIDGE.format(port=port))
        server.cloud.public = public = one.init()
        one.start()
        try:
            await until(lambda: len(server.cloud.stored) >= 2, 20)
            done = await asyncio.to_thread(one.command, "doctor", "--json")
        finally:
            await asyncio.to_thread(one.stop)
        checks = {c["name"]: c for c in map(json.loads, done.stdout.splitlines())}
        assert [name for name, check in checks.items() if not check["ok"]] == []
        assert "answers" in checks["modbus bus1/fridge-1"]["what"]
        assert public.kid.hex() in checks["key"]["what"]


def test_doctor_finds_a_damaged_outbox(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    public = one.init()
    one.start()
    one.wait_for_batches(3, public)
    one.stop()
    (segment,) = (one.state_dir / "outbox").iterdir()
    content = bytearray(segment.read_bytes())
    content[200] ^= 1
    segment.write_bytes(content)
    shown = one.command("doctor").stdout
    assert "FAIL  outbox" in shown
    assert "1 places are damaged" in shown


BAD = [
    ("[gateway]", "[gatevay]", "gatevay"),
    ('id = "gw-test-01"', 'id = "GW 01"', "4 to 32"),
    ("period_s = 0.5", "period = 60", "period"),
    ("channel = 2", "channel = 1", "taken by another point"),
    ('profile = "RS-WS-N01"', 'profile = "RS-WS"', "RS-WS-N01"),
    ('rule_pack = "CN_COLD_2_8"', 'rule_pack = "COLD"', "CN_COLD_2_8"),
    ('name = "humidity"', 'name = "pressure"', "humidity"),
    ("unit = 1", "unit = 999", "unit"),
    ("max_mib = 64", "max_mib = 0", "max_mib"),
    ('mode = "https"', 'mode = "carrier pigeon"', "mode"),
    ("[seal]", "[seal", "TOML"),
]


@pytest.mark.parametrize(("good", "bad", "named"), BAD, ids=[bad for _, bad, _ in BAD])
def test_a_mistake_in_the_configuration_is_named_with_its_line(
    tmp_path: Path, good: str, bad: str, named: str
) -> None:
    one = gateway(tmp_path, sources=FRIDGE.format(port=1))
    text = one.config.read_text()
    assert good in text
    one.config.write_text(text.replace(good, bad, 1))
    done = one.command("run")
    assert done.returncode == 2
    line = text[: text.index(good)].count("\n") + 1
    assert named in done.stderr
    # A mistake that a part of the program finds is told at the head of its section.
    told = [int(n) for n in re.findall(r"gateway\.toml:(\d+):", done.stderr)]
    assert any(line - 4 <= n <= line for n in told) or "TOML" in done.stderr, done.stderr


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    one = gateway(tmp_path)
    one.config.unlink()
    done = one.command("status")
    assert done.returncode == 2
    assert str(one.config) in done.stderr


def test_a_channel_never_changes_its_meaning(tmp_path: Path) -> None:
    one = gateway(tmp_path, sources=FRIDGE.format(port=1))
    public = one.init()
    one.start()
    one.wait_for_batches(1, public)
    one.stop()
    text = one.config.read_text()
    one.config.write_text(text.replace('name = "fridge-1"', 'name = "freezer-9"'))
    done = one.command("run")
    assert done.returncode == 2
    assert "give it a number never used" in done.stderr


def test_help_teaches(tmp_path: Path) -> None:
    shown = subprocess.run([*PROGRAM, "--help"], capture_output=True, text=True, check=True)
    assert "make the key" in shown.stdout
    assert "doctor" in shown.stdout
