"""Refusals are counted, good requests never are."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.enrolment import limits
from cloud.enrolment.limits import Buckets, Rate

RATE = Rate(burst=3, every_s=10.0)


def test_after_the_burst_one_waits_for_the_next_token() -> None:
    buckets = Buckets(RATE)
    for _ in range(3):
        assert buckets.wait_s("a", 100.0) == 0
        buckets.take("a", 100.0)
    assert buckets.wait_s("a", 100.0) == 10.0
    assert buckets.wait_s("a", 104.0) == 6.0
    assert buckets.wait_s("a", 110.0) == 0
    assert buckets.wait_s("b", 100.0) == 0


@given(st.lists(st.floats(0, 30), max_size=60))
def test_never_more_than_the_burst_and_what_came_back(pauses: list[float]) -> None:
    buckets, now_s, taken = Buckets(RATE), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        if buckets.wait_s("a", now_s) == 0:
            buckets.take("a", now_s)
            taken += 1
    assert taken <= RATE.burst + now_s / RATE.every_s + 1e-6


def test_many_names_do_not_fill_the_memory() -> None:
    buckets = Buckets(RATE)
    for number in range(limits.MAX_KEPT + 10):
        buckets.take(str(number), 0.0)
    assert len(buckets._kept) == limits.MAX_KEPT
