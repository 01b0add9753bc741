"""Late data: excursions are found where they were, duplicates do nothing, live state stays."""

from hypothesis import given
from hypothesis import strategies as st

from domain.alarms.judge import PointJudge
from domain.alarms.late import MAX_FOUND, MAX_HOLES
from tests.support.alarms import feed, judge, limit, told


def every_10_s(start_s: int, values: list[int]) -> list[tuple[int, int]]:
    return [(start_s + 10 * i, v) for i, v in enumerate(values)]


def live_with_an_outage(v: int = 50) -> PointJudge:
    """Live until 100 s, silent, live again from 1000 s."""
    j = judge()
    feed(j, every_10_s(0, [v] * 11))
    feed(j, every_10_s(1000, [50] * 3))
    return j


def test_an_excursion_in_late_data_is_found_and_the_live_state_is_not_touched() -> None:
    j = live_with_an_outage()
    happened = feed(j, every_10_s(110, [50, 90, 95, 90, 50, 50]))
    assert told(happened) == [("late raised", 120), ("late returned", 150)]
    assert j.is_normal
    assert j.last_ms == 1_020_000


def test_late_good_data_never_ends_a_live_alarm() -> None:
    j = judge()
    feed(j, [(0, 50), (1000, 90)])
    assert feed(j, every_10_s(10, [50] * 98)) == []
    assert told(feed(j, [(1010, 50)])) == [("returned", 1010)]


def test_late_data_continues_the_excursion_that_was_known_when_the_link_was_lost() -> None:
    j = judge()
    feed(j, [(0, 50), (10, 90)])
    feed(j, [(1000, 90)])
    assert feed(j, every_10_s(20, [90] * 98)) == []


def test_a_second_excursion_after_the_known_one_is_found() -> None:
    j = judge()
    feed(j, [(0, 50), (10, 90)])
    feed(j, [(1000, 50)])
    happened = feed(j, [(20, 90), (30, 50), (40, 90), (50, 50)])
    assert told(happened) == [("late raised", 40), ("late returned", 50)]


def test_a_late_excursion_that_runs_into_live_data_ends_there() -> None:
    j = judge()
    feed(j, [(0, 50), (1000, 90)])
    happened = feed(j, every_10_s(10, [50] * 50 + [90] * 49))
    assert told(happened) == [("late raised", 510), ("late returned", 1000)]
    assert happened[1].since_ms == 510_000


def test_data_from_before_the_first_reading_is_judged_too() -> None:
    j = judge()
    feed(j, [(1000, 50)])
    assert told(feed(j, [(10, 90), (20, 50)])) == [("late raised", 10), ("late returned", 20)]


def test_late_data_in_two_pieces_newest_first() -> None:
    j = live_with_an_outage()
    assert told(feed(j, every_10_s(600, [90, 50]))) == [
        ("late raised", 600),
        ("late returned", 610),
    ]
    assert told(feed(j, every_10_s(300, [90, 50]))) == [
        ("late raised", 300),
        ("late returned", 310),
    ]


def test_acknowledging_covers_what_was_found_late() -> None:
    j = live_with_an_outage()
    feed(j, [(120, 90), (130, 50)])
    assert told(j.acknowledge(2_000_000, "li")) == [
        ("late acknowledged", 2000),
        ("late cleared", 2000),
    ]
    assert j.acknowledge(2_001_000, "li") == []


def test_acknowledged_while_still_open_clears_when_its_end_is_found() -> None:
    j = live_with_an_outage()
    feed(j, [(120, 90)])
    assert told(j.acknowledge(2_000_000, "li")) == [("late acknowledged", 2000)]
    assert told(feed(j, [(130, 50)])) == [("late returned", 130), ("late cleared", 130)]


def test_a_delay_that_began_before_the_outage_counts_on_in_late_data() -> None:
    j = judge(limit(delay_ms=60_000))
    feed(j, [(0, 50), (10, 90)])
    feed(j, [(1000, 50)])
    assert told(feed(j, every_10_s(20, [90] * 6))) == [("late raised", 70)]


def test_a_quiet_late_column_is_taken_whole() -> None:
    j = live_with_an_outage()
    assert j.quiet(110_000, 500_000)
    assert feed(j, [(300, 90)]) == [], "it is known now that 300 s was good"
    assert told(feed(j, [(700, 90)])) == [("late raised", 700)]


def test_a_late_column_inside_a_known_excursion_is_judged_singly() -> None:
    j = judge()
    feed(j, [(0, 90)])
    feed(j, [(1000, 50)])
    j.acknowledge(1_000_000, "li")
    assert j.is_normal
    assert not j.quiet(10_000, 900_000)


def test_a_late_column_that_is_quiet_only_in_the_live_alarm_is_judged_singly() -> None:
    j = judge()
    feed(j, [(0, 50), (1000, 90)])
    assert j.quiet_band() == (78, 2**53)
    assert not j.quiet(100_000, 200_000)


def test_a_column_that_is_partly_live_is_judged_singly() -> None:
    j = live_with_an_outage()
    assert not j.quiet(110_000, 1_100_000)


def test_the_number_of_holes_is_bounded_and_the_longest_survive() -> None:
    j = judge()
    feed(j, [(0, 50), (100_000, 50)])
    feed(j, [(100_000 + 100 * i, 50) for i in range(1, 3 * MAX_HOLES)])
    assert told(feed(j, [(50_000, 90)])) == [("late raised", 50_000)]
    saved = j.snapshot()["late"]
    assert isinstance(saved, dict)
    assert len(saved["holes"]) <= MAX_HOLES


def test_the_number_of_unacknowledged_findings_is_bounded() -> None:
    j = judge()
    feed(j, [(0, 50), (1_000_000, 50)])
    for i in range(MAX_FOUND + 10):
        feed(j, [(1000 + 100 * i, 90), (1010 + 100 * i, 50)])
    acknowledged = [t for t in j.acknowledge(0, "li") if t.kind.value == "acknowledged"]
    assert len(acknowledged) == MAX_FOUND


READINGS = st.lists(st.integers(70, 90), min_size=1, max_size=40)


@given(values=READINGS, data=st.data())
def test_duplicates_anywhere_and_in_any_order_change_nothing(
    values: list[int], data: st.DataObject
) -> None:
    readings = every_10_s(0, values)
    outage = data.draw(st.integers(0, len(readings)))
    live = readings[:outage] + [(at_s + 5000, v) for at_s, v in readings[outage:]]
    plain, doubled = judge(), judge()
    expected = feed(plain, live)
    happened = []
    for i, reading in enumerate(live):
        happened += feed(doubled, [reading])
        again = data.draw(st.lists(st.sampled_from(live[: i + 1]), max_size=3))
        assert feed(doubled, again) == []
    assert happened == expected
    assert doubled.snapshot() == plain.snapshot()


@given(early=READINGS, missed=READINGS, late=READINGS, data=st.data())
def test_late_data_and_its_duplicates_never_change_the_live_state(
    early: list[int], missed: list[int], late: list[int], data: st.DataObject
) -> None:
    j, without = judge(), judge()
    live = every_10_s(0, early) + every_10_s(2000, late)
    assert feed(j, live) == feed(without, live)
    backlog = every_10_s(10 * len(early), missed)
    for i, reading in enumerate(backlog):
        assert all(t.late for t in feed(j, [reading]))
        again = data.draw(st.lists(st.sampled_from(live + backlog[: i + 1]), max_size=3))
        assert feed(j, again) == []
    assert j.states == without.states
    assert j.quiet_band() == without.quiet_band()
