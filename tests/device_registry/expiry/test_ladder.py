"""Warned at 90, 60, 30, 7 and 0 days, each step once; locked as the rule says."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_registry.expiry.ladder import Told, step_of, steps_for, warnings
from device_registry.expiry.locks import flag_of, is_over, locking, locks
from device_registry.expiry.term import STEPS, Term, TermKind, term_rules
from domain.gsp.finding import Words
from domain.gsp.phrases import Phrases

UNTIL = date(2027, 3, 1)
LICENCE = Term(
    kind=TermKind.LICENCE,
    id="lic-1",
    about="chs",
    about_kind="organisation",
    name=Words(zh="许可证", en="licence"),
    until=UNTIL,
)


def days(left: int) -> date:
    return UNTIL - timedelta(days=left)


@pytest.mark.parametrize(
    ("left", "step"),
    [
        (91, None),
        (90, 90),
        (61, 90),
        (60, 60),
        (31, 60),
        (30, 30),
        (8, 30),
        (7, 7),
        (1, 7),
        (0, 0),
        (-1, 0),
        (-400, 0),
    ],
)
def test_the_step_follows_the_days_left(left: int, step: int | None) -> None:
    assert step_of(LICENCE, days(left)) == step


@given(st.lists(st.integers(-30, 120), min_size=1, max_size=40))
def test_each_step_is_told_once_however_the_tours_fall(lefts: list[int]) -> None:
    told: dict[str, Told] = {}
    steps = []
    for left in sorted(lefts, reverse=True):
        for warn in warnings([LICENCE], told, days(left)):
            told[warn.term.key] = Told(until=UNTIL, step=warn.step)
            steps.append(warn.step)
    assert steps == sorted(set(steps), reverse=True)
    reached = step_of(LICENCE, days(min(lefts)))
    assert steps[-1:] == ([] if reached is None else [reached])


def test_a_renewal_starts_the_ladder_again() -> None:
    told = {LICENCE.key: Told(until=UNTIL, step=0)}
    assert warnings([LICENCE], told, days(0)) == ()
    renewed = replace(LICENCE, until=UNTIL + timedelta(days=30))
    (warn,) = warnings([renewed], told, UNTIL)
    assert warn.step == 30


def test_the_most_urgent_comes_first() -> None:
    later = replace(LICENCE, id="lic-2", until=UNTIL + timedelta(days=10))
    assert [w.term.id for w in warnings([later, LICENCE], {}, days(5))] == ["lic-1", "lic-2"]


def test_a_certificate_that_renews_itself_is_no_news_before_it_should_have() -> None:
    ninety = replace(LICENCE, kind=TermKind.TLS_CERTIFICATE, starts=UNTIL - timedelta(days=90))
    assert steps_for(ninety) == (7, 0)
    yearly = replace(ninety, starts=UNTIL - timedelta(days=398))
    assert steps_for(yearly) == STEPS


def test_a_phone_verified_today_is_no_news_today() -> None:
    phone = replace(LICENCE, kind=TermKind.PHONE, starts=UNTIL - timedelta(days=90))
    assert step_of(phone, days(90)) is None
    assert step_of(phone, days(60)) == 60


def test_the_last_day_still_counts() -> None:
    assert not is_over(LICENCE, UNTIL)
    assert is_over(LICENCE, days(-1))


def test_an_expired_licence_locks_goods_in_and_out() -> None:
    assert locks([LICENCE], UNTIL) == ()
    assert [lock.function for lock in locks([LICENCE], days(-1))] == ["goods_in", "goods_out"]
    assert locking([LICENCE], days(-1), "goods_in", "chs")
    assert not locking([LICENCE], days(-1), "goods_in", "ynk")


def test_an_expired_calibration_locks_nothing_and_is_flagged() -> None:
    calibration = replace(LICENCE, kind=TermKind.CALIBRATION, about_kind="sensor")
    assert locks([calibration], days(-500)) == ()
    assert flag_of(calibration, UNTIL) == ""
    assert flag_of(calibration, days(-1)) == "calibration_expired"
    assert flag_of(LICENCE, days(-1)) == ""


def test_every_kind_lock_and_flag_has_a_text() -> None:
    keys = Phrases("device_registry.expiry").keys
    for kind in TermKind:
        rule = term_rules()[kind]
        assert f"term.{kind}" in keys
        assert {f"lock.{lock}" for lock in rule.locks} <= keys
        assert not rule.flag or f"flag.{rule.flag}" in keys
