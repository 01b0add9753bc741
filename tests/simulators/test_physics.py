"""The thermal model: it cools, warms, defrosts and never leaves what its surroundings allow."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from simulators.physics import (
    COOL_ROOM,
    REFRIGERATOR,
    SUBSTEP_S,
    Cabinet,
    State,
    Surroundings,
    at_rest,
    step,
)

ROOM = Surroundings(ambient_c=28.0)
NO_DEFROST = replace(REFRIGERATOR, defrost_first_s=1e12)
HOUR_S = 3600.0


def run(cabinet: Cabinet, around: Surroundings, seconds: float) -> list[State]:
    states = [at_rest(cabinet, 0.0)]
    while states[-1].at_s < seconds:
        states.append(step(cabinet, states[-1], around, 30.0))
    return states


def test_a_shut_refrigerator_stays_between_two_and_eight_degrees() -> None:
    air = [state.air_c for state in run(REFRIGERATOR, ROOM, 24 * HOUR_S)]
    assert 2.5 < min(air) < 4.5
    assert 5.0 < max(air) < 7.5


def test_a_cool_room_stays_below_twenty_degrees() -> None:
    air = [state.air_c for state in run(COOL_ROOM, ROOM, 24 * HOUR_S)]
    assert min(air) > 10.0
    assert max(air) < 19.5


def test_ten_minutes_with_the_door_open_leave_the_range_and_come_back() -> None:
    opened = step(
        REFRIGERATOR, at_rest(REFRIGERATOR, 0.0), replace(ROOM, door_open=True), 600.0
    )
    assert opened.air_c > 8.0
    assert opened.rh > at_rest(REFRIGERATOR, 0.0).rh
    assert step(REFRIGERATOR, opened, ROOM, HOUR_S).air_c < 8.0


def test_without_mains_or_cooling_it_warms_to_the_room() -> None:
    for broken in (replace(ROOM, mains_on=False), replace(ROOM, capacity=0.0)):
        last = run(NO_DEFROST, broken, 12 * HOUR_S)[-1]
        assert abs(last.air_c - ROOM.ambient_c) < 0.1


def test_defrost_rests_the_compressor_and_ends() -> None:
    states = run(REFRIGERATOR, ROOM, 3 * HOUR_S)
    defrosting = [state for state in states if state.defrost_left_s > 0]
    assert defrosting
    assert not any(state.compressor_on for state in defrosting)
    assert states[-1].defrost_left_s == 0


def test_the_probe_lags_behind_the_air() -> None:
    opened = step(REFRIGERATOR, at_rest(REFRIGERATOR, 0.0), replace(ROOM, door_open=True), 60.0)
    assert opened.probe_c < opened.air_c


@given(
    a=st.integers(0, 60),
    b=st.integers(0, 60),
    door=st.booleans(),
    ambient_c=st.floats(-10.0, 45.0),
)
def test_two_steps_are_one_step(*, a: int, b: int, door: bool, ambient_c: float) -> None:
    around = Surroundings(ambient_c=ambient_c, door_open=door)
    start = at_rest(REFRIGERATOR, 0.0)
    at_once = step(REFRIGERATOR, start, around, (a + b) * SUBSTEP_S)
    middle = step(REFRIGERATOR, start, around, a * SUBSTEP_S)
    assert step(REFRIGERATOR, middle, around, b * SUBSTEP_S) == at_once


@given(
    air_c=st.floats(-30.0, 45.0),
    ambient_c=st.floats(-30.0, 45.0),
    seconds=st.floats(0.0, 7200.0),
    capacity=st.floats(0.0, 1.0),
)
def test_air_never_passes_what_it_moves_towards(
    air_c: float, ambient_c: float, seconds: float, capacity: float
) -> None:
    around = Surroundings(ambient_c=ambient_c, capacity=capacity)
    start = replace(at_rest(REFRIGERATOR, 0.0), air_c=air_c, probe_c=air_c)
    after = step(REFRIGERATOR, start, around, seconds)
    coldest = ambient_c - REFRIGERATOR.cooling_w * REFRIGERATOR.wall_k_per_w
    assert min(air_c, coldest) - 1e-6 <= after.air_c <= max(air_c, ambient_c) + 1e-6
    assert 0.0 <= after.rh <= 100.0
