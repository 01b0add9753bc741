"""Runs a Modbus source for the length of a `with` block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from edge.modbus.config import ModbusBus
from edge.modbus.source import ModbusSource
from tests.support.modbus_builders import BootClock, RecordingSink


@dataclass
class Running:
    """A running source and what it fed."""

    source: ModbusSource
    task: asyncio.Task[None]
    sink: RecordingSink = field(default_factory=RecordingSink)


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
