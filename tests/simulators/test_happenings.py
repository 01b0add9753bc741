"""Chance at a simulated site: repeatable, at the stated rates, within the stated hours."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from simulators.chance import gauss, poisson, smooth, uniform
from simulators.happenings import (
    DAY_H,
    HABITS,
    HOUR_S,
    SHORTEST_OPENING_S,
    ambient_c,
    door_is_open,
    leaking_capacity,
    mains_are_on,
    openings,
    outage,
)

DAYS = 60


@given(st.integers(), st.text(max_size=20), st.integers())
def test_chance_repeats_and_stays_in_range(seed: int, label: str, n: int) -> None:
    assert 0.0 <= uniform(seed, label, n) < 1.0
    assert uniform(seed, label, n) == uniform(seed, label, n)
    assert abs(gauss(seed, label, n)) < 10.0


def test_counts_have_the_mean_they_were_asked_for() -> None:
    counts = [poisson(2.0, 1, n) for n in range(3000)]
    assert 1.9 < sum(counts) / len(counts) < 2.1
    assert poisson(0.0, 1) == 0


def test_another_seed_is_another_day() -> None:
    assert openings(1, HABITS["usual"], 10) != openings(2, HABITS["usual"], 10)


def test_doors_open_at_the_stated_rate_and_hours() -> None:
    habit = HABITS["usual"]
    spans = [(h, span) for h in range(DAYS * DAY_H) for span in openings(5, habit, h)]
    assert {h % DAY_H for h, _ in spans} == set(range(8, 17))
    assert 1.7 < len(spans) / (DAYS * 9) < 2.3
    lengths = [span.end_s - span.start_s for _, span in spans]
    assert min(lengths) >= SHORTEST_OPENING_S
    assert 25.0 < sum(lengths) / len(lengths) < 35.0


def test_a_door_is_open_exactly_during_its_openings() -> None:
    span = next(s for h in range(8, 17) for s in openings(5, HABITS["usual"], h))
    assert door_is_open(5, HABITS["usual"], span.start_s)
    assert door_is_open(5, HABITS["usual"], (span.start_s + span.end_s) / 2)
    assert not any(door_is_open(5, HABITS["shut"], h * HOUR_S) for h in range(24))


def test_outages_are_rare_and_cover_their_span() -> None:
    cuts = [cut for h in range(DAYS * DAY_H * 4) if (cut := outage(9, h))]
    assert 10 <= len(cuts) <= 50
    assert not mains_are_on(9, cuts[0].start_s)
    assert mains_are_on(9, cuts[0].start_s - 1.0)


def test_the_room_is_warmest_in_the_afternoon_and_never_jumps() -> None:
    at_14, at_2 = ambient_c(1, 14 * HOUR_S), ambient_c(1, 2 * HOUR_S)
    assert at_14 - at_2 > 7.0
    day = [ambient_c(1, t * 60.0) for t in range(DAY_H * 60)]
    assert max(abs(a - b) for a, b in pairwise(day)) < 0.5
    assert smooth(600.0, 600.0, 1, "ambient") == gauss(1, "ambient", 1)


def test_a_leak_ends_in_no_cooling_at_all() -> None:
    assert leaking_capacity(-5.0) == 1.0
    assert 0.5 < leaking_capacity(300 * HOUR_S) < 0.6
    assert leaking_capacity(2000 * HOUR_S) == 0.0
