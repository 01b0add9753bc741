"""The body: any body survives, any bytes are a body or one error, and each field is checked."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, cose
from evidence.batch import NO_PREV, Body, Event, decode_body, encode_body, expand
from evidence.errors import WireError
from tests.evidence.test_columns import columns
from tests.evidence.test_event import GOOD
from tests.support.batches import (
    EPOCH,
    channel_table,
    make_batch,
    make_body,
    one_frame,
    real_columns,
    table_event,
)

numbers = st.sampled_from(
    [0, 23, 24, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 53) - 1]
)
hashes = st.binary(min_size=32, max_size=32)
epochs = st.binary(min_size=8, max_size=8)
positions = st.tuples(epochs, numbers)
events = st.sampled_from(list(GOOD)).map(lambda k: Event(t_off=3, kind=k, body=GOOD[k]))


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    seq = draw(numbers)
    parent = draw(st.none() | positions) if seq == 0 else None
    prev = draw(hashes.filter(lambda h: h != NO_PREV))
    return Body(
        epoch=EPOCH,
        seq=seq,
        prev=NO_PREV if seq == 0 and parent is None else prev,
        t0=draw(numbers),
        mono_ms=draw(numbers),
        boot=draw(numbers),
        sync=draw(st.integers(0, 2)),
        err_ms=draw(numbers),
        columns=draw(st.none() | columns()),
        events=tuple(draw(st.lists(events, max_size=2))),
        readings_total=draw(numbers),
        dropped_total=draw(numbers),
        checkpoint=draw(st.none() | st.tuples(numbers, hashes)),
        lowest_held=draw(positions),
        config=draw(hashes),
        parent=parent,
        extra=draw(st.dictionaries(st.integers(32, 99), st.binary(max_size=3), max_size=3)),
    )


@given(bodies())
def test_any_body_survives_the_wire(body: Body) -> None:
    payload = encode_body(body)
    assert decode_body(payload) == body
    assert encode_body(decode_body(payload)) == payload


@given(bodies(), st.data())
def test_changed_bytes_are_refused_or_spell_another_body(
    body: Body, data: st.DataObject
) -> None:
    payload = bytearray(encode_body(body))
    for _ in range(data.draw(st.integers(1, 2))):
        payload[data.draw(st.integers(0, len(payload) - 1))] = data.draw(st.integers(0, 255))
    try:
        other = decode_body(bytes(payload))
    except WireError:
        return
    assert encode_body(other) == payload


@given(st.binary(max_size=300))
def test_any_bytes_are_a_body_or_raise_one_error(data: bytes) -> None:
    payload = encode_body(make_body(readings=20))
    for start in (0, 1, 10, 80, len(payload) // 2):
        with pytest.raises(WireError):
            decode_body(payload[:start] + data)


def test_a_body_cut_anywhere_or_followed_by_anything_is_refused() -> None:
    payload = encode_body(make_body(readings=20, events=(table_event(channel_table()),)))
    for length in range(len(payload)):
        with pytest.raises(WireError):
            decode_body(payload[:length])
    with pytest.raises(WireError):
        decode_body(payload + b"\x00")


@given(bodies())
def test_what_is_accepted_is_also_accepted_by_the_general_decoder(body: Body) -> None:
    fields: Any = cbor.decode(encode_body(body))
    assert fields[2] == body.seq
    assert fields[8] == [body.readings_total, body.dropped_total]
    assert fields.get(12) == (None if body.parent is None else list(body.parent))


FIELDS: dict[int, Any] = cbor.decode(encode_body(make_body(seq=5, readings=16)))  # type: ignore[assignment]
WRONG: dict[str, tuple[dict[int, Any], str]] = {
    "epoch of 7 bytes": ({1: bytes(7)}, "field"),
    "epoch as text": ({1: "epoch--1"}, "field"),
    "seq negative": ({2: -1}, "field"),
    "seq of 2^53": ({2: 1 << 53}, "field"),
    "seq true": ({2: True}, "field"),
    "prev of 31 bytes": ({3: bytes(31)}, "field"),
    "t0 negative": ({4: -1}, "field"),
    "clock of three": ({5: [1, 2, 1]}, "field"),
    "clock of five": ({5: [1, 2, 1, 3, 4]}, "field"),
    "sync of 3": ({5: [1, 2, 3, 4]}, "field"),
    "columns empty": ({6: []}, "field"),
    "columns null": ({6: None}, "field"),
    "events empty": ({7: []}, "field"),
    "events null": ({7: None}, "field"),
    "totals of three": ({8: [1, 2, 3]}, "field"),
    "totals negative": ({8: [1, -1]}, "field"),
    "checkpoint with a short root": ({9: [4, bytes(31)]}, "field"),
    "checkpoint null": ({9: None}, "field"),
    "lowest_held without epoch": ({10: [0]}, "field"),
    "lowest_held after the batch": ({10: [EPOCH, 6]}, "field"),
    "config of 33 bytes": ({11: bytes(33)}, "field"),
    "parent after seq 0": ({12: [bytes(8), 0]}, "field"),
    "parent is itself": ({2: 0, 12: [EPOCH, 0]}, "field"),
    "prev at seq 0 without parent": ({2: 0}, "field"),
    "parent without prev": ({2: 0, 3: NO_PREV, 12: [bytes(8), 0]}, "field"),
    "key 0": ({0: 0}, "unsupported"),
    "key 13": ({13: 0}, "unsupported"),
    "key 23": ({23: 0}, "unsupported"),
    "key 24": ({24: 0}, "unsupported"),
    "key 31": ({31: 0}, "unsupported"),
    "negative key": ({-1: 0}, "unsupported"),
    "text key": ({"a": 0}, "unsupported"),
    "float in an optional field": ({32: cbor.Tag(18, 0), 33: 0}, "ok"),
}


@pytest.mark.parametrize(("change", "code"), WRONG.values(), ids=WRONG.keys())
def test_each_field_is_checked_by_name(change: dict[int, Any], code: str) -> None:
    payload = cbor.encode(FIELDS | change)
    if code == "ok":
        assert decode_body(payload).extra == change
        return
    with pytest.raises(WireError) as refused:
        decode_body(payload)
    assert refused.value.code == code


@pytest.mark.parametrize("key", [1, 2, 3, 4, 5, 8, 10, 11])
def test_a_missing_field_is_named(key: int) -> None:
    fields = {k: v for k, v in FIELDS.items() if k != key}
    with pytest.raises(WireError, match=f"key {key} is missing") as refused:
        decode_body(cbor.encode(fields))
    assert refused.value.code == "field"


@pytest.mark.parametrize("item", [None, 1, [1, 2], "a", cbor.Tag(18, {})])
def test_what_is_no_map_is_refused(item: object) -> None:
    with pytest.raises(WireError):
        decode_body(cbor.encode(item))


def test_more_than_23_entries_are_refused() -> None:
    extra = dict.fromkeys(range(32, 60), 0)
    with pytest.raises(WireError):
        decode_body(cbor.encode(FIELDS | extra))


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (b"\x02\x05", b"\x02\x18\x05"),
        (b"\x02\x05", b"\x02\x19\x00\x05"),
        (b"\x01\x48", b"\x01\x58\x08"),
        (b"\x03\x58\x20", b"\x03\x59\x00\x20"),
        (b"\x01\x48", b"\x18\x01\x48"),
    ],
)
def test_a_second_spelling_is_refused_as_such(good: bytes, bad: bytes) -> None:
    payload = encode_body(make_body(seq=5))
    assert payload.count(good) == 1
    with pytest.raises(WireError) as refused:
        decode_body(payload.replace(good, bad))
    assert refused.value.code == "canonical"


def test_entries_out_of_order_or_twice_are_refused_as_such() -> None:
    payload = encode_body(make_body(seq=5, extra={32: 0, 33: 0}))
    for tail in (b"\x18\x21\x00\x18\x20\x00", b"\x18\x20\x00\x18\x20\x00"):
        with pytest.raises(WireError) as refused:
            decode_body(payload[:-6] + tail)
        assert refused.value.code == "canonical"


def test_a_wrong_number_of_entries_is_refused() -> None:
    payload = encode_body(make_body(seq=5))
    for count in range(0xA0, 0xC0):
        if count != payload[0]:
            with pytest.raises(WireError):
                decode_body(bytes((count,)) + payload[1:])


def test_nothing_that_would_be_refused_can_be_signed() -> None:
    for body in (
        make_body(seq=5, parent=(bytes(8), 0)),
        make_body(epoch=bytes(7)),
        make_body(sync=3),
        make_body(extra={13: 0}),
        make_body(columns=replace(real_columns(16), dt=real_columns(16).dv)),
    ):
        with pytest.raises(WireError):
            encode_body(body)


def test_readings_expand_with_the_time_of_the_batch() -> None:
    body = make_body(columns=one_frame([[520], [521]]))
    assert list(expand(body)) == [(1, -2, body.t0, 520, 0), (1, -2, body.t0 + 10_000, 521, 0)]
    assert body.count == 2
    assert list(expand(make_body())) == []
    assert make_body().count == 0


@pytest.mark.parametrize(("readings", "most"), [(60, 9.5), (300, 3.6)])
def test_a_signed_reading_stays_small_with_everything_in_the_batch(
    readings: int, most: float
) -> None:
    batch = make_batch(
        readings=readings,
        seq=500_000,
        boot=300,
        mono_ms=2_000_000_000,
        err_ms=200,
        readings_total=150_000_000,
        dropped_total=1_000,
        checkpoint=(3_000_000_000, bytes(range(32))),
        lowest_held=(b"epoch--0", 400_000),
    )
    assert len(batch.data) / readings <= most


def test_a_batch_of_the_largest_size_is_read() -> None:
    rows = [[n % 3, n % 5] for n in range(20_000)]
    batch = make_batch(columns=one_frame(rows, period_ms=2))
    assert len(batch.data) > 57_344
    envelope = cose.parse1(batch.data)
    assert decode_body(envelope.payload).count == 40_000
