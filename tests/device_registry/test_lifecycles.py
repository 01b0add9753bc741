"""Lifecycles: what may follow what, and what a refusal says."""

import itertools
import re

import pytest

from device_registry import lifecycles
from device_registry.errors import IllegalTransitionError
from device_registry.lifecycles import (
    GATEWAY,
    KEY,
    LIFECYCLES,
    POINT,
    SENSOR,
    Lifecycle,
    check_move,
)


@pytest.mark.parametrize("life", LIFECYCLES, ids=lambda life: life.name)
def test_every_state_is_reached_and_leads_to_states_that_exist(life: Lifecycle) -> None:
    reached, new = {life.initial}, {life.initial}
    while new:
        new = {after for state in new for after in life.moves[state]} - reached
        reached |= new
    assert reached == set(life.states) == set(life.moves)
    assert any(not after for after in life.moves.values()), "something ends it"


@pytest.mark.parametrize("life", LIFECYCLES, ids=lambda life: life.name)
def test_exactly_the_moves_of_the_table_are_legal(life: Lifecycle) -> None:
    for old in life.states:
        for new in life.states:
            if new == old or new in life.moves[old]:
                check_move(life, old, new)
                continue
            with pytest.raises(IllegalTransitionError) as caught:
                check_move(life, old, new)
            assert caught.value.legal == life.legal(old)
            assert all(state in str(caught.value) for state in life.legal(old))


def test_a_gateway_lives_from_the_order_to_retirement() -> None:
    path = ("ordered", "claimed", "enrolled", "commissioned", "in_service", "suspended")
    for old, new in itertools.pairwise(path):
        check_move(GATEWAY, old, new)
    check_move(GATEWAY, "suspended", "in_service")
    for state in path:
        check_move(GATEWAY, state, "retired")
    assert GATEWAY.legal("retired") == ()
    with pytest.raises(IllegalTransitionError, match="cannot go from ordered to in_service"):
        check_move(GATEWAY, "ordered", "in_service")


def test_a_revoked_key_and_a_rejected_sensor_never_come_back() -> None:
    assert KEY.legal("revoked") == ()
    assert SENSOR.legal("rejected") == ("retired",)


def test_no_state_of_a_point_is_an_expired_calibration() -> None:
    assert not any("calib" in state or "expire" in state for state in POINT.states)


def test_the_diagrams_show_the_tables() -> None:
    text = lifecycles.__doc__ or ""
    drawn: dict[str, set[tuple[str, str]]] = {}
    for name, body in re.findall(r"title: (\w+)\n(.*?)```", text, re.DOTALL):
        drawn[name] = set(re.findall(r"(\w+) --> (\w+)", body))
    tables = {
        life.name: {(old, new) for old, after in life.moves.items() for new in after}
        for life in LIFECYCLES
    }
    assert drawn == tables
