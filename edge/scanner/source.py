"""The scanner source: reads one scanner and hands each code to the sink as a SCAN event.

The code travels as it was read, GS and symbology identifier included; what it means is decided
elsewhere. A scanner that goes away is opened again, with full jitter; a code that was cut off
by it is dropped and counted.
"""

import asyncio
import logging
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from edge.clock import Clock
from edge.errors import UnreachableError
from edge.retry import delay_s
from edge.scanner.config import ScannerConfig, ScannerKind
from edge.scanner.framing import Framer
from edge.scanner.line import opened
from edge.scanner.wedge import KeyboardWedge
from edge.sink import Sink
from evidence.event import EventKind

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 4096
RAW, SYMBOLOGY, LOCATION = 1, 2, 4  # fields of a SCAN event
_AIM_IDENTIFIER: Final = re.compile(rb"\][A-Za-z][0-9A-Za-z]")


@dataclass(slots=True)
class Counts:
    """What one scanner has done."""

    scans: int = 0
    cut_off: int = 0
    opened: int = 0


class ScannerSource:
    """One scanner; `run` until cancelled."""

    def __init__(
        self,
        config: ScannerConfig,
        sink: Sink,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._config = config
        self._sink = sink
        self._clock = clock
        self._draw = draw
        self._framer = Framer(config.idle_ms)
        self._wedge = KeyboardWedge()
        self.counts = Counts()
        self.connected = False

    @property
    def oversized(self) -> int:
        """Return how many reads were too long to be codes."""
        return self._framer.oversized

    async def run(self) -> None:
        """Read for ever, through every loss of the scanner."""
        failures = 0
        while True:
            await asyncio.sleep(delay_s(failures, self._draw()))
            try:
                async with opened(self._config) as reader:
                    self._came()
                    await self._read(reader)
                failures = 1
            except UnreachableError as exc:
                failures = 1 if self.connected else failures + 1
                if failures == 1:
                    log.warning("%s", exc)
            self._went()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        idle_s = self._config.idle_ms / 1000
        while True:
            try:
                async with asyncio.timeout(idle_s if self._framer.waiting else None):
                    data = await reader.read(CHUNK_BYTES)
            except TimeoutError:
                self._report(self._framer.flush())
                continue
            if not data:
                return
            if self._config.kind is ScannerKind.KEYBOARD:
                data = self._wedge.feed(data)
            self._report(self._framer.feed(data, self._clock.mono_ms()))

    def _report(self, codes: list[bytes]) -> None:
        for code in codes:
            self.counts.scans += 1
            body = scan_body(code, self._config.location)
            now_ms = self._clock.mono_ms()
            self._sink.event(EventKind.SCAN, now_ms, self._config.channel, body)

    def _came(self) -> None:
        self.connected = True
        self.counts.opened += 1
        self._wedge.reset()

    def _went(self) -> None:
        self.connected = False
        if self._framer.waiting:
            self.counts.cut_off += 1
            self._framer.reset()


def scan_body(code: bytes, location: str) -> dict[int, object]:
    """Return the body of a SCAN event; a symbology identifier is read off, not taken off."""
    body: dict[int, object] = {RAW: code}
    identifier = _AIM_IDENTIFIER.match(code)
    if identifier is not None:
        body[SYMBOLOGY] = identifier[0].decode()
    if location:
        body[LOCATION] = location
    return body
