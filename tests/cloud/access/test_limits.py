"""`cloud.access.limits`: permits refill evenly, callers do not share them."""

from cloud.access.limits import Limits

NOW_MS = 1_795_363_200_000


def test_a_caller_has_so_many_permits_a_minute() -> None:
    limits = Limits()
    assert [limits.allows("a", 3, NOW_MS) for _ in range(4)] == [True, True, True, False]
    assert limits.allows("b", 3, NOW_MS)
    assert not limits.allows("a", 3, NOW_MS + 19_999)
    assert limits.allows("a", 3, NOW_MS + 20_000)
    assert limits.refused == 2


def test_a_clock_that_goes_back_gives_no_permits() -> None:
    limits = Limits()
    assert limits.allows("a", 1, NOW_MS)
    assert not limits.allows("a", 1, NOW_MS - 3_600_000)


def test_however_many_come_a_bounded_number_is_remembered() -> None:
    limits = Limits(max_callers=10)
    for n in range(1000):
        limits.allows(f"caller {n}", 1, NOW_MS)
    assert len(limits._buckets) == 10
