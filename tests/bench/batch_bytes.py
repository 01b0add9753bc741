"""`bytes_per_reading_60` and `_300`: what a reading costs on the link and in the archive.

Whole signed envelopes of what the real sealer makes of a minute: 8 channels, each read by a
request of its own, +-120 ms jitter, hundredths of a degree; every field is there and as long as
after a year without a restart. The floor is the two columns alone that differ from reading to
reading, time and value.
"""

import random

from domain.frame import Frame
from edge.sealer.draft import ClockReading
from edge.sealer.sealer import Sealer, SealPolicy
from evidence.batch import Columns, encode_body
from tests.bench.row import Row
from tests.support.batches import EPOCH, PERIOD_MS, START_MS, make_body, sign_body

CHANNELS = 8
JITTER_MS = 120
SEQ = 525_600  # minutes of a year: the numbers are as long as they get
HELD = 30 * 24 * 60  # receipted batches stay 30 days
LOG_SIZE = 10_000_000
BARS = {60: "<= 9.5", 300: "<= 3.6"}


def measure() -> list[Row]:
    """Return both figures."""
    return [_row(readings, bar) for readings, bar in BARS.items()]


def _row(readings: int, bar: str) -> Row:
    columns = _minute(readings)
    body = make_body(
        seq=SEQ,
        columns=columns,
        checkpoint=(LOG_SIZE, bytes(range(32))),
        lowest_held=(EPOCH, SEQ - HELD),
    )
    whole = len(sign_body(body).data)
    moving = sum(memoryview(c).nbytes for c in (columns.dt, columns.dv))
    envelope = whole - len(encode_body(body))
    return Row(
        name=f"bytes_per_reading_{readings}",
        value=whole / readings,
        unit="bytes",
        floor=moving / readings,
        ratio=whole / moving,
        bar=bar,
        note=f"a batch of {whole} bytes, {envelope} of them envelope and signature",
    )


def _minute(readings: int) -> Columns:
    """Return a minute as the sealer closes it; the channels share the readings evenly."""
    rng = random.Random(readings)
    clock = ClockReading(wall_ms=START_MS, mono_ms=PERIOD_MS, boot=7, sync=1, err_ms=20)
    sealer = Sealer(SealPolicy(), clock)
    period_ms = PERIOD_MS * CHANNELS // readings
    frames = [Frame(channels=(n,), exps=(-2,), period_ms=period_ms) for n in range(1, 9)]
    values = [rng.randrange(300, 700) for _ in frames]
    for reading in range(readings):
        n = reading % CHANNELS
        due_ms = PERIOD_MS * reading // readings
        at_ms = clock.mono_ms + due_ms + rng.randrange(-JITTER_MS, JITTER_MS + 1)
        values[n] += rng.randrange(-6, 7)
        assert sealer.row(frames[n], at_ms, (values[n],), None)
    columns = sealer.seal(clock).columns
    assert columns is not None
    return columns
