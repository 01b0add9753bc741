"""The link is down for a week; then everything comes home, what is live before what is old."""

from collections import Counter
from pathlib import Path

from edge.outbox.peek import chain_place
from simulators.tally import archive_batches, outbox_batches
from tests.support.history import DAY_MS, History
from tests.support.stack import TIME, Stack, Wishes, stack

PERIOD_MINUTES = 5 if TIME > 1 else 1  # of a metered link, and of any other
WEEK_BATCHES = 7 * 24 * 60 // PERIOD_MINUTES
CATCH_UP_S = 120.0


async def test_a_week_without_a_link_comes_home_once_and_live_data_first(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, Wishes(start=False)) as running:
        week = History(running.installation, 7 * DAY_MS)
        for _ in range(WEEK_BATCHES):
            await week.pass_period(PERIOD_MINUTES)
        await week.close()
        outbox = running.installation.outbox
        old = set(outbox_batches(outbox))
        assert len(old) > WEEK_BATCHES
        await running.start()
        await running.eventually(
            lambda: _has(running, len(old)), "the week to come home", CATCH_UP_S
        )
        found = await running.audit()
        found.assert_clean()
        order = [chain_place(batch) for batch in archive_batches(running.installation.archive)]
        assert max(Counter(order).values()) == 1
        places = {chain_place(batch) for batch in old}
        last_old = max(n for n, place in enumerate(order) if place in places)
        first_live = min(n for n, place in enumerate(order) if place not in places)
        assert first_live < last_old / 10, "live data waited behind the backlog"


async def _has(running: Stack, batches: int) -> bool:
    status = await running.cloud_status()
    return int(str(status.get("batches", 0))) >= batches
