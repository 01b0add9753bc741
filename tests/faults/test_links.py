"""The links on which every gateway we measured lost something: ours loses nothing.

Durations are those of the field divided by `TIME`.
"""

import asyncio
from pathlib import Path

from simulators.tally import outbox_batches
from tests.support.stack import TIME, Stack, Wishes, stack

RESET_S = 40 / TIME
STALLS_S = (30 / TIME, 150 / TIME, 300 / TIME)
COLD_S = 60 / TIME


async def test_a_link_that_is_reset_loses_nothing(tmp_path: Path) -> None:
    await asyncio.gather(
        _reset(tmp_path / "https", Wishes()), _reset(tmp_path / "mqtt", Wishes(mqtt="tls"))
    )


async def _reset(folder: Path, wishes: Wishes) -> None:
    async with stack(folder, wishes) as running:
        running.link.cut()
        await running.pass_s(RESET_S)
        await _restored(running)
        (await running.audit()).assert_clean()


async def test_silent_stalls_lose_nothing(tmp_path: Path) -> None:
    await asyncio.gather(
        _stalled(tmp_path / "https", Wishes()), _stalled(tmp_path / "mqtt", Wishes(mqtt="tls"))
    )


async def _stalled(folder: Path, wishes: Wishes) -> None:
    async with stack(folder, wishes) as running:
        for seconds in STALLS_S:
            running.link.stall()
            await running.pass_s(seconds)
            await _restored(running)
        (await running.audit()).assert_clean()


async def test_a_gateway_killed_while_offline_loses_nothing_that_was_sealed(
    tmp_path: Path,
) -> None:
    await asyncio.gather(
        _killed(tmp_path / "https", Wishes()), _killed(tmp_path / "mqtt", Wishes(mqtt="tls"))
    )


async def _killed(folder: Path, wishes: Wishes) -> None:
    async with stack(folder, wishes) as running:
        running.link.cut()
        await running.pass_s(RESET_S)
        sealed = set(outbox_batches(running.installation.outbox))
        running.gateway.kill()
        running.gateway.start()
        await running.pass_s(1)
        await _restored(running)
        found = await running.audit()
        assert sealed <= set(outbox_batches(running.installation.outbox))
        found.assert_clean()


async def test_a_gateway_that_starts_with_the_link_down_records_from_the_first_moment(
    tmp_path: Path,
) -> None:
    await asyncio.gather(
        _cold(tmp_path / "https", Wishes(start=False)),
        _cold(tmp_path / "mqtt", Wishes(start=False, mqtt="tls")),
    )


async def _cold(folder: Path, wishes: Wishes) -> None:
    async with stack(folder, wishes) as running:
        running.link.cut()
        running.gateway.start()
        outbox = running.installation.outbox
        await running.eventually(
            lambda: (outbox / "outbox").is_dir() and any(outbox_batches(outbox)),
            "the gateway to record",
        )
        if running.installation.broker is not None:
            running.installation.broker.start()
        running.cloud.start()
        await running.pass_s(COLD_S)
        await running.cloud_up()
        await _restored(running)
        (await running.audit()).assert_clean()


async def _restored(running: Stack) -> None:
    await running.link.restore()
    await running.archived(3)
