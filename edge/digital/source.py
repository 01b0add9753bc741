"""The source of one digital input: an event and a row at every change, a row at every period.

A row is always a fresh look at the line, never the last one again. An input that cannot be
read gives rows without a value at its period, and is opened again, with jitter.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.frame import Frame
from domain.quality import Quality
from edge.clock import Clock
from edge.digital.config import DigitalConfig
from edge.digital.debounce import Change, Contact, bounced, looked
from edge.digital.gpio import DigitalInput, GpioInput
from edge.errors import UnreachableError
from edge.retry import delay_s
from edge.sink import Sink
from evidence.event import EventKind

log = logging.getLogger(__name__)

STATE, NAME = 1, 2  # fields of a DIGITAL_INPUT event
LOOK_GAP_S: Final = 0.005  # a line that oscillates must not take the processor


@dataclass(slots=True)
class Counts:
    """What one input has done."""

    changes: int = 0
    rows: int = 0
    missed: int = 0


class DigitalSource:
    """One input; `run` until cancelled. `open_input` is replaced where there is no GPIO."""

    def __init__(
        self,
        config: DigitalConfig,
        sink: Sink,
        clock: Clock,
        open_input: Callable[[DigitalConfig], DigitalInput] = GpioInput,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._sink = sink
        self._clock = clock
        self._open = open_input
        self._draw = draw
        self._frame = Frame(channels=(config.channel,), exps=(0,), period_ms=config.period_ms)
        self._contact = Contact(config.settle_ms)
        self._row_ms = -1
        self._due_ms = clock.mono_ms()
        self.counts = Counts()

    async def run(self) -> None:
        """Watch for ever, through every loss of the line."""
        failures = 0
        while True:
            try:
                line = self._open(self._config)
                try:
                    failures = 0
                    await self._watch(line)
                finally:
                    line.close()
            except UnreachableError as exc:
                failures += 1
                if failures == 1:
                    log.warning("%s", exc)
            self._miss()
            await asyncio.sleep(delay_s(failures, self._draw()))

    async def _watch(self, line: DigitalInput) -> None:
        while True:
            self._look(line)
            await asyncio.sleep(LOOK_GAP_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._wait_s()):
                    await line.changed()
                    self._contact = bounced(self._contact)

    def _look(self, line: DigitalInput) -> None:
        level, now_ms = line.level(), self._clock.mono_ms()
        self._contact, change = looked(self._contact, now_ms, level=level)
        if change is not None:
            self._tell(change)
            self._row(int(level), now_ms, None)
        elif now_ms >= self._due_ms and self._contact.candidate is None:
            self._row(int(level), now_ms, None)
        elif now_ms >= self._due_ms + self._config.period_ms:
            self.counts.missed += 1  # a contact that chatters without end shows nothing
            self._row(0, now_ms, [Quality.SENSOR_ERROR])

    def _tell(self, change: Change) -> None:
        self.counts.changes += 1
        body = {STATE: int(change.level), NAME: self._config.name}
        channel = self._config.channel
        self._sink.event(EventKind.DIGITAL_INPUT, change.at_ms, channel, body)

    def _miss(self) -> None:
        now_ms = self._clock.mono_ms()
        if now_ms >= self._due_ms:
            self.counts.missed += 1
            self._row(0, now_ms, [Quality.EXCEPTION])

    def _row(self, value: int, now_ms: int, quality: list[int] | None) -> None:
        self._row_ms = max(now_ms, self._row_ms + 1)
        self._due_ms = self._row_ms + self._config.period_ms
        self.counts.rows += 1
        self._sink.row(self._frame, self._row_ms, [value], quality)

    def _wait_s(self) -> float:
        settles_ms = self._contact.settles_at_ms()
        until_ms = self._due_ms if settles_ms is None else settles_ms
        return max(0.0, (until_ms - self._clock.mono_ms()) / 1000)
