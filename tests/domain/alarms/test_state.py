"""The diagram in the documentation and the table that decides say the same."""

import re

import pytest

import domain.alarms.state as module
from domain.alarms.state import TABLE, AlarmState, TransitionKind, Trigger, move

ARROW = re.compile(r"^    (\w+) --> (\w+): (\w+)(?: / ([\w, ]+))?$", re.MULTILINE)


def test_the_diagram_and_the_table_agree() -> None:
    drawn = {
        (AlarmState(a), Trigger(trigger)): (
            AlarmState(b),
            tuple(TransitionKind(kind) for kind in told.split(", ") if kind),
        )
        for a, b, trigger, told in ARROW.findall(module.__doc__ or "")
    }
    assert drawn == dict(TABLE)


@pytest.mark.parametrize("state", AlarmState)
@pytest.mark.parametrize("trigger", Trigger)
def test_every_pair_is_decided(state: AlarmState, trigger: Trigger) -> None:
    after, told = move(state, trigger)
    assert (after, told) == TABLE.get((state, trigger), (state, ()))
    assert told == () or after is not state


def test_only_a_raised_alarm_that_has_not_returned_is_active() -> None:
    active = {state for state in AlarmState if state.is_active}
    assert active == {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}
