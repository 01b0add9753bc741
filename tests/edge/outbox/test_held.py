"""Numbers of the log against (epoch, seq), against a plain dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.outbox.held import Held
from edge.runs import Runs

epochs = st.sampled_from([b"epoch--1", b"epoch--2"])
steps = st.lists(st.tuples(st.integers(1, 3), epochs, st.integers(0, 20)), max_size=30)


@given(steps, st.integers(0, 60))
def test_every_number_is_found_by_its_batch_and_back(
    added: list[tuple[int, bytes, int]], cut: int
) -> None:
    held, plain, number = Held(), dict[int, tuple[bytes, int]](), 0
    for step, epoch, seq in added:
        number += step
        held.add(number, epoch, seq)
        plain[number] = epoch, seq
    held.drop_before(cut)
    plain = {n: place for n, place in plain.items() if n >= cut}
    assert set(held.all) == set(plain)
    assert [held.position(n) for n in range(number + 2)] == [
        plain.get(n) for n in range(number + 2)
    ]
    assert held.lowest == (plain[min(plain)] if plain else None)
    for epoch in (b"epoch--1", b"epoch--2"):
        wanted = Runs.of(n for n, (e, seq) in plain.items() if e == epoch and 3 <= seq <= 12)
        assert set(held.numbers(epoch, 3, 12)) == set(wanted)


def test_a_lost_record_is_told_by_its_neighbours() -> None:
    held = Held()
    held.add(10, b"epoch--1", 4)
    held.add(13, b"epoch--1", 7)
    assert held.around(11) == (b"epoch--1", 5)
    assert held.around(8) == (b"epoch--1", 2)
    assert Held().around(8) is None


def test_numbers_only_grow() -> None:
    held = Held()
    held.add(5, b"epoch--1", 0)
    with pytest.raises(ValueError, match="above"):
        held.add(5, b"epoch--1", 1)
