"""Debouncing: chatter is no change, and every change that lasts is told once."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.digital.debounce import Change, Contact, bounced, looked

SETTLE_MS = 50


def watch(looks: list[tuple[int, bool]], settle_ms: int = SETTLE_MS) -> list[Change]:
    contact, told = Contact(settle_ms), []
    for at_ms, level in looks:
        contact, change = looked(contact, at_ms, level=level)
        if change is not None:
            told.append(change)
    return told


def test_the_first_settled_level_is_told() -> None:
    assert watch([(0, True), (50, True)]) == [Change(level=True, at_ms=0)]


def test_chatter_is_no_change_and_a_change_dates_from_its_beginning() -> None:
    calm = [(0, False), (50, False)]
    chatter = [(100, True), (110, False), (120, True), (130, False), (200, False)]
    opened = [(300, True), (320, True), (351, True), (400, True)]
    assert watch(calm + chatter + opened) == [
        Change(level=False, at_ms=0),
        Change(level=True, at_ms=300),
    ]


def test_a_move_unseen_begins_the_wait_anew() -> None:
    contact, _ = looked(Contact(SETTLE_MS), 0, level=True)
    contact = bounced(contact)
    contact, change = looked(contact, 60, level=True)
    assert change is None
    assert contact.settles_at_ms() == 110


def test_without_a_settling_time_every_look_counts() -> None:
    assert [c.level for c in watch([(0, True), (1, False), (2, True)], 0)] == [
        True,
        False,
        True,
    ]


@given(st.lists(st.tuples(st.integers(0, 80), st.booleans()), max_size=60))
def test_what_is_told_alternates_and_lasted(steps: list[tuple[int, bool]]) -> None:
    looks, now_ms = [], 0
    for later_ms, level in steps:
        now_ms += later_ms
        looks.append((now_ms, level))
    told = watch(looks)
    assert all(a.level != b.level for a, b in pairwise(told))
    for change in told:
        lasting = [x for x in looks if change.at_ms <= x[0] < change.at_ms + SETTLE_MS]
        assert {level for at_ms, level in lasting if at_ms > change.at_ms} <= {change.level}
