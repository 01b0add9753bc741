"""The links on which every gateway we measured lost something: ours loses nothing.

Durations are those of the field divided by `TIME`.
"""

from pathlib import Path

import pytest

from simulators.tally import outbox_batches
from tests.support.stack import TIME, Stack, stack

RESET_S = 40 / TIME


@pytest.mark.parametrize("mqtt", [False, True], ids=["https", "mqtt"])
async def test_a_link_that_is_reset_loses_nothing(tmp_path: Path, *, mqtt: bool) -> None:
    async with stack(tmp_path, mqtt=mqtt) as running:
        running.link.cut()
        await running.pass_s(RESET_S)
        await running.link.restore()
        await running.archived(3)
        (await running.audit()).assert_clean()


@pytest.mark.parametrize("mqtt", [False, True], ids=["https", "mqtt"])
@pytest.mark.parametrize("seconds", [30, 150, 300])
async def test_a_silent_stall_loses_nothing(
    tmp_path: Path, seconds: int, *, mqtt: bool
) -> None:
    async with stack(tmp_path, mqtt=mqtt) as running:
        running.link.stall()
        await running.pass_s(seconds / TIME)
        await running.link.restore()
        await running.archived(3)
        (await running.audit()).assert_clean()


async def test_a_gateway_killed_while_offline_loses_nothing_that_was_sealed(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path) as running:
        running.link.cut()
        await running.pass_s(RESET_S)
        running.gateway.kill()
        running.gateway.start()
        await running.pass_s(1)
        await running.link.restore()
        await running.archived(3)
        (await running.audit()).assert_clean()


async def test_a_gateway_that_starts_with_the_link_down_records_from_the_first_moment(
    tmp_path: Path,
) -> None:
    async with stack(tmp_path, start=False) as running:
        running.link.cut()
        running.cloud.start()
        running.gateway.start()
        await _records(running)
        await running.pass_s(RESET_S)
        await running.cloud_up()
        await running.link.restore()
        await running.archived(3)
        (await running.audit()).assert_clean()


async def _records(running: Stack) -> None:
    outbox = running.installation.outbox
    await running.eventually(
        lambda: (outbox / "outbox").is_dir() and any(outbox_batches(outbox)),
        "the gateway to record",
    )
