"""Runs a Modbus source for the length of a `with` block."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from domain.quality import Quality
from edge.modbus.config import ModbusBus
from edge.modbus.source import ModbusSource
from tests.support.modbus_builders import BootClock, RecordingSink
from tests.support.wait import until


@dataclass
class Running:
    """A running source and what it fed."""

    source: ModbusSource
    task: asyncio.Task[None]
    sink: RecordingSink = field(default_factory=RecordingSink)

    async def until_known(self, good: Iterable[int], refused: Iterable[int]) -> None:
        """Wait until channels gave several values, or were refused, each as is expected."""
        readings = self.sink.readings

        def is_known() -> bool:
            return all(len(self.sink.good(c)) >= 3 for c in good) and all(
                any(r.quality == Quality.EXCEPTION for r in readings[c]) for c in refused
            )

        good, refused = tuple(good), tuple(refused)
        await until(is_known, timeout_s=30)
        for channel in good:
            assert all(r.quality != Quality.EXCEPTION for r in readings[channel]), channel
        for channel in refused:
            assert not self.sink.good(channel), channel


@asynccontextmanager
async def running(bus: ModbusBus, sink: RecordingSink | None = None) -> AsyncIterator[Running]:
    """Poll `bus`; afterwards the source must end when it is cancelled."""
    sink = sink if sink is not None else RecordingSink()
    source = ModbusSource(bus, sink, BootClock())
    task = asyncio.create_task(source.run())
    try:
        yield Running(source, task, sink)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled(), task
