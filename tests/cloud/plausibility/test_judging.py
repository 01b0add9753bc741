"""What a probe does is believed; what only a program does is not."""

import numpy as np
import pytest

from cloud.plausibility.judging import Implausible, Reason, judge
from tests.support.probe_days import PERIOD_MS, READINGS, refrigerator, span

NOTHING = span(np.zeros(0))


def reason(found: Implausible | None) -> Reason | None:
    return found.reason if found else None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("noise", "step"), [(0.03, 0.01), (0.05, 0.1), (0.02, 0.0625)])
def test_an_honest_probe_is_believed(seed: int, noise: float, step: float) -> None:
    day = refrigerator(seed, noise=noise, step=step)
    before = refrigerator(seed + 1000, days=7, noise=noise, step=step)
    assert judge(day, before) is None


def test_a_still_cool_store_is_believed_as_long_as_it_moves_now_and_then() -> None:
    value = np.full(READINGS, 18.4)
    value[:: READINGS // 4] = 18.5
    assert judge(span(value), span(value)) is None


def test_one_value_for_half_a_day_is_flat() -> None:
    day = refrigerator(1)
    day.value[2000:7000] = day.value[2000]
    found = judge(day, NOTHING)
    assert found is not None
    assert (found.reason, found.from_ms) == (Reason.FLAT, 2000 * PERIOD_MS)
    assert reason(judge(span(np.full(READINGS, 5.0)), NOTHING)) is Reason.FLAT


def test_a_day_that_was_sent_before_is_a_replay_whatever_its_offset() -> None:
    before = refrigerator(2, days=7)
    day = refrigerator(3)
    day.value[1000:3000] = before.value[20_500:22_500] + 0.5
    found = judge(day, before)
    assert found is not None
    assert found.reason is Reason.REPLAYED
    assert 995 * PERIOD_MS <= found.from_ms <= 1010 * PERIOD_MS
    assert found.before_ms == pytest.approx(20_500 * PERIOD_MS, abs=10 * PERIOD_MS)


def test_a_curve_without_noise_is_too_smooth() -> None:
    assert reason(judge(refrigerator(4, noise=0.0, step=0.001), NOTHING)) is Reason.SMOOTH


def test_a_few_readings_say_nothing() -> None:
    assert judge(span(np.full(100, 5.0)), NOTHING) is None
    assert judge(NOTHING, NOTHING) is None
