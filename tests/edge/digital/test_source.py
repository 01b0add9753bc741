"""A digital input on the loop: events at changes, rows also at periods, gaps when gone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest

from domain.quality import Quality
from domain.quantity import Quantity
from edge.digital.config import DigitalConfig, channels_of
from edge.digital.gpio import DigitalInput
from edge.digital.source import DigitalSource
from edge.errors import SourceConfigError, UnreachableError
from evidence.event import EventKind
from tests.support.edge_fakes import CollectingSink, HandClock
from tests.support.modbus_builders import BootClock
from tests.support.wait import until

DOOR = DigitalConfig(name="door", channel=3, quantity=Quantity.DOOR, line=17, settle_ms=0)


@dataclass
class Line:
    """A contact that a test moves by hand; `broken` makes every look fail."""

    active: bool = False
    broken: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    closed: int = 0

    def level(self) -> bool:
        self.looks += 1
        if self.broken:
            raise UnreachableError("line is gone")
        return self.active

    async def changed(self) -> None:
        await self.moved.wait()
        self.moved.clear()

    def close(self) -> None:
        self.closed += 1

    def move(self, *, active: bool) -> None:
        self.active = active
        self.moved.set()


@asynccontextmanager
async def watching(
    config: DigitalConfig, line: DigitalInput, sink: CollectingSink, clock: HandClock
) -> AsyncIterator[DigitalSource]:
    source = DigitalSource(config, sink, clock, lambda _: line, draw=lambda: 0.02)
    running = asyncio.create_task(source.run())
    try:
        yield source
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def values(sink: CollectingSink) -> list[tuple[int, ...]]:
    return [row[2] for row in sink.rows]


async def test_a_change_is_an_event_and_a_row() -> None:
    line, sink, clock = Line(), CollectingSink(), HandClock(now_ms=1_000)
    async with watching(DOOR, line, sink, clock):
        await until(lambda: len(sink.rows) == 1)
        clock.now_ms = 1_250
        line.move(active=True)
        await until(lambda: len(sink.rows) == 2)
    assert sink.events == [
        (EventKind.DIGITAL_INPUT, 1_000, 3, {1: 0, 2: "door"}),
        (EventKind.DIGITAL_INPUT, 1_250, 3, {1: 1, 2: "door"}),
    ]
    assert values(sink) == [(0,), (1,)]
    assert line.closed == 1


async def test_a_still_input_gives_a_fresh_row_each_period() -> None:
    line, sink, clock = Line(), CollectingSink(), HandClock(now_ms=0)
    async with watching(DOOR, line, sink, clock):
        await until(lambda: sink.rows)
        for at_ms in (10_000, 20_000):
            clock.now_ms = at_ms
            line.moved.set()
            await until(lambda at_ms=at_ms: sink.rows[-1][1] == at_ms)  # type: ignore[misc]
    assert [row[1] for row in sink.rows] == [0, 10_000, 20_000]
    assert len(sink.events) == 1


async def test_chatter_without_end_is_no_value() -> None:
    line, sink, clock = Line(), CollectingSink(), HandClock(now_ms=0)
    async with watching(replace(DOOR, settle_ms=1_000), line, sink, clock) as source:
        for at_ms in (500, 1_000, 20_000):
            clock.now_ms = at_ms
            looks = line.looks
            line.move(active=not line.active)
            await until(lambda looks=looks: line.looks > looks)  # type: ignore[misc]
        await until(lambda: sink.rows)
    assert sink.qualities(3) == [Quality.SENSOR_ERROR]
    assert (source.counts.missed, sink.events) == (1, [])


async def test_a_line_that_is_gone_is_a_gap_and_opened_again() -> None:
    line, sink, clock = Line(broken=True), CollectingSink(), HandClock(now_ms=0)
    async with watching(DOOR, line, sink, clock) as source:
        await until(lambda: line.closed > 2)
        assert sink.qualities(3) == [Quality.EXCEPTION]
        clock.now_ms = 10_000
        await until(lambda: source.counts.missed == 2)
        line.broken = False
        clock.now_ms = 10_500
        await until(lambda: sink.events)
    assert sink.qualities(3) == [Quality.EXCEPTION, Quality.EXCEPTION, 0]


async def test_a_settling_time_passes_by_itself() -> None:
    line, sink = Line(active=True), CollectingSink()
    config = replace(DOOR, settle_ms=20)
    source = DigitalSource(config, sink, BootClock(), lambda _: line)
    running = asyncio.create_task(source.run())
    await until(lambda: values(sink) == [(1,)])
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_the_point_table_names_chip_and_line() -> None:
    (row,) = channels_of([DOOR])
    assert (row.number, row.source, row.unit, row.exp) == (3, "/dev/gpiochip0:17", "1", 0)


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda: replace(DOOR, name=""), "name"),
        (lambda: replace(DOOR, channel=-1), "channel"),
        (lambda: replace(DOOR, chip=""), "gpiochip0"),
        (lambda: replace(DOOR, line=-1), "line -1"),
        (lambda: replace(DOOR, quantity=Quantity.TEMPERATURE), "door, mains"),
        (lambda: replace(DOOR, settle_ms=9_999), "settle_ms"),
        (lambda: replace(DOOR, period_ms=10), "period_ms"),
    ],
)
def test_what_cannot_work_is_refused_by_name(
    build: Callable[[], DigitalConfig], named: str
) -> None:
    with pytest.raises(SourceConfigError, match=named):
        build()
