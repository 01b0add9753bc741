"""The short way to spell a group's records gives the bytes of the long way."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from cloud.archive.encoding import BatchSpelling, salted_record
from evidence.leaf import batch_leaf
from evidence.record import batch_record, decode_record, encode_record, leaf_of

NUMBERS = st.integers(0, (1 << 53) - 1)
RUNS = st.tuples(
    st.binary(min_size=8, max_size=8), st.binary(min_size=8, max_size=8), NUMBERS, NUMBERS
)


@given(NUMBERS, NUMBERS, st.sampled_from(["https", "mqtt", "card"]), st.binary(), RUNS)
def test_records_and_leaves_of_batches_are_those_of_the_contract(
    index: int, recv_ms: int, via: str, data: bytes, run: tuple[bytes, bytes, int, int]
) -> None:
    digest = sha256(data).digest()
    record, leaf = BatchSpelling(recv_ms).spell(index, via, data, run, digest)
    assert record == encode_record(batch_record(index, recv_ms, via, data, run))
    assert leaf == batch_leaf(run, digest)


@given(NUMBERS, st.integers(2, 20), NUMBERS, st.binary())
def test_an_object_of_our_own_is_salted_anew_each_time(
    index: int, kind: int, recv_ms: int, data: bytes
) -> None:
    record, leaf = salted_record(index, kind, recv_ms, data)
    again, other_leaf = salted_record(index, kind, recv_ms, data)
    assert leaf == leaf_of(decode_record(record))
    assert leaf != other_leaf
    assert record != again
