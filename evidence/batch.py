"""The body of a batch: what a gateway signs every minute (SPEC.md section 3).

Both ends use it. The fixed fields before and after the columns are matched as one pattern each,
so that a body is proven to be in its only spelling by its layout, never by encoding it again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from evidence import cbor, columns
from evidence.batch_header import BATCH_TYP, BatchHeaderCache, Enrolled, expected_header
from evidence.columns import Column, Columns
from evidence.errors import WireError
from evidence.event import Event, EventKind, decode_events, encode_events

__all__ = [
    "BATCH_TYP",
    "MAX_BATCH_BYTES",
    "NO_PREV",
    "SEAL_AT_BYTES",
    "BatchHeaderCache",
    "Body",
    "Column",
    "Columns",
    "Enrolled",
    "Event",
    "EventKind",
    "decode_body",
    "encode_body",
    "expand",
    "expected_header",
]

MAX_BATCH_BYTES: Final = 65536
"""The whole envelope."""
SEAL_AT_BYTES: Final = 57344
"""A gateway seals at this size, to stay below the cap whatever the last row brings."""
MAX_ENTRIES: Final = 23
"""Entries of the body, those for later versions included."""
FIRST_OPTIONAL_KEY: Final = 32
NO_PREV: Final = bytes(32)
_NO_EXTRA: Final[Mapping[int, object]] = MappingProxyType({})


@dataclass(slots=True, kw_only=True)
class Body:
    """One batch, unsigned; never changed once made.

    Not frozen, for the reason given in `Columns`. `prev` is the SHA-256 of the whole batch
    before, `t0` the wall clock (Unix ms) at `mono_ms` of CLOCK_BOOTTIME in boot `boot`, `sync`
    0 none, 1 NTP or 2 NTS, `err_ms` the clock's error bound. Totals are cumulative in the
    epoch, this batch included. `checkpoint` is (size, root) last verified by the gateway,
    `lowest_held` the oldest (epoch, seq) in its outbox, `config` the hash of the point table in
    force, `parent` the (epoch, seq) that `prev` belongs to, at seq 0 only. `extra` has the keys
    from 32 on, kept and ignored.
    """

    epoch: bytes
    seq: int
    prev: bytes
    t0: int
    mono_ms: int
    boot: int
    sync: int
    err_ms: int
    columns: Columns | None = None
    events: tuple[Event, ...] = ()
    readings_total: int
    dropped_total: int = 0
    checkpoint: tuple[int, bytes] | None = None
    lowest_held: tuple[bytes, int]
    config: bytes
    parent: tuple[bytes, int] | None = None
    extra: Mapping[int, object] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of readings in this batch, those without a value included."""
        return self.columns.count if self.columns is not None else 0


def encode_body(body: Body) -> bytes:
    """Return the payload of a batch.

    What is returned is accepted by `decode_body`: nothing may be signed that the other end
    would refuse.

    Raises:
        WireError: as `decode_body`.
    """
    parts = _head_parts(body)
    if body.columns is not None:
        parts[6] = columns.encode_columns(body.columns)
    if body.events:
        parts[7] = encode_events(body.events)
    parts[8] = cbor.encode([body.readings_total, body.dropped_total])
    if body.checkpoint is not None:
        parts[9] = cbor.encode(body.checkpoint)
    parts[10] = cbor.encode(body.lowest_held)
    parts[11] = cbor.byte_string(body.config)
    if body.parent is not None:
        parts[12] = cbor.encode(body.parent)
    parts.update((key, cbor.encode(body.extra[key])) for key in sorted(body.extra))
    payload = cbor.head(cbor.MAP, len(parts)) + b"".join(
        [piece for key, part in parts.items() for piece in (cbor.uint(key), part)]
    )
    decode_body(payload)
    return payload


def _head_parts(body: Body) -> dict[int, bytes]:
    return {
        1: cbor.byte_string(body.epoch),
        2: cbor.uint(body.seq),
        3: cbor.byte_string(body.prev),
        4: cbor.uint(body.t0),
        5: cbor.encode([body.mono_ms, body.boot, body.sync, body.err_ms]),
    }


# An unsigned integer below 2^53 in its shortest form.
_N = (
    rb"([\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00).{2}|\x1a(?!\x00\x00).{4}"
    rb"|\x1b\x00(?!\x00\x00\x00)[\x00-\x1f].{6})"
)
_HASH = rb"\x58\x20(.{32})"
_POSITION = rb"\x82\x48(.{8})" + _N
_FIELDS: Final[Mapping[int, tuple[str, bytes]]] = {
    1: ("epoch is not 8 bytes", rb"\x48(.{8})"),
    2: ("seq is not a number below 2^53", _N),
    3: ("prev is not 32 bytes", _HASH),
    4: ("t0 is not a number below 2^53", _N),
    5: ("clock is not [mono_ms, boot, sync, err_ms]", rb"\x84" + _N + _N + rb"([\0-\2])" + _N),
    8: ("totals are not [readings, dropped]", rb"\x82" + _N + _N),
    9: ("checkpoint is not [size, root]", rb"\x82" + _N + _HASH),
    10: ("lowest_held is not [epoch, seq]", _POSITION),
    11: ("config is not 32 bytes", _HASH),
    12: ("parent is not [epoch, seq]", _POSITION),
}
_OPTIONAL = frozenset({6, 7, 9, 12})
_REQUIRED = len(_FIELDS.keys() - _OPTIONAL)
_MAP_0 = cbor.MAP << 5


def _pattern(keys: Iterable[int]) -> bytes:
    fields = ((key, bytes((key,)) + _FIELDS[key][1]) for key in keys)
    return b"".join(b"(?:" + f + b")?" if key in _OPTIONAL else f for key, f in fields)


_HEAD = re.compile(rb"([\xa8-\xb7])" + _pattern(range(1, 6)), re.DOTALL)
_TAIL = re.compile(_pattern(range(8, 13)), re.DOTALL)


def decode_body(payload: bytes) -> Body:
    """Return what `payload` says; its columns refer to it.

    Raises:
        WireError: "cbor", "canonical", "unsupported" (a critical key of a later version) or
            "field", naming the field.
    """
    head = _HEAD.match(payload)
    if head is None:
        raise _explain(payload)
    cols, events, at = _read_middle(payload, head.end())
    tail = _TAIL.match(payload, at)
    if tail is None:
        raise _explain(payload)
    entries, epoch, seq, prev, t0, mono, boot, sync, err = head.groups()
    readings, dropped, size, root, low_epoch, low_seq, config, p_epoch, p_seq = tail.groups()
    present = (cols is not None) + bool(events) + (size is not None) + (p_epoch is not None)
    left = entries[0] - _MAP_0 - _REQUIRED - present
    plain = left == 0 and tail.end() == len(payload)
    body = Body(
        epoch=epoch,
        seq=_number(seq),
        prev=prev,
        t0=_number(t0),
        mono_ms=_number(mono),
        boot=_number(boot),
        sync=sync[0],
        err_ms=_number(err),
        columns=cols,
        events=events,
        readings_total=_number(readings),
        dropped_total=_number(dropped),
        checkpoint=None if size is None else (_number(size), root),
        lowest_held=(low_epoch, _number(low_seq)),
        config=config,
        parent=None if p_epoch is None else (p_epoch, _number(p_seq)),
        extra=_NO_EXTRA if plain else _read_extra(payload, tail.end(), left),
    )
    _check_links(body)
    return body


def _read_middle(payload: bytes, at: int) -> tuple[Columns | None, tuple[Event, ...], int]:
    cols: Columns | None = None
    events: tuple[Event, ...] = ()
    if payload[at : at + 1] == b"\x06":
        cols, at = columns.read_columns(payload, at + 1)
    if payload[at : at + 1] == b"\x07":
        item, at = cbor.decode_at(payload, at + 1, max_depth=cbor.MAX_DEPTH - 1)
        events = decode_events(item)
    return cols, events, at


def _number(spelled: bytes) -> int:
    return spelled[0] if len(spelled) == 1 else int.from_bytes(spelled[1:], "big")


def _read_extra(payload: bytes, at: int, entries: int) -> Mapping[int, object]:
    """Return the keys from 32 on, which end the payload."""
    extra: dict[int, object] = {}
    before = FIRST_OPTIONAL_KEY - 1
    for _ in range(entries):
        key, at = cbor.decode_at(payload, at)
        if not isinstance(key, int) or isinstance(key, bool) or key < FIRST_OPTIONAL_KEY:
            raise WireError("unsupported", f"body key {key!r} is not known to this version")
        if key <= before:
            raise WireError("canonical", f"body key {key} is a duplicate or out of order")
        extra[key], at = cbor.decode_at(payload, at, max_depth=cbor.MAX_DEPTH - 1)
        before = key
    if entries < 0 or at != len(payload):
        raise WireError("cbor", "body has more or fewer entries than it says")
    return extra


def _check_links(body: Body) -> None:
    if body.seq:
        if body.parent is not None:
            raise WireError("field", "parent is given after seq 0")
    elif (body.parent is None) != (body.prev == NO_PREV):
        raise WireError("field", "prev at seq 0 and parent do not go together")
    if body.parent is not None and body.parent[0] == body.epoch:
        raise WireError("field", "epoch is its own parent")
    epoch, seq = body.lowest_held
    if epoch == body.epoch and seq > body.seq:
        raise WireError("field", "lowest_held is after this batch")


def _explain(payload: bytes) -> WireError:
    """Return why the layout did not match; `payload` is refused whatever is found here."""
    try:
        body = cbor.decode(payload)
    except WireError as error:
        return error
    if not isinstance(body, dict):
        return WireError("field", "body is not a map")
    for key in body:
        if not isinstance(key, int) or not (
            1 <= key <= max(_FIELDS) or key >= FIRST_OPTIONAL_KEY
        ):
            return WireError("unsupported", f"body key {key!r} is not known to this version")
    for key, (message, pattern) in _FIELDS.items():
        if key not in body and key not in _OPTIONAL:
            return WireError("field", f"body key {key} is missing")
        if key in body and not re.fullmatch(pattern, cbor.encode(body[key]), re.DOTALL):
            return WireError("field", message)
    return WireError("field", f"body has over {MAX_ENTRIES} entries")


def expand(body: Body) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (channel, exp, t_ms, v, quality) of every reading; see `columns.walk`."""
    if body.columns is not None:
        yield from columns.walk(body.columns, body.t0)
