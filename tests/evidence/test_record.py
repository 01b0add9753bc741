"""Archive records and the log leaves made from them."""

import contextlib
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.errors import WireError
from evidence.leaf import batch_leaf, genesis_leaf, salted_leaf
from evidence.record import (
    VIAS,
    Record,
    RecordKind,
    batch_record,
    decode_record,
    encode_record,
    genesis_record,
    leaf_of,
    run_of,
)

UINT = st.integers(0, 2**64 - 1)
EIGHT = st.binary(min_size=8, max_size=8)
RUNS = st.tuples(EIGHT, EIGHT, UINT, UINT).map(lambda r: (*r[:2], max(r[2:]), min(r[2:])))
BATCHES = st.builds(batch_record, UINT, UINT, st.sampled_from(sorted(VIAS)), st.binary(), RUNS)
OTHERS = st.builds(
    Record,
    UINT,
    st.integers(2, 100),
    UINT,
    st.sampled_from(sorted(VIAS)),
    st.binary(max_size=300),
    st.tuples(st.binary(min_size=16, max_size=16)),
)


@given(BATCHES | OTHERS | st.builds(genesis_record, st.text(), UINT))
def test_a_record_comes_back_and_has_one_spelling(record: Record) -> None:
    data = encode_record(record)
    assert decode_record(data) == record
    fields = [record.index, record.kind, record.recv_ms, record.via, record.data]
    assert data == cbor.encode([*fields, list(record.extra)])


@given(st.binary(max_size=200))
def test_any_bytes_are_a_record_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert encode_record(decode_record(data)) == data


@pytest.mark.parametrize(
    "fields",
    [
        [1, 1, 0, "https", b"", [bytes(8), bytes(8), 3, 4]],
        [1, 1, 0, "https", b"", [bytes(8), bytes(7), 3, 3]],
        [1, 1, 0, "https", b"", [bytes(16)]],
        [1, 2, 0, "https", b"", [bytes(15)]],
        [1, 2, 0, "https", b"", []],
        [1, 0, 0, "local", b"x", []],
        [0, 0, 0, "local", b"\xff", []],
        [0, 0, 0, "pigeon", b"x", []],
        [-1, 2, 0, "local", b"x", [bytes(16)]],
        [1, 2, 0, "local", b"x"],
        [1, 2, True, "local", b"x", [bytes(16)]],
        [1, 1, 0, "https", b"", [bytes(8), bytes(8), 1, True]],
    ],
)
def test_a_record_whose_fields_do_not_fit_is_refused(fields: list[object]) -> None:
    with pytest.raises(WireError):
        decode_record(cbor.encode(fields))


def test_the_leaf_of_a_batch_names_its_run_and_hash() -> None:
    run = (b"k" * 8, b"e" * 8, 300, 7)
    record = batch_record(12, 99, "mqtt", b"signed bytes", run)
    digest = sha256(b"signed bytes").digest()
    assert leaf_of(record) == cbor.encode([1, *run, digest]) == batch_leaf(run, digest)
    assert run_of(record) == run
    assert len(leaf_of(record)) <= 65


def test_other_leaves_show_a_salted_hash_only() -> None:
    record = Record(3, RecordKind.AUDIT, 5, "local", b"who did what", (b"s" * 16,))
    digest = sha256(b"s" * 16 + b"who did what").digest()
    assert leaf_of(record) == cbor.encode([3, digest]) == salted_leaf(3, b"s" * 16, record.data)
    with pytest.raises(WireError):
        run_of(record)


def test_the_genesis_leaf_names_the_log() -> None:
    record = genesis_record("example.org/log/2026", 1)
    assert leaf_of(record) == genesis_leaf("example.org/log/2026")
    assert genesis_leaf("o") == cbor.encode([0, "o"])
