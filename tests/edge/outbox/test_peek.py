"""Where a batch stands, read without decoding it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.outbox.peek import chain_place, signing_kid
from evidence.errors import WireError
from tests.support.batches import KEY, make_batch


@pytest.mark.parametrize("seq", [0, 23, 24, 255, 256, 70_000, 1 << 40])
def test_epoch_and_seq_are_those_of_the_body(seq: int) -> None:
    assert chain_place(make_batch(seq=seq, t0=0, mono_ms=0, readings=16).data) == (
        b"epoch--1",
        seq,
    )


def test_the_key_is_the_one_that_signed() -> None:
    assert signing_kid(make_batch(seq=1, t0=0, mono_ms=0, readings=16).data) == KEY.kid


@given(st.binary(max_size=80))
def test_other_bytes_are_no_batch(data: bytes) -> None:
    with pytest.raises(WireError):
        chain_place(data)
