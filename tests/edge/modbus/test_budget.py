"""Silent devices cost a shared bus no more than their share, and none of them starves."""

from domain.quality import Quality
from edge.modbus.budget import MAX_CREDIT_WAITS, SHARE, Budget, Unit

WAIT_MS = 500


def fall_silent(budget: Budget, unit: Unit, now_ms: int) -> None:
    budget.waited(unit, WAIT_MS, now_ms, Quality.TIMEOUT)


def test_a_device_that_answers_may_always_be_asked() -> None:
    assert Budget(5, 0).may_ask(Unit(1), WAIT_MS, 0)


def test_credit_earned_in_good_times_pays_for_asking_again_at_once() -> None:
    budget, unit = Budget(2, 0), Unit(1)
    fall_silent(budget, unit, 60_000)
    assert budget.may_ask(unit, WAIT_MS, 60_000)


def test_without_credit_a_silent_device_waits_until_its_wait_is_earned() -> None:
    budget, unit = Budget(2, 0), Unit(1)
    fall_silent(budget, unit, 0)
    first_ms = next(t for t in range(100_000) if budget.may_ask(unit, WAIT_MS, t))
    assert first_ms == 2 * WAIT_MS / SHARE


def test_where_nobody_answers_everybody_is_asked() -> None:
    budget, one, other = Budget(2, 0), Unit(1), Unit(2)
    fall_silent(budget, one, 0)
    fall_silent(budget, other, 0)
    assert budget.may_ask(one, WAIT_MS, 0)
    assert budget.may_ask(other, WAIT_MS, 0)
    budget.answered(one)
    assert not one.is_silent
    assert not budget.may_ask(other, WAIT_MS, 0)


def test_credit_is_kept_back_for_the_one_that_was_ignored_longest() -> None:
    budget, first, second = Budget(9, 0), Unit(1), Unit(2)
    fall_silent(budget, first, 0)
    fall_silent(budget, second, 0)
    enough_for_one_ms = int(3 * WAIT_MS / SHARE)
    assert not budget.may_ask(second, WAIT_MS, enough_for_one_ms)
    assert budget.may_ask(first, WAIT_MS, enough_for_one_ms)
    fall_silent(budget, first, enough_for_one_ms)
    soon_ms = enough_for_one_ms + int(WAIT_MS / SHARE)
    assert not budget.may_ask(first, WAIT_MS, soon_ms), "now it is last in turn"
    assert budget.may_ask(second, WAIT_MS, soon_ms)


def test_many_that_fall_silent_together_do_not_pile_up_a_debt() -> None:
    budget = Budget(100, 0)
    units = [Unit(n) for n in range(50)]
    for unit in units:
        fall_silent(budget, unit, 0)
    repaid_ms = int((MAX_CREDIT_WAITS + 1) * WAIT_MS / SHARE)
    assert budget.may_ask(units[0], WAIT_MS, repaid_ms)


def test_how_a_device_is_silent_is_remembered() -> None:
    budget, unit = Budget(2, 0), Unit(1)
    budget.waited(unit, WAIT_MS, 0, Quality.EXCEPTION)
    assert unit.silence is Quality.EXCEPTION
