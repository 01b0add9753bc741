"""What an operator says about one bus: the line, the devices on it and the points they fill.

The program parses its file into these; they refuse what cannot work, each error naming the
place and the remedy. Pure.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.channel import Channel
from domain.profiles.model import PointSpec, Profile
from edge.errors import SourceConfigError

MIN_PERIOD_MS: Final = 10
"""Rows of one frame are told apart by their millisecond."""
MAX_PERIOD_MS: Final = 86_400_000
MIN_TIMEOUT_MS: Final = 10
MAX_TIMEOUT_MS: Final = 60_000
MAX_HOLE: Final = 120
"""More than this never fits between two points of one request (125 registers)."""
BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)


class LinkKind(StrEnum):
    """How a bus is reached."""

    TCP = "tcp"
    RTU = "rtu"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusPoint:
    """One point of a device's profile, and the channel that its readings fill."""

    name: str
    channel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusDevice:
    """One device: `unit` is its address, `period_ms` how often all its points are read."""

    name: str
    unit: int
    profile: Profile
    period_ms: int
    points: tuple[ModbusPoint, ...]
    serial: str = ""

    def specs(self) -> Iterator[tuple[ModbusPoint, PointSpec]]:
        """Return each point with what the profile says of it."""
        for point in self.points:
            spec = self.profile.points.get(point.name)
            if spec is None:
                known = ", ".join(self.profile.points)
                raise SourceConfigError(
                    f"device {self.name!r}: profile {self.profile.ref} has no point "
                    f"{point.name!r}; use one of: {known}"
                )
            yield point, spec


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusBus:
    """One connection or one serial line, polled one request at a time.

    `max_hole` is how many registers (or bits) that nobody wants are read along to save a
    request. `timeout_ms` counts from the end of the request to the first byte of the answer;
    the time that bytes need on a serial line is added.
    """

    name: str
    kind: LinkKind
    devices: tuple[ModbusDevice, ...]
    host: str = ""
    port: int = 502
    device: str = ""
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    timeout_ms: int = 500
    max_hole: int = 10

    def __post_init__(self) -> None:
        _check_line(self)
        for device in self.devices:
            _check_device(self, device)
        _check_unique(self)

    @property
    def where(self) -> str:
        """The line as a person would name it."""
        return self.device if self.kind is LinkKind.RTU else f"{self.host}:{self.port}"

    @property
    def bits_per_char(self) -> int:
        """Start, eight data, parity and stop bits of one character on a serial line."""
        return 9 + (self.parity != "N") + self.stop_bits


def channels_of(bus: ModbusBus) -> tuple[Channel, ...]:
    """Return the rows of the point table that this bus fills, in configuration order."""
    return tuple(
        Channel(
            number=point.channel,
            device=device.name,
            serial=device.serial,
            source=spec.source,
            quantity=spec.quantity,
            unit=spec.unit,
            exp=spec.exp,
            profile=device.profile.ref,
        )
        for device in bus.devices
        for point, spec in device.specs()
    )


def _require(bus: ModbusBus, holds: object, problem: str) -> None:
    if not holds:
        raise SourceConfigError(f"modbus bus {bus.name!r}: {problem}")


def _check_line(bus: ModbusBus) -> None:
    if bus.kind is LinkKind.TCP:
        _require(bus, bus.host, "kind tcp needs a host")
        _require(bus, 0 < bus.port < 65_536, f"port {bus.port} is not in 1..65535")
    else:
        _require(bus, bus.device, "kind rtu needs a device such as /dev/ttyUSB0")
        _require(bus, bus.baud in BAUDS, f"baud {bus.baud} is not one of {BAUDS}")
        _require(bus, bus.parity in ("N", "E", "O"), f"parity {bus.parity!r} is not N, E or O")
        _require(bus, bus.stop_bits in (1, 2), f"stop_bits {bus.stop_bits} is not 1 or 2")
    _require(
        bus,
        MIN_TIMEOUT_MS <= bus.timeout_ms <= MAX_TIMEOUT_MS,
        f"timeout_ms {bus.timeout_ms} is not in {MIN_TIMEOUT_MS}..{MAX_TIMEOUT_MS}",
    )
    _require(
        bus,
        0 <= bus.max_hole <= MAX_HOLE,
        f"max_hole {bus.max_hole} is not in 0..{MAX_HOLE}",
    )
    _require(bus, bus.devices, "has no device; add a [[modbus.device]]")


def _check_device(bus: ModbusBus, device: ModbusDevice) -> None:
    low, high = (1, 247) if bus.kind is LinkKind.RTU else (0, 255)
    _require(
        bus,
        low <= device.unit <= high,
        f"device {device.name!r}: unit {device.unit} is not in {low}..{high}",
    )
    _require(
        bus,
        MIN_PERIOD_MS <= device.period_ms <= MAX_PERIOD_MS,
        f"device {device.name!r}: period_ms {device.period_ms} is not in "
        f"{MIN_PERIOD_MS}..{MAX_PERIOD_MS}",
    )
    _require(bus, device.points, f"device {device.name!r} has no point; add one")
    for _, spec in device.specs():
        _require(
            bus,
            spec.address + spec.words <= 0x1_0000,
            f"device {device.name!r}: point {spec.name!r} reaches beyond register 65535",
        )


def _check_unique(bus: ModbusBus) -> None:
    names = Counter(device.name for device in bus.devices)
    channels = Counter(point.channel for device in bus.devices for point in device.points)
    for name, times in names.items():
        _require(bus, times == 1, f"device name {name!r} is used {times} times")
    for channel, times in channels.items():
        _require(
            bus,
            times == 1,
            f"channel {channel} is used {times} times; give each point its own",
        )
