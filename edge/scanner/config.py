"""What an operator says about one scanner; what cannot work is refused by name. Pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.errors import SourceConfigError

BAUDS: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
MIN_IDLE_MS: Final = 10
MAX_IDLE_MS: Final = 5_000
MAX_TEXT_CHARS: Final = 64


class ScannerKind(StrEnum):
    """How a scanner is attached."""

    SERIAL = "serial"
    TCP = "tcp"
    KEYBOARD = "keyboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerConfig:
    """One scanner.

    `device` is a serial port or `/dev/input/by-id/...-event-kbd`. A code ends with CR, LF, or
    after `idle_ms` without a character. `location` is signed with every scan; `channel` is 0
    unless the scanner has a row of the point table.
    """

    name: str
    kind: ScannerKind
    device: str = ""
    baud: int = 9600
    host: str = ""
    port: int = 0
    idle_ms: int = 200
    location: str = ""
    channel: int = 0

    def __post_init__(self) -> None:
        match self.kind:
            case ScannerKind.TCP:
                self._require(self.host, "kind tcp needs a host")
                self._require(0 < self.port < 65_536, f"port {self.port} is not in 1..65535")
            case ScannerKind.SERIAL:
                self._require(self.device, "kind serial needs a device such as /dev/ttyACM0")
                self._require(self.baud in BAUDS, f"baud {self.baud} is not one of {BAUDS}")
            case ScannerKind.KEYBOARD:
                self._require(
                    self.device,
                    "kind keyboard needs a device such as /dev/input/by-id/...-event-kbd",
                )
        self._require(
            MIN_IDLE_MS <= self.idle_ms <= MAX_IDLE_MS,
            f"idle_ms {self.idle_ms} is not in {MIN_IDLE_MS}..{MAX_IDLE_MS}",
        )
        self._require(len(self.location) <= MAX_TEXT_CHARS, "location is too long")
        self._require(self.channel >= 0, f"channel {self.channel} is negative")

    @property
    def where(self) -> str:
        """The scanner's place as a person would name it."""
        return self.device or f"{self.host}:{self.port}"

    def _require(self, holds: object, problem: str) -> None:
        if not holds:
            raise SourceConfigError(f"scanner {self.name!r}: {problem}")
