"""What happens besides readings: scans, inputs, alarms, tables, state (SPEC.md section 5).

An event is `[t_off, kind, channel, body]`. A kind that is not known is kept and counted, never
refused; the body of a known kind has the fields of its table below and may have more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from evidence import cbor
from evidence.errors import WireError
from evidence.point_table import MAX_CHANNEL, check_table

MAX_T_OFF_MS = (1 << 31) - 1


class EventKind(IntEnum):
    """The numbers are on the wire and never change."""

    SCAN = 1
    DIGITAL_INPUT = 2
    LOCAL_ALARM = 3
    POINT_TABLE = 4
    STATE = 5
    DECLARED_GAP = 6
    CLOCK_STEP = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event; `channel` is 0 when it belongs to no channel.

    `t_off` is ms from the batch's t0 on the monotonic clock; `kind` is an `EventKind` or a
    number from a later version.
    """

    t_off: int
    kind: int
    channel: int = 0
    body: Mapping[int, object]


@dataclass(frozen=True, slots=True)
class _Field:
    kind: type
    required: bool = True


_ENTRY = (int, int, int, dict)
_INT, _TEXT, _BYTES = _Field(int), _Field(str), _Field(bytes)
_MAYBE_TEXT = _Field(str, required=False)
_FIELDS: Mapping[int, Mapping[int, _Field]] = {
    EventKind.SCAN: {1: _BYTES, 2: _MAYBE_TEXT, 3: _MAYBE_TEXT, 4: _MAYBE_TEXT, 5: _MAYBE_TEXT},
    EventKind.DIGITAL_INPUT: {1: _INT, 2: _TEXT},
    EventKind.LOCAL_ALARM: {
        1: _TEXT,
        2: _TEXT,
        3: _TEXT,
        4: _TEXT,
        5: _TEXT,
        6: _INT,
        7: _INT,
        8: _INT,
    },
    EventKind.POINT_TABLE: {1: _Field(list)},
    EventKind.STATE: {
        1: _TEXT,
        2: _BYTES,
        3: _INT,
        4: _INT,
        5: _TEXT,
        6: _Field(dict),
        7: _Field(int, required=False),
        8: _Field(bytes, required=False),
        9: _MAYBE_TEXT,
    },
    EventKind.DECLARED_GAP: {1: _INT, 2: _INT, 3: _TEXT},
    EventKind.CLOCK_STEP: {1: _INT, 2: _INT},
}


def encode_events(events: Sequence[Event]) -> bytes:
    """Return the encoded array of events."""
    return cbor.encode([[e.t_off, e.kind, e.channel, e.body] for e in events])


def decode_events(item: object) -> tuple[Event, ...]:
    """Return the events of a decoded array, which is not empty.

    Raises:
        WireError: "field", naming the event.
    """
    if not isinstance(item, list) or not item:
        raise WireError("field", "events are not an array, or an empty one")
    return tuple(_event(index, entry) for index, entry in enumerate(item))


def _event(index: int, entry: object) -> Event:
    if not isinstance(entry, list) or tuple(map(type, entry)) != _ENTRY:
        raise WireError("field", f"event {index} is not [t_off, kind, channel, map]")
    t_off, kind, channel, body = entry
    if abs(t_off) > MAX_T_OFF_MS or kind < 1 or not 0 <= channel <= MAX_CHANNEL:
        raise WireError("field", f"event {index}: time, kind or channel is out of range")
    if not all(type(key) is int for key in body):
        raise WireError("field", f"event {index} has a field whose name is not a number")
    _check_body(index, kind, body)
    return Event(t_off=t_off, kind=kind, channel=channel, body=body)


def _check_body(index: int, kind: int, body: Mapping[int, object]) -> None:
    for key, field in _FIELDS.get(kind, {}).items():
        if key not in body:
            if field.required:
                raise WireError("field", f"event {index} of kind {kind} lacks field {key}")
        elif type(body[key]) is not field.kind:
            raise WireError("field", f"event {index} of kind {kind}: field {key} is mistyped")
    if kind == EventKind.POINT_TABLE:
        check_table(body[1])
