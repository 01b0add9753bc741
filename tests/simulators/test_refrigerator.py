"""A refrigerator in scenario time: one seed is one story, however often it is asked."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.happenings import HABITS
from simulators.refrigerator import Refrigerator

START_S = 10 * 3600.0
LIMIT_C = 8.0


def refrigerator(seed: int = 7, habit: str = "shut") -> Refrigerator:
    return Refrigerator(
        name="fridge", seed=seed, habit=HABITS[habit], outages=False, start_s=START_S
    )


@given(st.lists(st.floats(0.0, 4000.0), max_size=12), st.floats(0.0, 4000.0))
def test_the_answer_does_not_depend_on_how_often_one_asks(
    others: list[float], at: float
) -> None:
    often = refrigerator(habit="usual")
    for other in sorted(o for o in others if o <= at):
        often.sample(START_S + other)
    assert often.sample(START_S + at) == refrigerator(habit="usual").sample(START_S + at)


def test_another_seed_reads_differently() -> None:
    assert refrigerator(1).sample(START_S + 60) != refrigerator(2).sample(START_S + 60)


def hold_door(fridge: Refrigerator) -> None:
    fridge.hold_door(START_S, 1800.0)


def cut_mains(fridge: Refrigerator) -> None:
    fridge.cut_mains(START_S, 7200.0)


def stop_compressor(fridge: Refrigerator) -> None:
    fridge.stop_compressor(START_S, 7200.0)


def lose_refrigerant(fridge: Refrigerator) -> None:
    fridge.leak(START_S - 2000 * 3600.0)


@pytest.mark.parametrize("harm", [hold_door, cut_mains, stop_compressor, lose_refrigerant])
def test_every_harm_ends_above_eight_degrees(harm: Callable[[Refrigerator], None]) -> None:
    fridge = refrigerator()
    assert fridge.sample(START_S).probe_c < LIMIT_C
    harm(fridge)
    assert fridge.sample(START_S + 1800.0).probe_c > LIMIT_C


def test_a_door_and_the_mains_are_seen_while_they_last() -> None:
    fridge = refrigerator()
    fridge.hold_door(START_S + 10, 20.0)
    fridge.cut_mains(START_S + 40, 20.0)
    seen = [fridge.sample(START_S + s) for s in (0, 15, 35, 45, 65)]
    assert [s.door_open for s in seen] == [False, True, False, False, False]
    assert [s.mains_on for s in seen] == [True, True, True, False, True]
