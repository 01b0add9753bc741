"""What polling costs a gateway: the real `coldwarden-gateway run`, sending to a real cloud.

100 Modbus TCP devices of 100 registers each, read by one request each once a second, every
register a point of its own under CN_COLD_2_8; sealed when full, signed, flushed, sent over HTTP
on loopback, receipts verified. The devices and the cloud are other processes.

`gateway_us_per_value`: CPU of the whole gateway process per register value; the floor is a bare
asyncio client that makes the same reads in the same run and forgets them. `gateway_rss_mib`:
the most memory it ever held. `poll_jitter_ms_p99`: how far from 200 ms the intervals between
the requests that a device sees are.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulators.installation import Installation, Pace
from tests.bench._process import cpu_ns, first_line, module, pause, peak_rss_mib, quantile, rest
from tests.bench.row import Row
from tests.support.wait import until_sync

DEVICES = 100
REGISTERS = 100
SECONDS = 40
JITTER_DEVICES = 20
JITTER_PERIOD_MS = 200
JITTER_SECONDS = 20
SETTLE_S = 3  # after the first receipts: connecting and learning are over


def measure() -> list[Row]:
    """Return the three figures."""
    return [*_cost(), _jitter()]


def _cost() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder, module("_devices") as devices:
        port = int(first_line(devices))
        floor = _bare(port)
        with _running(Path(folder), port, DEVICES, REGISTERS, 1000) as installation:
            pid = installation.gateway.pid
            before, ours_ns = _status(installation), cpu_ns(pid)
            pause(SECONDS)
            ours_ns, after = cpu_ns(pid) - ours_ns, _status(installation)
            rss_mib = peak_rss_mib(pid)
    values = SECONDS * DEVICES * REGISTERS
    _check(before, after)
    us = ours_ns / values / 1e3
    batches = after["recorder"]["batches"] - before["recorder"]["batches"]
    return [
        Row(name="gateway_us_per_value", value=us, unit="us", floor=floor, ratio=us / floor,
            bar="< 4, then 1", note=f"{DEVICES * REGISTERS} values/s, {batches} batches"),
        Row(name="gateway_rss_mib", value=rss_mib, unit="MiB", bar="<= 64",
            note=f"peak, {DEVICES} devices, {DEVICES * REGISTERS} points"),
    ]  # fmt: skip


def _bare(port: int) -> float:
    """Return the floor in us per value."""
    with module("_bare_client", port, DEVICES, REGISTERS, SECONDS // 2) as client:
        spent_ns, values = map(int, rest(client).split())
    assert values >= DEVICES * REGISTERS * (SECONDS // 2) * 0.99, values
    return spent_ns / values / 1e3


def _jitter() -> Row:
    with tempfile.TemporaryDirectory() as folder, module("_devices") as devices:
        port = int(first_line(devices))
        with _running(Path(folder), port, JITTER_DEVICES, 10, JITTER_PERIOD_MS):
            pause(JITTER_SECONDS)
        intervals = json.loads(rest(devices))
    polls = JITTER_SECONDS * 1000 // JITTER_PERIOD_MS
    late = [abs(ms - JITTER_PERIOD_MS) for of_one in intervals for ms in of_one[-polls:]]
    return Row(
        name="poll_jitter_ms_p99",
        value=quantile(late, 0.99),
        unit="ms",
        bar="<= 5",
        note=f"{JITTER_DEVICES} devices every {JITTER_PERIOD_MS} ms, as they saw it;"
        f" p50 {quantile(late, 0.5):.2f}",
    )


@contextmanager
def _running(
    folder: Path, port: int, devices: int, registers: int, period_ms: int
) -> Iterator[Installation]:
    """Run cloud and gateway; yield once the first receipts are verified."""
    built = Installation(folder=folder / "site", pace=Pace(), gateway_id="gw-bench-01")
    built.make("", "", uplink=("127.0.0.1", built.cloud_port))
    profiles = built.gateway_toml.parent / "profiles"
    profiles.mkdir()
    (profiles / "BENCH.toml").write_text(_profile(registers))
    text = built.gateway_toml.read_text()
    broker = f'[broker]\nlisten = "127.0.0.1:{built.sensor_broker_port}"\n'
    assert broker in text
    sources = "\n".join(_bus(n, port, registers, period_ms) for n in range(devices))
    built.gateway_toml.write_text(text.replace(broker, sources))  # nothing here speaks MQTT
    try:
        built.cloud.start()
        built.gateway.start()
        until_sync(lambda: _status(built)["uplink"]["last_receipt_ms"], 60, "a first receipt")
        pause(SETTLE_S)
        yield built
    finally:
        built.stop()


def _status(installation: Installation) -> dict[str, Any]:
    installation.gateway.check()
    try:
        return dict(json.loads(installation.gateway_status.read_text()))
    except (OSError, ValueError):
        return {"uplink": {"last_receipt_ms": 0}, "recorder": {"batches": 0}}


def _check(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Fail unless what was measured is what a gateway is for."""
    assert not after["recorder"]["dropped"], after["recorder"]
    assert after["uplink"]["last_receipt_ms"] > before["uplink"]["last_receipt_ms"]
    missed = [source["missed"] for source in after["sources"].values()]
    assert sum(missed) < DEVICES, missed


def _profile(registers: int) -> str:
    head = 'name = "BENCH"\nversion = 1\ntitle = "registers"\nclass = "compliance"\n[link]\n'
    points = (
        f'[point.t{n:03}]\nquantity = "temperature"\ntable = "holding"\naddress = {n}\n'
        'decoder = "s16"\nexp = -2\nlow = -40\nhigh = 80\n'
        for n in range(registers)
    )
    return head + "\n".join(points)


def _bus(number: int, port: int, registers: int, period_ms: int) -> str:
    lines = [
        "[[modbus]]",
        f'name = "line-{number:03}"',
        f'kind = "tcp"\nhost = "127.0.0.1"\nport = {port}',
        "[[modbus.device]]",
        f'name = "cabinet-{number:03}"\nunit = 1\nprofile = "BENCH"\nperiod_ms = {period_ms}',
    ]
    for register in range(registers):
        channel = 1 + number * registers + register
        lines += [
            "[[modbus.device.point]]",
            f'name = "t{register:03}"\nchannel = {channel}\nrule_pack = "CN_COLD_2_8"',
        ]
    return "\n".join(lines)
