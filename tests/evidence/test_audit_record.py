"""Audit entries of the log are read to the letter, or refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.audit_record import FIRST_PREV_HASH, audit_hash, decode_audit_record
from evidence.errors import WireError
from tests.support.audit_trail import audit_entry, audit_trail


def test_each_entry_names_the_hash_of_the_one_before() -> None:
    entries = audit_trail(3)
    read = [decode_audit_record(data) for data in entries]
    assert [entry.seq for entry in read] == [1, 2, 3]
    assert [entry.prev_hash for entry in read] == [
        FIRST_PREV_HASH,
        audit_hash(entries[0]),
        audit_hash(entries[1]),
    ]
    assert (read[0].actor, read[0].old, read[0].new) == ("li", None, '{"name_en":"fridge"}')


@pytest.mark.parametrize(
    "wrong",
    [
        {"_1": 0},
        {"_1": True},
        {"_2": -1},
        {"_9": "drop"},
        {"_10": 7},
        {"_13": bytes(31)},
        {"_14": ""},
    ],
    ids=str,
)
def test_a_wrong_entry_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(WireError) as refused:
        decode_audit_record(audit_entry(1, FIRST_PREV_HASH, **wrong))
    assert refused.value.code == "field"


@given(
    st.binary(max_size=200)
    | st.lists(st.none() | st.text(max_size=4) | st.integers(0, 9), max_size=14).map(
        lambda values: cbor.encode(dict(enumerate(values, start=1)))
    )
)
def test_any_bytes_are_an_entry_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        decode_audit_record(data)
