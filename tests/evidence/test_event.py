"""Events: known kinds are checked, unknown kinds are kept."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.errors import WireError
from evidence.event import Event, EventKind, decode_events, encode_events
from evidence.point_table import encode_table
from tests.support.batches import channel_table

GOOD: dict[EventKind, dict[int, Any]] = {
    EventKind.SCAN: {1: b"]d2010690\x1d1234", 3: "operator-7"},
    EventKind.DIGITAL_INPUT: {1: 1, 2: "door"},
    EventKind.LOCAL_ALARM: {
        1: "raised",
        2: "CN_COLD_2_8@1",
        3: "GSP-A3-11",
        4: "high",
        5: "alarm",
        6: 812,
        7: -2,
        8: 800,
    },
    EventKind.POINT_TABLE: {1: encode_table(channel_table(3))},
    EventKind.STATE: {1: "0.1.0", 2: bytes(32), 3: 7, 4: 1024, 5: "software", 6: {"full": 2}},
    EventKind.DECLARED_GAP: {1: 10, 2: 12, 3: "rot"},
    EventKind.CLOCK_STEP: {1: -600_000, 2: 1_700_000_000_000},
}


def round_trip(*events: Event) -> tuple[Event, ...]:
    return decode_events(cbor.decode(encode_events(events)))


@pytest.mark.parametrize("kind", EventKind)
def test_every_known_kind_survives_the_wire(kind: EventKind) -> None:
    event = Event(t_off=-5, kind=kind, channel=3, body=GOOD[kind])
    assert round_trip(event) == (event,)


@pytest.mark.parametrize("kind", EventKind)
def test_a_later_field_of_a_known_kind_is_kept(kind: EventKind) -> None:
    event = Event(t_off=0, kind=kind, body=GOOD[kind] | {99: "later"})
    assert round_trip(event) == (event,)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(k, key) for k in EventKind for key in GOOD[k] if (k, key) != (EventKind.SCAN, 3)],
)
def test_a_missing_or_mistyped_field_of_a_known_kind_is_refused(
    kind: EventKind, key: int
) -> None:
    for body in (
        {k: v for k, v in GOOD[kind].items() if k != key},
        GOOD[kind] | {key: True},
        GOOD[kind] | {key: None},
    ):
        with pytest.raises(WireError) as refused:
            round_trip(Event(t_off=0, kind=kind, body=body))
        assert refused.value.code == "field"


@given(
    st.integers(8, 1 << 40),
    st.dictionaries(st.integers(0, 99), st.integers() | st.binary(max_size=9), max_size=4),
)
def test_an_unknown_kind_is_kept_as_it_is(kind: int, body: dict[int, Any]) -> None:
    body = {k: v % (1 << 60) if isinstance(v, int) else v for k, v in body.items()}
    event = Event(t_off=1, kind=kind, body=body)
    assert round_trip(event) == (event,)


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        {},
        [[]],
        [[0, 9, 0]],
        [[0, 9, 0, {}, 0]],
        [[0, 0, 0, {}]],
        [[0, 9, -1, {}]],
        [[0, 9, 1 << 32, {}]],
        [[1 << 31, 9, 0, {}]],
        [[True, 9, 0, {}]],
        [[0, 9, 0, {"a": 1}]],
        [[0, 9, 0, [1]]],
        [[0, EventKind.POINT_TABLE, 0, {1: [[1]]}]],
    ],
)
def test_what_is_no_array_of_events_is_refused(item: object) -> None:
    with pytest.raises(WireError) as refused:
        decode_events(item)
    assert refused.value.code == "field"
