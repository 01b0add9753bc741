"""A pharmacy made of nothing: three refrigerators, a cool room, a door, the mains, a scanner.

Used by `coldwarden-sim site` and by the demo. One seed decides everything that happens. Physics
may run faster than the clocks: `scale` scenario seconds pass in each real second, while every
period and every time stamp is real.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from simulators.errors import UsageError
from simulators.happenings import HABITS
from simulators.ledger import Ledger
from simulators.modbus_device import ModbusLine
from simulators.modbus_unit import Unit
from simulators.mqtt_device import MqttDevice, MqttSensors
from simulators.mqtt_formats import plain_json, zigbee_climate, zigbee_contact
from simulators.physics import COOL_ROOM, REFRIGERATOR
from simulators.points import MODBUS_PARTS
from simulators.refrigerator import Refrigerator, Sample
from simulators.registers import KINDS
from simulators.scanner import Scanner
from simulators.serial_pair import SerialPair

SERIAL_BAUD = 9600
CABINETS = ("fridge-1", "fridge-2", "fridge-3", "cool-room")
CABINET_OF_PART = {"fridge-1-controller": "fridge-1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """How a site is set up; ports of 0 are chosen freely, `mqtt` is a broker or nothing.

    `serial` puts the same Modbus devices on a serial line too.
    """

    seed: int = 1
    scale: float = 1.0
    start_hour: float = 10.0
    habit: str = "normal"
    outages: bool = True
    host: str = "127.0.0.1"
    modbus_port: int = 0
    scanner_port: int = 0
    serial: bool = False
    mqtt: tuple[str, int] | None = None
    mqtt_period_s: float = 5.0
    scan_period_s: float = 0.0
    ledger: Path | None = None


@dataclass(slots=True)
class ScenarioClock:
    """Scenario seconds since midnight of the site's first day; real time drives it."""

    start_s: float
    scale: float
    monotonic: Callable[[], float] = time.monotonic
    _began_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._began_s = self.monotonic()

    def now_s(self) -> float:
        """Return the scenario time."""
        return self.start_s + (self.monotonic() - self._began_s) * self.scale


class Site:
    """The whole site; use it as `async with Site(options) as site`."""

    def __init__(self, options: SiteOptions) -> None:
        if options.habit not in HABITS:
            raise UsageError(f"no habit {options.habit!r}; use one of: {', '.join(HABITS)}")
        if options.scale <= 0:
            raise UsageError(f"scale must be above 0, got {options.scale}")
        self.options = options
        self.clock = ScenarioClock(options.start_hour * 3600.0, options.scale)
        self.ledger = Ledger(_wall_ms, options.ledger)
        self.cabinets = {name: _cabinet(name, options) for name in CABINETS}
        self._units = [self._unit(n) for n in range(len(MODBUS_PARTS))]
        self.modbus = ModbusLine(self._units, self.ledger)
        self.sensors = MqttSensors(self._mqtt_devices(), self.ledger, _wall_ms)
        self.scanner = Scanner("counter", options.seed, self.ledger)
        self.modbus_port = 0
        self.scanner_port = 0
        self.serial_port = ""
        self._serial: tuple[SerialPair, ModbusLine] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Open the ports and start the sensors."""
        host = self.options.host
        self.modbus_port = await self.modbus.serve_tcp(host, self.options.modbus_port)
        self.scanner_port = await self.scanner.serve(host, self.options.scanner_port)
        if self.options.serial:
            await self._open_serial()
        if self.options.mqtt is not None:
            self._start(self.sensors.run(*self.options.mqtt), "mqtt sensors")
        if self.options.scan_period_s > 0:
            self._start(self.scanner.run(self.options.scan_period_s), "scanner")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop everything: from here on no device answers or reports."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self.modbus.close()
        if self._serial is not None:
            pair, line = self._serial
            await line.close()
            pair.close()
        await self.scanner.close()
        self.ledger.close()

    def sample(self, cabinet: str) -> Sample:
        """Return what could be measured in `cabinet` now."""
        return self.cabinets[cabinet].sample(self.clock.now_s())

    def hold_door(self, cabinet: str, seconds: float) -> None:
        """Hold a door open for some scenario seconds from now."""
        self.cabinets[cabinet].hold_door(self.clock.now_s(), seconds)

    def cut_mains(self, seconds: float) -> None:
        """Take the power from every cabinet for some scenario seconds from now."""
        for cabinet in self.cabinets.values():
            cabinet.cut_mains(self.clock.now_s(), seconds)

    def stop_compressor(self, cabinet: str, seconds: float) -> None:
        """Let a compressor fail for some scenario seconds from now."""
        self.cabinets[cabinet].stop_compressor(self.clock.now_s(), seconds)

    async def _open_serial(self) -> None:
        pair, line = SerialPair(), ModbusLine(self._units, self.ledger)
        pair.start()
        await line.serve_rtu(pair.near, SERIAL_BAUD)
        self._serial, self.serial_port = (pair, line), pair.far

    def _start(self, work: Coroutine[object, None, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    def _unit(self, number: int) -> Unit:
        part = MODBUS_PARTS[number]
        return Unit(
            number=part.unit,
            name=part.name,
            kind=KINDS[part.profile],
            sample=self._sampler(CABINET_OF_PART.get(part.name, part.name)),
            serial=f"SIM-{part.unit:04d}",
        )

    def _mqtt_devices(self) -> list[MqttDevice]:
        formats = {
            "fridge-3": zigbee_climate("fridge-3"),
            "fridge-3-door": zigbee_contact("fridge-3-door"),
            "mains": plain_json("pharmacy/mains"),
        }
        sample, period_s = self._sampler("fridge-3"), self.options.mqtt_period_s
        return [
            MqttDevice(name=name, format=shape, sample=sample, period_s=period_s)
            for name, shape in formats.items()
        ]

    def _sampler(self, cabinet: str) -> Callable[[], Sample]:
        return lambda: self.sample(cabinet)


def _cabinet(name: str, options: SiteOptions) -> Refrigerator:
    built = COOL_ROOM if name == "cool-room" else REFRIGERATOR
    # Cabinets of one room do not defrost together.
    shift_s = 1200.0 * CABINETS.index(name)
    return Refrigerator(
        name=name,
        seed=options.seed,
        cabinet=replace(built, defrost_first_s=built.defrost_first_s + shift_s),
        habit=HABITS[options.habit],
        outages=options.outages,
        start_s=options.start_hour * 3600.0,
    )


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
