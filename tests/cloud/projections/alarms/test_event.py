"""Alarm documents: what is written is read again, and junk is refused with one error."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.alarms.event import (
    AlarmEvent,
    AlarmKind,
    alarm_id,
    decode_document,
    encode_event,
    event_of,
)
from domain.alarms.state import TransitionKind
from domain.rules.model import Severity
from evidence import cbor
from evidence.errors import WireError

texts = st.text(max_size=20)
times = st.integers(-(2**53), 2**53)
events = st.builds(
    AlarmEvent,
    alarm=texts,
    event=st.sampled_from(TransitionKind),
    kind=st.sampled_from(AlarmKind),
    severity=st.sampled_from(Severity),
    at_ms=times,
    told_ms=times,
    since_ms=times,
    site=texts,
    point=texts,
    value=texts,
    clause=texts,
    late=st.booleans(),
    record=st.integers(-1, 2**40),
    who=texts,
)


@given(event=events, name=texts)
def test_what_is_written_is_read_again(event: AlarmEvent, name: str) -> None:
    document = decode_document(encode_event(event, {"name_zh": name}))
    assert event_of(document) == event
    assert document["name_zh"] == name


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with suppress(WireError):
        event_of(decode_document(data))


@pytest.mark.parametrize(
    "change",
    [
        {"event": "invented"},
        {"kind": 7},
        {"at_ms": "soon"},
        {"late": 1},
        {"record": True},
        {"who": b"bytes"},
        {"alarm": None},
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(change: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "alarm": "a",
        "event": "raised",
        "kind": "limit",
        "severity": "alarm",
        "at_ms": 1,
        "told_ms": 2,
        "since_ms": 1,
    }
    assert event_of(good).alarm == "a"
    with pytest.raises(WireError):
        event_of({**good, **change})
    with pytest.raises(WireError):
        event_of({name: value for name, value in good.items() if name not in change} | change)


def test_keys_that_are_no_text_are_refused() -> None:
    with pytest.raises(WireError):
        decode_document(cbor.encode({1: "a"}))


def test_an_alarm_has_one_name_and_another_alarm_another() -> None:
    name = alarm_id(AlarmKind.GAP, "p1", 5)
    assert name == alarm_id(AlarmKind.GAP, "p1", 5)
    others = {
        alarm_id(AlarmKind.GAP, "p1", 6),
        alarm_id(AlarmKind.GAP, "p2", 5),
        alarm_id(AlarmKind.LOSS, "p1", 5),
        alarm_id(AlarmKind.GAP, "p1", 5, ""),
    }
    assert len(others) == 4
    assert name not in others
