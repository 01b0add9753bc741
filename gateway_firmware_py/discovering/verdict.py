"""What the bytes on a serial line say is wrong with it.

Pure. Used by `gateway_firmware_py.discovering.diagnosing`. A line shows little: nothing at all,
bytes that make no message, messages whose check fails, bytes although nobody asked. Each has
its usual causes, and together they tell them apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from edge.modbus.frames import Request, answer_bytes
from edge.modbus.rtu_codec import crc16
from gateway_firmware_py.discovering.line_settings import LineSettings

CRC_BYTES: Final = 2
REFUSAL_BYTES: Final = 3
NOISE_BYTES: Final = 2
"""So many bytes around an answer are a transceiver that switches."""
RESTING: Final = frozenset({0x00, 0xFF})


class Sign(StrEnum):
    """What came for one question."""

    SILENT = "silent"
    CLEAN = "clean"
    DOUBLED = "doubled"
    """Two whole answers."""
    BROKEN = "broken"
    """An answer to the question, but damaged or mixed with something else."""
    RESTING = "resting"
    """Nothing but zeros and ones: the level of a line at rest."""
    GARBAGE = "garbage"


class Cause(StrEnum):
    """What is wrong with a device's line."""

    FINE = "fine"
    TWO_DEVICES = "two_devices"
    WRONG_SETTINGS = "wrong_settings"
    WRONG_UNIT = "wrong_unit"
    SWAPPED = "swapped"
    NOISE = "noise"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """All that was tried: answers to the device, idle bytes, who answered otherwise."""

    signs: Sequence[Sign]
    idle: bytes = b""
    settings: LineSettings | None = None
    """In which other settings the device answered cleanly."""
    units: Sequence[int] = ()
    """Which other units answered in the configured settings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The cause, and what a person is told of it."""

    cause: Cause
    what: str
    remedy: str = ""


def sign_of(request: Request, raw: bytes) -> Sign:
    """Return what `raw`, heard after `request`, shows."""
    sent = bytes((request.unit,)) + request.pdu
    echo = sent + crc16(sent)
    left = raw.removeprefix(echo)
    if not left:
        return Sign.SILENT
    if RESTING.issuperset(left):
        return Sign.RESTING
    frames, other = _frames(request, left)
    if frames >= 2:
        return Sign.DOUBLED
    if frames == 1:
        return Sign.CLEAN if other <= NOISE_BYTES else Sign.BROKEN
    return Sign.BROKEN if _begins_like(request, left) else Sign.GARBAGE


def diagnose(unit: int, configured: LineSettings, seen: Seen) -> Diagnosis:
    """Return what is wrong with the device `unit` on a line with these settings."""
    cause = _cause(seen)
    what, remedy = _told(cause, unit, configured, seen)
    return Diagnosis(cause=cause, what=what, remedy=remedy)


def _told(  # noqa: PLR0911 -- one text for each cause
    cause: Cause, unit: int, configured: LineSettings, seen: Seen
) -> tuple[str, str]:
    match cause:
        case Cause.FINE:
            return f"unit {unit} answers", ""
        case Cause.TWO_DEVICES:
            return (
                f"more than one device answers as unit {unit}: their answers collide",
                "unplug one of them, give the other another unit number, plug it in again",
            )
        case Cause.WRONG_SETTINGS:
            return (
                f"unit {unit} answers at {seen.settings}, not at {configured}",
                "set baud, parity and stop_bits of the bus to what the device has",
            )
        case Cause.WRONG_UNIT:
            units = ", ".join(map(str, seen.units))
            return (
                f"unit {unit} is silent, but there is an answer from unit {units}",
                "correct the unit number, or look why this device is silent",
            )
        case Cause.SWAPPED:
            return (
                "the line is not at rest when nobody speaks, and nobody answers",
                "A and B are swapped: exchange the two wires of the bus at the gateway",
            )
        case Cause.NOISE:
            return (
                f"unit {unit} answers, but nothing that can be read, in no settings",
                "check termination (120 ohm at both ends), shield, length, and the ground",
            )
        case Cause.NOTHING:
            return (
                "no device answers, in whatever settings, under whatever unit number",
                "check power and wiring; if both are right, A and B are swapped",
            )


def is_doubled(signs: Sequence[Sign]) -> bool:
    """Return whether answers came from more than one device."""
    broken, clean = signs.count(Sign.BROKEN), signs.count(Sign.CLEAN)
    return Sign.DOUBLED in signs or broken >= 2 or (broken >= 1 and clean >= 1)


def _cause(seen: Seen) -> Cause:  # noqa: PLR0911 -- one line for each cause, in their order
    signs = seen.signs
    if is_doubled(signs):
        return Cause.TWO_DEVICES
    if Sign.CLEAN in signs:
        return Cause.FINE
    if seen.settings is not None:
        return Cause.WRONG_SETTINGS
    if seen.units:
        return Cause.WRONG_UNIT
    if seen.idle or Sign.RESTING in signs:
        return Cause.SWAPPED
    if Sign.GARBAGE in signs or Sign.BROKEN in signs:
        return Cause.NOISE
    return Cause.NOTHING


def _frames(request: Request, raw: bytes) -> tuple[int, int]:
    """Return how many whole answers `raw` holds, and how many bytes are none of theirs."""
    found = at = other = 0
    while at < len(raw):
        length = _length_at(request, raw[at:])
        end = at + length + CRC_BYTES
        if (
            length
            and end <= len(raw)
            and crc16(raw[at : end - CRC_BYTES]) == raw[end - 2 : end]
        ):
            found, at = found + 1, end
        else:
            other, at = other + 1, at + 1
    return found, other


def _length_at(request: Request, window: bytes) -> int:
    if window.startswith(request.refusal_head):
        return REFUSAL_BYTES
    if window.startswith(request.answer_head):
        return answer_bytes(request, window) or 0
    return 0


def _begins_like(request: Request, raw: bytes) -> bool:
    """Return whether `raw` begins with the unit's number, as every answer does.

    Of two devices that begin at once not much more is left.
    """
    return request.unit in raw[: NOISE_BYTES + 1]
