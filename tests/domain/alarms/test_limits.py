"""One limit: delay, deadband, acknowledgement, and that time only moves forward."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alarms.limits import LimitAlarm, LimitState, Transition
from domain.alarms.state import AlarmState, TransitionKind
from domain.errors import BadSnapshotError
from domain.rules.model import Direction
from tests.support.alarms import limit


def run(
    alarm: LimitAlarm, readings: list[tuple[int, int]]
) -> tuple[LimitState, list[Transition]]:
    state = LimitState()
    happened: list[Transition] = []
    for at_s, v in readings:
        state, told = alarm.step(state, at_s * 1000, v)
        happened += told
    return state, happened


def kinds(happened: list[Transition]) -> list[tuple[str, int]]:
    return [(t.kind.value, t.at_ms // 1000) for t in happened]


def test_the_threshold_itself_is_in_range() -> None:
    alarm = LimitAlarm("p", limit("8"), -1)
    assert run(alarm, [(0, 80)])[1] == []
    assert kinds(run(alarm, [(0, 80), (10, 81)])[1]) == [("raised", 10)]
    low = LimitAlarm("p", limit("2", Direction.LOW), -1)
    assert run(low, [(0, 20)])[1] == []
    assert kinds(run(low, [(0, 20), (10, 19)])[1]) == [("raised", 10)]


def test_reaching_a_critical_value_is_enough() -> None:
    alarm = LimitAlarm("p", limit("7.5", in_range=False), -1)
    assert kinds(run(alarm, [(0, 74), (10, 75)])[1]) == [("raised", 10)]


def test_an_alarm_returns_beyond_the_deadband_only() -> None:
    alarm = LimitAlarm("p", limit("8", deadband="0.3"), -1)
    state, happened = run(alarm, [(0, 81), (10, 80), (20, 78), (30, 81), (40, 77)])
    assert kinds(happened) == [("raised", 0), ("returned", 40)]
    assert state.state is AlarmState.RETURNED


def test_a_delay_runs_without_interruption_or_starts_again() -> None:
    alarm = LimitAlarm("p", limit("8", delay_ms=60_000), -1)
    state, happened = run(alarm, [(0, 81), (30, 90), (50, 80), (60, 81), (110, 81)])
    assert happened == []
    assert state.state is AlarmState.PENDING
    _, told = alarm.step(state, 120_000, 85)
    assert kinds(list(told)) == [("raised", 120)]
    assert told[0].since_ms == 60_000


def test_two_readings_in_a_row_must_be_out_where_the_pack_says_so() -> None:
    alarm = LimitAlarm("p", limit("8", readings=2), -1)
    assert kinds(run(alarm, [(0, 81), (10, 79), (20, 81), (30, 81)])[1]) == [("raised", 30)]


def test_who_heat_is_ten_hours_and_freeze_reaches_its_threshold() -> None:
    freeze = limit("-0.5", Direction.LOW, in_range=False, delay_ms=3_600_000, deadband="0")
    alarm = LimitAlarm("p", freeze, -1)
    assert kinds(run(alarm, [(0, -5), (3599, -5), (3600, -5), (3700, -4)])[1]) == [
        ("raised", 3600),
        ("returned", 3700),
    ]


def test_acknowledged_then_returned_clears() -> None:
    alarm = LimitAlarm("p", limit(), -1)
    state, _ = run(alarm, [(0, 90)])
    state, told = alarm.acknowledge(state, 5_000, "li")
    assert (told[0].kind, told[0].who, told[0].since_ms) == (
        TransitionKind.ACKNOWLEDGED,
        "li",
        0,
    )
    state, told = alarm.step(state, 10_000, 50)
    assert kinds(list(told)) == [("returned", 10), ("cleared", 10)]
    assert state.state is AlarmState.NORMAL


def test_returned_then_acknowledged_clears() -> None:
    alarm = LimitAlarm("p", limit(), -1)
    state, _ = run(alarm, [(0, 90), (10, 50)])
    state, told = alarm.acknowledge(state, 20_000, "li")
    assert kinds(list(told)) == [("acknowledged", 20), ("cleared", 20)]


def test_acknowledging_while_the_next_delay_runs_keeps_the_delay() -> None:
    alarm = LimitAlarm("p", limit("8", delay_ms=10_000), -1)
    state, _ = run(alarm, [(0, 90), (10, 90), (20, 50), (30, 90)])
    assert state.state is AlarmState.RETURNED
    state, _ = alarm.acknowledge(state, 35_000, "li")
    assert state.state is AlarmState.PENDING
    _, told = alarm.step(state, 40_000, 90)
    assert kinds(list(told)) == [("raised", 40)]


def test_no_new_delay_runs_while_the_alarm_is_raised() -> None:
    alarm = LimitAlarm("p", limit("8", delay_ms=60_000), -1)
    state, _ = run(alarm, [(0, 90), (60, 90), (70, 90)])
    assert state.pending_ms is None
    assert alarm.quiet_band(state) == (78, 2**53)


def test_acknowledging_nothing_does_nothing() -> None:
    alarm = LimitAlarm("p", limit(), -1)
    assert alarm.acknowledge(LimitState(), 0, "li") == (LimitState(), ())


def test_a_reading_that_is_not_newer_changes_nothing() -> None:
    alarm = LimitAlarm("p", limit(), -1)
    state, _ = run(alarm, [(10, 90)])
    assert alarm.step(state, 10_000, 10) == (state, ())
    assert alarm.step(state, 9_000, 10) == (state, ())


@given(st.lists(st.integers(78, 80), min_size=1, max_size=50), st.sampled_from([50, 90]))
def test_nothing_chatters_inside_the_deadband(values: list[int], before: int) -> None:
    alarm = LimitAlarm("p", limit("8", deadband="0.3"), -1)
    state, _ = run(alarm, [(0, before)])
    for i, v in enumerate(values):
        after, told = alarm.step(state, 1000 * (i + 1), v)
        assert told == ()
        assert after.state is state.state
        state = after


@given(st.lists(st.integers(60, 95), max_size=80), st.sampled_from([0, 25_000]))
def test_alarms_are_raised_and_returned_in_turn(values: list[int], delay_ms: int) -> None:
    alarm = LimitAlarm("p", limit(delay_ms=delay_ms), -1)
    _, happened = run(alarm, [(10 * i, v) for i, v in enumerate(values)])
    story = [t.kind.value for t in happened]
    assert story == (["raised", "returned"] * len(story))[: len(story)]


@pytest.mark.parametrize("raw", [None, [], ["normal", 1, 2, None], ["normal", 1, 2, "x", 0]])
def test_a_malformed_state_is_refused(raw: object) -> None:
    with pytest.raises(BadSnapshotError):
        LimitState.from_json(raw)
