"""`alarm_latency_ms_p50` and `_p99`: from a probe's reading to somebody being told.

The real gateway polls eight probes over Modbus TCP every 200 ms; one after the other leaves its
range and comes back. The latency runs from the answer that brought the value, as the gateway
stamped it, to the arrival of the webhook: judged by the gateway, sealed, signed, flushed, sent,
verified, archived, judged by the cloud, archived as an alarm, posted. The poll interval is not
in it. There is no floor: nothing less does the same.
"""

import asyncio
import random
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.installation import GATEWAY, SITE, Installation, Pace
from simulators.webhook_sink import WebhookSink
from tests.bench._process import quantile
from tests.bench.row import Row
from tests.support.wait import until

PROBES = 8
PERIOD_MS = 200
ALARMS = 100
COLD, WARM = 50, 95  # tenths of a degree
STAY_S = (0.5, 0.7)
PROFILE = "RS-WS-N01"
REQUEST = struct.Struct(">HHHBBHH")
TIMEOUT_S = 30


def measure() -> list[Row]:
    """Return both figures."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    probes = dict.fromkeys(range(1, PROBES + 1), COLD)
    sink = WebhookSink()
    await sink.open()
    with tempfile.TemporaryDirectory() as folder:
        async with _running(Path(folder) / "site", probes, sink):
            await _open_doors(probes, sink)
        waits = _waits(sink)
    await sink.close()
    assert len(waits) == ALARMS, f"{len(waits)} of {ALARMS} alarms were told"
    note = f"{ALARMS} alarms, polled every {PERIOD_MS} ms; worst {max(waits):.0f}"
    return [
        Row(name="alarm_latency_ms_p50", value=quantile(waits, 0.5), unit="ms", note=note),
        Row(name="alarm_latency_ms_p99", value=quantile(waits, 0.99), unit="ms", note=note),
    ]


async def _open_doors(probes: dict[int, int], sink: WebhookSink) -> None:
    rng = random.Random(1)
    for n in range(ALARMS):
        unit = 1 + n % PROBES
        probes[unit] = WARM
        await _told(sink, n + 1)
        await _pass(rng.uniform(*STAY_S))
        probes[unit] = COLD
        await _pass(rng.uniform(*STAY_S))


async def _told(sink: WebhookSink, alarms: int) -> None:
    await until(lambda: len(_waits(sink)) >= alarms, TIMEOUT_S, f"alarm {alarms}")


def _waits(sink: WebhookSink) -> list[float]:
    """Return how long each alarm took, in ms."""
    return [
        delivery.at_ms - int(str(delivery.document["at_ms"]))
        for delivery in sink.deliveries
        if delivery.document.get("event") == "raised"
        and delivery.document.get("severity") == "alarm"
        and delivery.document.get("kind") == "limit"
    ]


async def _pass(seconds: float) -> None:
    done_s = asyncio.get_running_loop().time() + seconds
    await until(lambda: asyncio.get_running_loop().time() >= done_s, seconds + 5)


@asynccontextmanager
async def _running(
    folder: Path, probes: dict[int, int], sink: WebhookSink
) -> AsyncIterator[None]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(REQUEST.size):
            transaction, _, _, unit, function, _, count = REQUEST.unpack(request)
            data = struct.pack(f">{count}h", *[probes[unit]] * count)
            head = (transaction, 0, 3 + len(data), unit, function, len(data))
            writer.write(struct.pack(">HHHBBB", *head) + data)
        writer.close()

    devices = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = devices.sockets[0].getsockname()[1]
    built = Installation(folder=folder, pace=Pace())
    hook = f'[webhook]\nurls = ["http://127.0.0.1:{sink.port}/alarms"]\n'
    way = ("127.0.0.1", built.cloud_port)
    await asyncio.to_thread(built.make, _sources(port), _points(), uplink=way, cloud=hook)
    try:
        built.cloud.start()
        built.gateway.start()
        await until(built.gateway_status.exists, TIMEOUT_S, "the gateway to run")
        await _pass(3)
        yield
    finally:
        await asyncio.to_thread(built.stop)
        devices.close()


def _sources(port: int) -> str:
    lines = ["[[modbus]]", 'name = "line"', f'kind = "tcp"\nhost = "127.0.0.1"\nport = {port}']
    for unit in range(1, PROBES + 1):
        lines += [
            "[[modbus.device]]",
            f'name = "fridge-{unit}"\nunit = {unit}\nprofile = "{PROFILE}"',
            f"period_ms = {PERIOD_MS}",
            "[[modbus.device.point]]",
            f'name = "temperature"\nchannel = {unit}\nrule_pack = "CN_COLD_2_8"',
        ]
    return "\n".join(lines)


def _points() -> str:
    return "\n".join(
        f'[[point]]\nid = "fridge-{unit}"\nsite = "{SITE}"\ngateway = "{GATEWAY}"\n'
        f'channel = {unit}\nname_zh = "冷藏柜"\nname_en = "fridge"\n'
        'quantity = "temperature"\nrule_pack = "CN_COLD_2_8"\nclass = "compliance"\n'
        for unit in range(1, PROBES + 1)
    )
