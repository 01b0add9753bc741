"""The cursor's bytes: they come back, they fit, and anything else is nothing."""

from hypothesis import given
from hypothesis import strategies as st

from edge.outbox.progress import MAX_RUNS, Progress, decode_progress, encode_progress
from edge.runs import Runs
from evidence.cursor import MAX_BLOB_BYTES

numbers = st.integers(0, 1 << 60)


@given(st.sets(st.integers(0, 200), max_size=15), numbers, st.booleans())
def test_progress_comes_back(settled: set[int], next_number: int, checkpoint: bool) -> None:  # noqa: FBT001
    progress = Progress(
        next_number=next_number,
        newest=(b"epoch--1", 5) if next_number else None,
        settled=Runs.of(settled),
        checkpoint=(next_number, b"r" * 32) if checkpoint else None,
    )
    assert decode_progress(encode_progress(progress)) == progress


def test_any_progress_fits_the_slot_and_forgets_only_what_costs_duplicates() -> None:
    top = 1 << 60
    settled = Runs.of(range(top, top + 200, 2))
    progress = Progress(
        next_number=top, newest=(b"epoch--1", top), settled=settled, checkpoint=(top, bytes(32))
    )
    blob = encode_progress(progress)
    assert len(blob) <= MAX_BLOB_BYTES
    again = decode_progress(blob)
    assert again is not None
    assert again.settled.spans == settled.spans[:MAX_RUNS]


@given(st.binary(max_size=60))
def test_other_bytes_are_no_progress(blob: bytes) -> None:
    assert decode_progress(blob) is None
