"""A gateway's clock set back ten minutes and to 1970: named, nothing lost, placed once.

The gateway's own recorder and outbox, its clock moved by hand, and the real core of a cloud.
"""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from cloud.archive.finding import decode_finding
from cloud.config import Config
from cloud.core import Core
from cloud.opening import open_core, submit_card
from cloud.readside import TIMESERIES_FILE
from cloud.rebuild import export
from domain.frame import Frame
from evidence.batch import decode_body
from evidence.cose import parse1
from evidence.record import RecordKind
from simulators.tally import archive_batches, outbox_batches
from tests.support.cloud_core import make_installation
from tests.support.gateway_parts import Bench, SetClock
from tests.support.signing import SITE, SigningGateway

FRAME = Frame(channels=(1,), exps=(-2,), period_ms=10_000)
MINUTES = 5
TEN_MINUTES_MS = 600_007  # an odd step: no two readings then claim the same moment
NOW_MS = time.time_ns() // 1_000_000 - 3_600_000
"""An hour ago, so that a clock that runs on is not found to be in the future."""


async def record(bench: Bench, minutes: int = MINUTES) -> None:
    """Take a reading every ten seconds; a batch is sealed each minute."""
    for _ in range(6 * minutes):
        bench.recorder.row(FRAME, bench.clock.now_ms, [500], None)
        bench.clock.now_ms += 10_000
        bench.recorder.tick()
        await bench.store()


async def ended(bench: Bench) -> None:
    """Seal the rest, and end as the program does."""
    bench.recorder._seal()
    await bench.store()
    bench.close()


@pytest.mark.parametrize(
    ("step_ms", "synced", "finding", "unplaceable"),
    [
        (-TEN_MINUTES_MS, 1, "clock-back", 0),
        (TEN_MINUTES_MS, 1, "clock-jump", 0),
        (-NOW_MS, 0, "clock-back", 0),
        (-NOW_MS, 1, "clock-back", 6 * MINUTES),
    ],
    ids=["back ten minutes", "ahead ten minutes", "1970", "1970 and sure of it"],
)
async def test_a_clock_that_is_set_is_named_and_costs_nothing(
    tmp_path: Path, step_ms: int, synced: int, finding: str, unplaceable: int
) -> None:
    gateway = SigningGateway()
    clock = SetClock(ahead_ms=NOW_MS - 1_000_000)
    bench = Bench(
        tmp_path / "gateway", key=gateway.key, gateway=gateway.id, site=SITE, clock=clock
    )
    bench.recorder.begin()
    await record(bench)
    clock.step(step_ms)
    clock.synced = synced
    await record(bench)
    clock.step(-step_ms)
    clock.synced = 1
    await record(bench)
    await ended(bench)
    config = make_installation(tmp_path / "cloud", gateway)
    sent = list(outbox_batches(tmp_path / "gateway"))
    with open_core(config) as core:
        assert submit_card(core, sent) == {"receipted": len(sent)}
        assert submit_card(core, sent) == {"receipted": len(sent)}
        found = _findings(core)
    assert finding in found
    assert set(found) <= {"clock-back", "clock-jump"}
    assert sorted(archive_batches(config.archive_dir)) == sorted(sent)
    assert _readings(sent) == 18 * MINUTES
    lines = list(export(config, "timeseries"))
    assert len(set(lines)) == len(lines) == 18 * MINUTES - unplaceable
    assert _dead_letters(config) == unplaceable


async def test_a_gateway_that_wakes_up_in_1970_is_placed_once_it_knows_the_time(
    tmp_path: Path,
) -> None:
    gateway = SigningGateway()
    clock = SetClock(ahead_ms=0, synced=0)
    bench = Bench(
        tmp_path / "gateway", key=gateway.key, gateway=gateway.id, site=SITE, clock=clock
    )
    bench.recorder.begin()
    await record(bench)
    clock.step(NOW_MS - clock.wall_ms())
    clock.synced = 1
    await record(bench)
    await ended(bench)
    config = make_installation(tmp_path / "cloud", gateway)
    sent = list(outbox_batches(tmp_path / "gateway"))
    with open_core(config) as core:
        assert submit_card(core, sent) == {"receipted": len(sent)}
        assert _findings(core) == {}
    lines = list(export(config, "timeseries"))
    assert len(set(lines)) == len(lines) == 12 * MINUTES


def _readings(batches: list[bytes]) -> int:
    return sum(decode_body(parse1(batch).payload).count for batch in batches)


def _dead_letters(config: Config) -> int:
    """Return how many readings claim a time that cannot be; they are told, and archived."""
    file = config.state_dir / "projections" / TIMESERIES_FILE
    with closing(sqlite3.connect(file)) as db:
        (count,) = db.execute(
            "SELECT count(*) FROM dead_letter WHERE reason LIKE 'time outside%'"
        ).fetchone()
    return int(count)


def _findings(core: Core) -> Counter[str]:
    records = core.reader.read_records(0, 10_000)
    found = (decode_finding(r.raw) for r in records if r.kind == RecordKind.FINDING)
    return Counter(one.kind for one in found)
