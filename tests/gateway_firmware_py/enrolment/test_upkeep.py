"""What a running gateway does about its enrolment by itself."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from gateway_firmware_py.enrolment.renewal import renew_if_due
from gateway_firmware_py.enrolment.rotation import rotate
from gateway_firmware_py.enrolment.upkeep import keep_enrolled
from tests.support.device_board import Board
from tests.support.fake_enrolment import EnrolmentServer, serving_enrolment
from tests.support.wait import until, until_sync


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    with serving_enrolment(tmp_path) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path) -> Board:
    (tmp_path / "device").mkdir()
    return Board(tmp_path / "device")


@asynccontextmanager
async def kept(board: Board) -> AsyncIterator[asyncio.Event]:
    """Keep it enrolled, and give what is set when the program shall begin again."""
    again = asyncio.Event()
    keeping = keep_enrolled(board.settings(), board.evidence_key(), again.set)
    task = asyncio.create_task(keeping)
    try:
        yield again
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_certificate_near_its_end_is_renewed_while_the_gateway_runs(
    cloud: EnrolmentServer, board: Board
) -> None:
    cloud.leaf_days = 0.1  # issued as of yesterday: nearly over
    board.enrol(cloud.claim())
    before = (board.store / "tls.pem").read_bytes()
    cloud.leaf_days = 90
    async with kept(board) as again:
        await until(lambda: (board.store / "tls.pem").read_bytes() != before)
        assert not again.is_set()
    assert cloud.counts["certificates"] == 2


async def test_a_renewal_that_fails_is_logged_and_ends_nothing(
    cloud: EnrolmentServer, board: Board, caplog: pytest.LogCaptureFixture
) -> None:
    cloud.leaf_days = 0.1
    board.enrol(cloud.claim())
    cloud.keys.clear()
    async with kept(board) as again:
        await until(lambda: "is not renewed" in caplog.text)
        assert not again.is_set()


async def test_a_new_key_has_the_gateway_begin_again(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.enrol(cloud.claim())
    async with kept(board) as again:
        await until(lambda: cloud.counts.total() > 0)
        assert not again.is_set()
        place = board.settings().identity.key
        await asyncio.to_thread(rotate, board.gateway(1_800_000_000_000), place, None)
        await until(again.is_set)


def test_a_renewal_waits_until_a_command_is_done(cloud: EnrolmentServer, board: Board) -> None:
    cloud.leaf_days = 0.1
    board.enrol(cloud.claim())
    key, gateway = board.evidence_key(), board.gateway(1_900_000_000_000)
    before = cloud.counts.total()
    with ThreadPoolExecutor(1) as pool:
        with gateway.store.held():
            renewal = pool.submit(renew_if_due, gateway, key)
            until_sync(renewal.running)
            assert cloud.counts.total() == before
        assert renewal.result(20)
    assert cloud.counts["certificates"] == 2


async def test_a_new_enrolment_has_the_gateway_begin_again(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.enrol(cloud.claim())
    async with kept(board) as again:
        await asyncio.to_thread(board.enrol, cloud.claim())
        await until(again.is_set)
