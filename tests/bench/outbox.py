"""What keeping batches until they are receipted costs the gateway's card.

The real recorder, sealer, signer and outbox, with time moved by hand: eight probes, +-120 ms
jitter, hundredths, sealed every minute.

`outbox_flushes_per_batch`: fdatasync and fsync of `evidence.disk` between a draft and its
durable batch. `outbox_write_amplification`: bytes that reach the device over bytes of batches,
batch after batch of about 1 KB, the zeros of a new segment included. `disk_mib_per_day`: a day
at 4 values a second with receipts, cursor and status file; after each minute everything reaches
the device, as it would when a minute really passed.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from domain.frame import Frame
from edge.runs import Runs
from evidence.disk import REAL_DISK, Disk
from evidence.keys import SoftwareKey
from evidence.receipt import ReceiptSigner, Run
from gateway_firmware_py.status_file import StatusFile
from tests.bench._device import CountedDisk, counted_disk
from tests.bench.row import Row
from tests.support.gateway_parts import Bench

PROBES = 8
MINUTE_PERIOD_MS = 1_400  # 344 readings a minute: batches of about 1 KB
DAY_PERIOD_MS = 2_000  # 4 readings a second
MINUTE_MS = 60_000
JITTER_MS = 120
DAY_MINUTES = 1440
BACK_TO_BACK = 3820  # fills one segment, so that exactly one is begun on the way
LOG_LEVELS = 24  # of a log of 10 million batches: a receipt carries as many hashes
MIB = 1 << 20


def measure() -> list[Row]:
    """Return the three figures."""
    return asyncio.run(_measure())


async def _measure() -> list[Row]:
    flushes: Counter[str] = Counter()
    with counted_disk() as disk, _gateway(disk.folder / "one", flushes) as gateway:
        batch_bytes, written = await _back_to_back(gateway, disk, flushes)
    with counted_disk() as disk, _gateway(disk.folder / "day", Counter()) as gateway:
        day_bytes, day_written = await _day(gateway, disk)
    per_batch = flushes["writing"] / BACK_TO_BACK
    day_note = f"{day_bytes / MIB:.2f} MiB of batches; {disk.note}"
    return [
        Row(name="outbox_flushes_per_batch", value=per_batch, unit="flushes", floor=1.0,
            ratio=per_batch, bar="1", note=f"{batch_bytes // BACK_TO_BACK} bytes a batch"),
        Row(name="outbox_write_amplification", value=written / batch_bytes, unit="x",
            floor=1.0, ratio=written / batch_bytes, bar="<= 6", note=disk.note),
        Row(name="disk_mib_per_day", value=day_written / MIB, unit="MiB",
            floor=day_bytes / MIB, ratio=day_written / day_bytes, bar="<= 50", note=day_note),
    ]  # fmt: skip


async def _back_to_back(
    gateway: Bench, disk: CountedDisk, flushes: Counter[str]
) -> tuple[int, int]:
    minutes = _minutes(gateway, MINUTE_PERIOD_MS)
    gateway.outbox.checkpoint = (1 << LOG_LEVELS, bytes(32))
    await _seal(gateway, next(minutes))
    disk.settle()
    before, size = disk.written_bytes(), 0
    flushes["writing"] = 0
    for _ in range(BACK_TO_BACK):
        size += await _seal(gateway, next(minutes))
    disk.settle()
    return size, disk.written_bytes() - before


async def _day(gateway: Bench, disk: CountedDisk) -> tuple[int, int]:
    status, receipts = StatusFile(disk.folder / "day" / "status.json"), _receipts()
    minutes = _minutes(gateway, DAY_PERIOD_MS)
    await _seal(gateway, next(minutes))
    disk.settle()
    before, size = disk.written_bytes(), 0
    for minute in range(DAY_MINUTES):
        size += await _seal(gateway, next(minutes))
        outbox, number = gateway.outbox, gateway.written[-1].number
        assert number is not None
        outbox.settle(Runs.of((number,)))
        outbox.keep_receipt(next(receipts), (number + 1, bytes(32)))
        if minute % 60 == 0:
            outbox.tidy(gateway.clock.wall_ms())
        status.write(_status(gateway), (), gateway.clock.mono_ms())
        disk.settle()
    return size, disk.written_bytes() - before


def _minutes(gateway: Bench, period_ms: int) -> Iterator[None]:
    """Feed a minute of rows at each step."""
    rng = random.Random(1)
    probes = range(1, PROBES + 1)
    frames = [Frame(channels=(n,), exps=(-2,), period_ms=period_ms) for n in probes]
    values = [500] * PROBES
    start_ms = gateway.clock.now_ms
    while True:
        rows = -(-MINUTE_MS // period_ms)
        for row in range(rows * PROBES):
            n = row % PROBES
            values[n] += rng.randrange(-6, 7)
            due_ms = start_ms + row * period_ms // PROBES + JITTER_MS
            gateway.clock.now_ms = due_ms + rng.randrange(-JITTER_MS, JITTER_MS + 1)
            gateway.recorder.row(frames[n], gateway.clock.now_ms, (values[n],), None)
        start_ms += rows * period_ms
        gateway.clock.now_ms = start_ms + 2 * JITTER_MS
        yield


async def _seal(gateway: Bench, _: None) -> int:
    """Have the minute sealed and stored; return the size of its batch."""
    gateway.recorder.tick()
    await gateway.recorder.write_one()
    number = gateway.written[-1].number
    assert number is not None
    batch = gateway.outbox.read(number)
    assert batch is not None
    return len(batch)


def _receipts() -> Iterator[bytes]:
    signer = ReceiptSigner("coldwarden.example/log/2026", SoftwareKey.generate())
    path = [os.urandom(32) for _ in range(LOG_LEVELS)]
    size = 1 << LOG_LEVELS - 1
    while True:
        signed = signer.checkpoint(size, bytes(32), 1_763_700_000)
        yield signed.receipt([Run(b"epoch--1", 0, size, size - 1, path)])
        size += 100


def _status(gateway: Bench) -> dict[str, object]:
    return {"outbox": asdict(gateway.outbox.status()), "rest": "x" * 1000}


@contextmanager
def _gateway(folder: Path, flushes: Counter[str]) -> Iterator[Bench]:
    folder.mkdir()
    gateway = Bench(folder, disk=_counting(REAL_DISK, flushes))
    try:
        yield gateway
    finally:
        gateway.close()


def _counting(disk: Disk, flushes: Counter[str]) -> Disk:
    def counted(flush: Callable[[int], None]) -> Callable[[int], None]:
        def call(descriptor: int) -> None:
            flushes["writing"] += 1
            flush(descriptor)

        return call

    return replace(disk, fdatasync=counted(disk.fdatasync), fsync=counted(disk.fsync))
