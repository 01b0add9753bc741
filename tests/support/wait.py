"""Waiting for a real process until a condition holds; the only place where tests may wait."""

import asyncio
import threading
import time
from collections.abc import Callable

STEP_S = 0.01


async def until(condition: Callable[[], object], timeout_s: float = 10, what: str = "") -> None:
    """Return once `condition()` is true; fail with `what` after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what or condition}"
        await asyncio.sleep(STEP_S)


def until_sync(condition: Callable[[], object], timeout_s: float = 10, what: str = "") -> None:
    """Return once `condition()` is true; fail with `what` after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what or condition}"
        pause.wait(STEP_S)
