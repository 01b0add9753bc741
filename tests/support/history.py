"""A gateway's past, made by its own recorder on its own card, with clocks moved by hand."""

import time
from dataclasses import dataclass, field

from domain.frame import Frame
from domain.quantity import Quantity
from evidence.disk import Disk
from evidence.event import EventKind
from evidence.keys import SoftwareKey
from gateway_firmware_py.channel_ledger import check_channels
from gateway_firmware_py.clock import count_boot
from gateway_firmware_py.config.read import load_settings
from simulators.installation import GATEWAY, SITE, Installation
from tests.support.gateway_parts import Bench, SetClock

MINUTE_MS, DAY_MS = 60_000, 86_400_000
SCAN_BYTES, ENVELOPE_BYTES = 20_000, 1_000
UNFLUSHED = Disk(fdatasync=lambda _: None, fsync=lambda _: None)  # no power is cut here
CALM = {Quantity.TEMPERATURE: 5, Quantity.HUMIDITY: 50}  # in every pack's range, per 10**exp


@dataclass(slots=True)
class History:
    """The recorder of an installation's gateway, while its program does not run.

    It begins `back_ms` before now, in the boot before the program's.
    """

    installation: Installation
    back_ms: int
    bench: Bench = field(init=False)
    _frame: Frame = field(init=False)
    _values: list[int] = field(init=False)

    def __post_init__(self) -> None:
        built = self.installation
        channels = load_settings(built.gateway_toml).channels
        check_channels(built.outbox / "channels.json", channels)
        count_boot(built.outbox)
        began_ms = time.time_ns() // 1_000_000 - self.back_ms
        clock = SetClock(now_ms=MINUTE_MS, ahead_ms=began_ms - MINUTE_MS, boot=0)
        self.bench = Bench(
            built.outbox,
            channels=channels,
            disk=UNFLUSHED,
            key=SoftwareKey.load(built.outbox / "evidence.key"),
            gateway=GATEWAY,
            site=SITE,
            clock=clock,
        )
        self.bench.recorder.begin()
        self._frame = Frame(
            channels=tuple(c.number for c in channels),
            exps=tuple(c.exp for c in channels),
            period_ms=MINUTE_MS,
        )
        self._values = [round(CALM.get(c.quantity, 0) * 10**-c.exp) for c in channels]

    async def pass_period(self, minutes: int = 1) -> None:
        """Record one row a minute, then seal."""
        clock, recorder = self.bench.clock, self.bench.recorder
        for _ in range(minutes):
            recorder.row(self._frame, clock.now_ms, self._values, None)
            clock.now_ms += MINUTE_MS
        recorder.tick()
        await self.bench.store()

    async def fill(self, leave_bytes: int) -> None:
        """Record large scans until the outbox's segment has room for so little."""
        clock, recorder = self.bench.clock, self.bench.recorder
        await self.pass_period()  # there is no segment before
        while (left := self.bench.outbox._records._left) > leave_bytes:
            size = min(SCAN_BYTES, max(left - leave_bytes - ENVELOPE_BYTES, 1))
            recorder.event(EventKind.SCAN, clock.now_ms, 0, {1: bytes(size)})
            await self.pass_period()

    async def close(self) -> None:
        """Write what waits, and end as a program does."""
        await self.bench.store()
        self.bench.close()
