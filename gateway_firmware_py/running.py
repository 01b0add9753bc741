"""The sources that run now, and how some of them make room for others.

Used by `gateway_firmware_py.compose`; `gateway_firmware_py.configuring` exchanges sources.
A source whose configuration stays as it was is not touched. One that listens (MQTT) is
connected before its predecessor goes; one that has a line to itself (a serial port) begins the
moment its predecessor has ended, between two polls.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress

from gateway_firmware_py.sources import Source, keep_running

IDLE_TIMEOUT_S = 3.0
"""Longer than a poll takes; a line that is never idle is taken over all the same."""
UP_TIMEOUT_S = 5.0
STEP_S = 0.005
END_S = 5.0
"""How long a task may take to clean up after it was told to end."""

log = logging.getLogger(__name__)


class RunningSources:
    """Runs sources as tasks of `group`; belongs to the event loop."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._tasks: list[tuple[Source, asyncio.Task[None]]] = []

    @property
    def sources(self) -> list[Source]:
        """Return the sources that run now."""
        return [source for source, _ in self._tasks]

    def start(self, sources: Sequence[Source]) -> None:
        """Run these as well."""
        for source in sources:
            task = self._group.create_task(keep_running(source), name=source.name)
            self._tasks.append((source, task))

    async def exchange(self, wanted: Sequence[Source], between: Callable[[], None]) -> None:
        """Run `wanted` instead; `between` is called when the old ended and no new one spoke.

        Of `wanted`, those that run already under the same name and configuration are dropped.
        """
        stays = [old for old in self.sources if any(old.is_as(new) for new in wanted)]
        coming = [new for new in wanted if not any(old.is_as(new) for old in stays)]
        listening = [source for source in coming if source.gate is not None]
        leaving = [old for old in self.sources if old not in stays]
        for source in listening:
            source.shut(is_shut=True)
        self.start(listening)
        await _until(lambda: all(source.is_up() for source in listening), UP_TIMEOUT_S)
        await _until(lambda: all(source.is_idle() for source in leaving), IDLE_TIMEOUT_S)
        await self._end(leaving)
        between()
        for source in listening:
            source.shut(is_shut=False)
        self.start([source for source in coming if source not in listening])

    async def end(self) -> None:
        """Stop them all; they can still be asked how they did."""
        await end_tasks([task for _, task in self._tasks])

    async def _end(self, leaving: Sequence[Source]) -> None:
        tasks = [task for source, task in self._tasks if source in leaving]
        self._tasks = [(source, task) for source, task in self._tasks if source not in leaving]
        await end_tasks(tasks)


async def end_tasks(tasks: Sequence[asyncio.Task[None]], patience_s: float = END_S) -> None:
    """Cancel tasks until they have ended.

    A library may swallow a cancellation, or wait in its clean-up for somebody who never comes:
    the gateway is to end all the same. Who needs more than `patience_s` is cancelled again.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=patience_s)
        for task in going:
            log.warning("%s does not end; it is cancelled again", task.get_name())


async def _until(condition: Callable[[], bool], timeout_s: float) -> None:
    """Return when `condition` holds, or in any case after the time-out."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not condition():  # noqa: ASYNC110 -- asked of several sources at once
                await asyncio.sleep(STEP_S)
