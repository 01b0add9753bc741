"""One Modbus bus as a source: keeps its line open and feeds what it says to the sink.

Used by the program that composes a gateway:

    source = ModbusSource(bus, sink, clock)
    group.create_task(source.run(), name=f"modbus {bus.name}")

What it promises: a row for every slot of every read, with values stamped when their answer
arrived, or without values (quality 8 or 9) at the instant the slot was due; never a value
twice, never one under another's time; only functions 1 to 4 leave.
"""

import asyncio
from random import SystemRandom
from typing import Final

from edge.clock import Clock
from edge.errors import EdgeError, UnreachableError
from edge.modbus.config import ModbusBus
from edge.modbus.poller import Poller
from edge.modbus.status import ModbusStatus, Tally
from edge.modbus.wire import open_wire
from edge.sink import Sink

BACKOFF_MIN_S: Final = 0.25
BACKOFF_MAX_S: Final = 5.0
"""Low, because a site network is ours to use and a device that is back is wanted at once."""


class ModbusSource:
    """Polls the devices of `bus` for as long as `run` runs.

    `at_once`: it takes over from another source, so the first polls do not wait for a phase.
    """

    def __init__(
        self, bus: ModbusBus, sink: Sink, clock: Clock, *, at_once: bool = False
    ) -> None:
        self._bus = bus
        self._at_once = at_once
        self._sink = sink
        self._clock = clock
        self._random = SystemRandom()
        self._tally = Tally(bus)
        self._poller: Poller | None = None

    @property
    def is_up(self) -> bool:
        """Return whether the line is open."""
        return not self._tally.line_fault

    @property
    def is_idle(self) -> bool:
        """Return whether no poll is under way: it may be ended without losing an answer."""
        return self._poller is None or self._poller.is_idle

    def snapshot(self) -> ModbusStatus:
        """Return what was done so far and how each device is doing."""
        poller = self._poller
        return self._tally.snapshot(poller.line_strays if poller is not None else 0)

    async def run(self) -> None:
        """Poll until cancelled; a line or device that fails is reported, never raised."""
        poller = self._poller = Poller(
            self._bus, self._sink, self._clock, self._tally, at_once=self._at_once
        )
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_raise_crash(poller), name=f"{self._bus.name} crash")
                group.create_task(self._keep_open(poller), name=f"{self._bus.name} line")
        finally:
            poller.close()

    async def _keep_open(self, poller: Poller) -> None:
        failures = 0
        is_started = False
        while True:
            answers = self._tally.answers
            error: EdgeError
            try:
                wire = await open_wire(self._bus)
            except UnreachableError as unreachable:
                lost, error = None, unreachable
            else:
                self._tally.line_fault = ""
                lost = poller.attach(wire)
            if not is_started:
                is_started = True
                poller.start()
            if lost is not None:
                error = await lost
                self._tally.reconnects += 1
            self._tally.line_fault = str(error)
            failures = 0 if self._tally.answers > answers else failures + 1
            await asyncio.sleep(backoff_s(failures, self._random.random()))


def backoff_s(failures: int, chance: float) -> float:
    """Return how long to wait before opening the line again; `chance` is in 0..1.

    A line that gave answers is opened again at once: some devices close it when idle.
    """
    if failures == 0:
        return 0.0
    ceiling_s = min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** min(failures, 16))
    return ceiling_s * (0.5 + chance / 2)


async def _raise_crash(poller: Poller) -> None:
    await poller.crashed
