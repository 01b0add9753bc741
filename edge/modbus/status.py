"""What a bus has done so far, for the status page and for `doctor`."""

from dataclasses import dataclass

from edge.modbus.config import ModbusBus


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStatus:
    """How one device is doing; `fault` is empty while its latest poll was answered."""

    name: str
    unit: int
    last_answer_ms: int | None
    """CLOCK_BOOTTIME; None when it has not answered since the start."""
    fault: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusStatus:
    """Counts since the start. `polls` = `answers` + `timeouts` + `exceptions` + under way."""

    name: str
    where: str
    is_up: bool
    fault: str
    """Why the line is not up; empty when it is."""
    polls: int
    answers: int
    timeouts: int
    """Polls that were not answered in time, or whose line was lost."""
    exceptions: int
    """Polls answered with an exception or with something that is no answer."""
    missed: int
    """Slots for which no request was sent, each of them a gap in the record."""
    reconnects: int
    strays: int
    """Messages and noise dropped because they answered nothing that was waiting."""
    devices: tuple[DeviceStatus, ...]


@dataclass(slots=True, eq=False)
class _DeviceTally:
    last_answer_ms: int | None = None
    fault: str = "not asked yet"
    in_vain: int = 0


class Tally:
    """Counts what happens on one bus; devices by their place in the configuration."""

    def __init__(self, bus: ModbusBus) -> None:
        self.polls = 0
        self.answers = 0
        self.timeouts = 0
        self.exceptions = 0
        self.missed = 0
        self.reconnects = 0
        self.strays = 0
        self.line_fault = "not opened yet"
        self._bus = bus
        self._devices = tuple(_DeviceTally() for _ in bus.devices)

    def answered(self, device: int, at_ms: int) -> None:
        """Count an answer with data."""
        self.answers += 1
        of = self._devices[device]
        of.last_answer_ms = at_ms
        if of.fault:
            of.fault, of.in_vain = "", 0

    def refused(self, device: int, reason: str) -> None:
        """Count an answer without data."""
        self.exceptions += 1
        self._devices[device].fault = reason

    def timed_out(self, device: int) -> None:
        """Count a poll that nothing answered."""
        self.timeouts += 1
        of = self._devices[device]
        of.in_vain += 1
        unit = self._bus.devices[device].unit
        of.fault = (
            f"unit {unit} did not answer {of.in_vain} polls within {self._bus.timeout_ms} ms; "
            "check its power, wiring, unit number and line settings"
        )

    def cut_off(self, device: int, reason: str) -> None:
        """Count a poll whose line was lost."""
        self.timeouts += 1
        self._devices[device].fault = reason

    def snapshot(self, strays: int) -> ModbusStatus:
        """Return the state of now; `strays` are those of the open line."""
        return ModbusStatus(
            name=self._bus.name,
            where=self._bus.where,
            is_up=not self.line_fault,
            fault=self.line_fault,
            polls=self.polls,
            answers=self.answers,
            timeouts=self.timeouts,
            exceptions=self.exceptions,
            missed=self.missed,
            reconnects=self.reconnects,
            strays=self.strays + strays,
            devices=tuple(
                DeviceStatus(
                    name=device.name,
                    unit=device.unit,
                    last_answer_ms=of.last_answer_ms,
                    fault=of.fault,
                )
                for device, of in zip(self._bus.devices, self._devices, strict=True)
            ),
        )
