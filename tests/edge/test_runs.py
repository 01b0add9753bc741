"""Runs against Python's own set."""

from hypothesis import given
from hypothesis import strategies as st

from edge.runs import Runs

members = st.sets(st.integers(0, 60))
bounds = st.tuples(st.integers(0, 60), st.integers(0, 60))


def canonical(runs: Runs) -> bool:
    return all(low <= high for low, high in runs.spans) and all(
        left[1] + 1 < right[0] for left, right in zip(runs.spans, runs.spans[1:], strict=False)
    )


@given(members)
def test_a_set_becomes_runs_and_comes_back(some: set[int]) -> None:
    runs = Runs.of(some)
    assert canonical(runs)
    assert set(runs) == some
    assert len(runs) == len(some)
    assert runs.first == min(some, default=None)
    assert runs.last == max(some, default=None)
    assert all((n in runs) == (n in some) for n in range(62))


@given(members, bounds)
def test_adding_and_removing_a_run_is_what_a_set_does(
    some: set[int], bound: tuple[int, int]
) -> None:
    low, high = bound
    span = set(range(low, high + 1))
    runs = Runs.of(some)
    for result, expected in (
        (runs.add(low, high), some | span),
        (runs.remove(low, high), some - span),
        (runs.within(low, high), some & span),
    ):
        assert canonical(result)
        assert set(result) == expected


@given(members, members)
def test_union_and_difference_are_those_of_sets(left: set[int], right: set[int]) -> None:
    union = Runs.of(left).union(Runs.of(right))
    rest = Runs.of(left).minus(Runs.of(right))
    assert (canonical(union), set(union)) == (True, left | right)
    assert (canonical(rest), set(rest)) == (True, left - right)
