"""`points_per_s_with_alarms`: what the whole server sustains on two cores.

Signed batches of 40 readings (4 channels) from 10,000 gateways, signed beforehand, are posted
over HTTP to the real `coldwarden-cloud run`, until every projection has followed, InfluxDB
1.6.7 and alarms among them. Server, InfluxDB and fleet share the two cores; the fleet's own
share is in the note. One gateway in two hundred has a door left open.
"""

import asyncio
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from evidence.keys import PublicKey
from simulators.installation import Installation
from simulators.registry_document import Document, pharmacy
from simulators.webhook_sink import WebhookSink
from tests.bench._fleet import CHANNELS, EXCURSIONS, READINGS, SITE, gateway_key, gateway_name
from tests.bench._process import cpu_ns, first_line, module
from tests.bench.row import Row
from tests.support.influxd import influxd
from tests.support.server_process import ServerProcess
from tests.support.wait import until

GATEWAYS = 10_000
WARM_UP_ROUNDS = 1
ROUNDS = 8
CONNECTIONS = 4_000
CORES = 2
START_TIMEOUT_S = 120
SETTLE_TIMEOUT_S = 180


def measure() -> list[Row]:
    """Return the figures."""
    with _two_cores():
        return [asyncio.run(_sustained())]


async def _sustained() -> Row:
    sink = WebhookSink()
    await sink.open()
    with tempfile.TemporaryDirectory() as folder, influxd(Path(folder)) as server:
        built = await asyncio.to_thread(_installed, Path(folder) / "site", server, sink.port)
        arguments = (built.cloud_port, GATEWAYS, WARM_UP_ROUNDS + ROUNDS, CONNECTIONS)
        built.cloud.start()
        try:
            await until(lambda: _status(built), START_TIMEOUT_S, "the cloud to answer")
            with module("_fleet", *arguments) as fleet:
                assert await asyncio.to_thread(first_line, fleet) == "ready"
                await _send(fleet, WARM_UP_ROUNDS, built)
                before_s = _cpu_s(built, server)
                sent, wall_s = await _send(fleet, ROUNDS, built)
                after_s = _cpu_s(built, server)
            status = _status(built)
            _check(status, sink)
        finally:
            await asyncio.to_thread(built.cloud.stop)
            await sink.close()
    readings = ROUNDS * GATEWAYS * READINGS
    spent_s = {name: after_s[name] - before_s[name] for name in before_s}
    spent_s["fleet"] = sent["cpu_s"]
    cores = ", ".join(f"{name} {spent / wall_s:.2f}" for name, spent in spent_s.items())
    return Row(
        name="points_per_s_with_alarms",
        value=readings / wall_s,
        unit="readings/s",
        bar=">= 150,000",
        note=f"{ROUNDS * GATEWAYS / wall_s:,.0f} batches/s; cores used: {cores}",
    )


async def _send(
    fleet: subprocess.Popen[str], rounds: int, built: Installation
) -> tuple[dict[str, float], float]:
    """Have rounds sent; return what the fleet says, and the time until all is projected."""
    loop = asyncio.get_running_loop()
    begun_s = loop.time()
    assert fleet.stdin is not None
    fleet.stdin.write(f"{rounds}\n")
    fleet.stdin.flush()
    sent = json.loads(await asyncio.to_thread(first_line, fleet))
    await until(lambda: _has_followed(_status(built)), SETTLE_TIMEOUT_S, "the projections")
    return sent, loop.time() - begun_s


def _has_followed(status: dict[str, Any]) -> bool:
    return all(p["cursor"] >= status["records"] for p in status["projections"].values())


def _check(status: dict[str, Any], sink: WebhookSink) -> None:
    """Fail unless everything that was sent is there, and every open door was told."""
    batches = (WARM_UP_ROUNDS + ROUNDS) * GATEWAYS
    assert status["batches"] == batches, status
    assert status["readings"] == batches * READINGS, status
    raised = [d for d in sink.deliveries if d.document.get("event") == "raised"]
    assert len(raised) >= GATEWAYS // EXCURSIONS, len(raised)


def _status(built: Installation) -> dict[str, Any]:
    built.cloud.check()
    try:
        return dict(
            httpx.get(f"{built.url}/api/status", headers=built.as_operator, timeout=10).json()
        )
    except httpx.HTTPError:
        return {}


def _cpu_s(built: Installation, server: ServerProcess) -> dict[str, float]:
    assert server.process is not None
    pids = {"server": built.cloud.pid, "influxd": server.process.pid}
    return {name: cpu_ns(pid) / 1e9 for name, pid in pids.items()}


def _installed(folder: Path, server: ServerProcess, webhook_port: int) -> Installation:
    more = (
        f'[timeseries]\nkind = "influx"\nurl = "{server.url}"\ndatabase = "fleet"\n'
        f'[webhook]\nurls = ["http://127.0.0.1:{webhook_port}/alarms"]\n'
    )
    built = Installation(folder=folder)
    own = pharmacy(SITE, built.gateway_id, with_mqtt=False)
    built.make("", own, uplink=("127.0.0.1", built.cloud_port), cloud=more)
    fleet: Document = {"gateway": [], "key": [], "point": []}
    for number in range(GATEWAYS):
        _add(fleet, gateway_name(number), gateway_key(number).public)
    built.register(fleet)
    return built


def _add(fleet: Document, name: str, key: PublicKey) -> None:
    fleet["gateway"].append({"id": name, "site": SITE, "state": "in_service"})
    fleet["key"].append(
        {
            "id": key.kid.hex(),
            "gateway": name,
            "public": key.to_text(),
            "key_kind": "software",
            "state": "active",
        }
    )
    fleet["point"] += [
        {
            "id": f"{name}-{channel}",
            "site": SITE,
            "gateway": name,
            "channel": channel,
            "name_zh": "冷藏柜",
            "name_en": "fridge",
            "quantity": "temperature",
            "unit": "Cel",
            "rule_packs": ["CN_COLD_2_8"],
            "point_class": "compliance",
            "state": "in_service",
        }
        for channel in range(1, CHANNELS + 1)
    ]


@contextmanager
def _two_cores() -> Iterator[None]:
    """Keep this process, and all that it starts meanwhile, on two cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
