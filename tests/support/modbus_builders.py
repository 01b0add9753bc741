"""Builders for Modbus tests: points, profiles, buses, and a sink that enforces its contract."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from time import CLOCK_BOOTTIME, clock_gettime_ns, time_ns
from types import MappingProxyType

from domain.frame import Frame
from domain.profiles.model import (
    Decoder,
    LinkDefaults,
    PointClass,
    PointSpec,
    Profile,
    RegisterTable,
)
from domain.quantity import Quantity
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice, ModbusPoint
from edge.modbus.frames import Request, read_request
from edge.modbus.rtu_codec import RtuCodec, crc16

HOLDING = RegisterTable.HOLDING


def spec(
    address: int,
    decoder: Decoder = Decoder.S16,
    table: RegisterTable = HOLDING,
    *,
    exp: int = -1,
    error_values: Iterable[int] = (),
    band: tuple[int, int] | None = None,
) -> PointSpec:
    return PointSpec(
        name=f"{table}{address}",
        quantity=Quantity.TEMPERATURE,
        unit="Cel",
        table=table,
        address=address,
        decoder=decoder,
        exp=0 if table.is_bits else exp,
        error_values=frozenset(error_values),
        low=band[0] if band else None,
        high=band[1] if band else None,
    )


def profile_of(specs: Iterable[PointSpec]) -> Profile:
    return Profile(
        name="made-for-tests",
        version=1,
        title="made for tests",
        point_class=PointClass.COMPLIANCE,
        link=LinkDefaults(),
        points=MappingProxyType({s.name: s for s in specs}),
    )


def device(
    specs: Iterable[PointSpec],
    *,
    unit: int = 1,
    period_ms: int = 100,
    first_channel: int = 1,
) -> ModbusDevice:
    """A device whose channels are numbered from `first_channel` in the order of `specs`."""
    profile = profile_of(specs)
    return ModbusDevice(
        name=f"device-{unit}-{first_channel}",
        unit=unit,
        profile=profile,
        period_ms=period_ms,
        points=tuple(
            ModbusPoint(name=name, channel=first_channel + i)
            for i, name in enumerate(profile.points)
        ),
    )


def tcp_bus(
    port: int, *devices: ModbusDevice, timeout_ms: int = 2000, max_hole: int = 10
) -> ModbusBus:
    return ModbusBus(
        name=f"bus-{port}",
        kind=LinkKind.TCP,
        host="127.0.0.1",
        port=port,
        devices=devices,
        timeout_ms=timeout_ms,
        max_hole=max_hole,
    )


def rtu_bus(
    path: str, *devices: ModbusDevice, timeout_ms: int = 2000, baud: int = 115_200
) -> ModbusBus:
    return ModbusBus(
        name="serial",
        kind=LinkKind.RTU,
        device=path,
        baud=baud,
        devices=devices,
        timeout_ms=timeout_ms,
    )


def echo_that_passes_for_an_answer() -> Request:
    """A request whose first seven bytes are a valid answer to itself."""
    for unit, low in product(range(1, 248), range(256)):
        request = read_request(unit, RegisterTable.HOLDING, 0x0200 | low, 1)
        sent = RtuCodec().begin(request)
        if crc16(sent[:5]) == sent[5:7]:
            return request
    raise AssertionError("there is none")


class BootClock:
    """The machine's real clocks."""

    boot = 1

    def wall_ms(self) -> int:
        return time_ns() // 1_000_000

    def mono_ms(self) -> int:
        return clock_gettime_ns(CLOCK_BOOTTIME) // 1_000_000

    def sync(self) -> tuple[int, int]:
        return 1, 10


@dataclass(frozen=True)
class Reading:
    at_ms: int
    value: int
    quality: int


@dataclass
class RecordingSink:
    """Keeps every reading by channel; refuses rows that break the contract of `edge.sink`."""

    readings: defaultdict[int, list[Reading]] = field(default_factory=lambda: defaultdict(list))
    rows: list[tuple[Frame, int, tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=list
    )

    def row(
        self, frame: Frame, mono_ms: int, values: Sequence[int], quality: Sequence[int] | None
    ) -> None:
        qualities = quality if quality is not None else (0,) * len(values)
        assert len(values) == len(qualities) == len(frame.channels)
        assert quality is None or any(quality), "all good is None"
        for channel, value, q in zip(frame.channels, values, qualities, strict=True):
            assert type(value) is int
            assert q < 8 or value == 0, "no value is 0"
            series = self.readings[channel]
            assert not series or series[-1].at_ms < mono_ms, "time of a channel grows"
            series.append(Reading(mono_ms, value, int(q)))
        self.rows.append((frame, mono_ms, tuple(values), tuple(qualities)))

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        raise AssertionError(f"a Modbus source makes no events: {kind, mono_ms, channel, body}")

    def good(self, channel: int) -> list[int]:
        """The values of `channel` that are values."""
        return [r.value for r in self.readings[channel] if r.quality < 8]

    def qualities(self, channel: int) -> list[int]:
        return [r.quality for r in self.readings[channel]]
