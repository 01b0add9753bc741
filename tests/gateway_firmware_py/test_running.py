"""The end of a gateway's tasks: also of one that does not want to."""

import asyncio

import pytest

from gateway_firmware_py.running import end_tasks


async def _swallows(times: int) -> None:
    """Wait for ever, and take no notice of so many cancellations."""
    for _ in range(times):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    await asyncio.Event().wait()


async def _cleans_up_for_ever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.Event().wait()


async def test_a_swallowed_cancellation_is_said_and_repeated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks = [
        asyncio.create_task(_swallows(0), name="obedient"),
        asyncio.create_task(_swallows(2), name="modbus cabinets"),
        asyncio.create_task(_cleans_up_for_ever(), name="broker"),
    ]
    await asyncio.sleep(0)
    await end_tasks(tasks, patience_s=0.01)
    assert all(task.cancelled() for task in tasks)
    assert "modbus cabinets does not end" in caplog.text
    assert "broker does not end" in caplog.text
    assert "obedient" not in caplog.text


async def test_nothing_to_end_is_no_wait() -> None:
    await end_tasks([])
