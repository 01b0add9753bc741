"""The judge of a point: GSP at work, the quiet band, snapshots."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alarms.judge import PointJudge
from domain.alarms.limits import Transition
from domain.alarms.state import AlarmState
from domain.errors import BadSnapshotError
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from domain.rules.model import Direction, Limit, Severity
from tests.support.alarms import feed, judge, limit, told


def cold(exp: int = -1) -> PointJudge:
    return PointJudge("p", rule_pack("CN_COLD_2_8"), Quantity.TEMPERATURE, exp)


def test_gsp_warns_at_the_critical_value_and_alarms_beyond_the_range() -> None:
    happened = feed(cold(), [(0, 50), (10, 74), (20, 75), (30, 80), (40, 81)])
    assert [(t.limit.severity, t.at_ms) for t in happened] == [
        (Severity.PREALARM, 20_000),
        (Severity.ALARM, 40_000),
    ]
    assert happened[1].limit.clause == "GSP Annex 3 art. 6"
    assert happened[1].value == 81


def test_the_quiet_band_of_a_normal_point_lies_between_its_critical_values() -> None:
    assert cold().quiet_band() == (26, 74)
    assert cold(-2).quiet_band() == (251, 749)


def test_during_an_alarm_the_band_is_where_it_stays_raised() -> None:
    j = cold()
    feed(j, [(0, 90)])
    assert j.quiet_band() == (78, 2**53)
    assert not j.is_normal


def test_while_a_delay_runs_every_value_matters() -> None:
    j = judge(limit(delay_ms=60_000))
    feed(j, [(0, 90)])
    assert j.quiet_band() is None


def test_a_raised_alarm_with_a_delay_is_quiet_while_it_stays_raised() -> None:
    j = judge(limit(delay_ms=60_000))
    feed(j, [(0, 90), (60, 90), (70, 90)])
    assert j.quiet_band() == (78, 2**53)


def test_a_quantity_without_limits_is_always_quiet() -> None:
    j = PointJudge("p", rule_pack("CN_COLD_2_8"), Quantity.BATTERY, 0)
    assert feed(j, [(0, -(10**9)), (1, 10**9)]) == []
    assert j.is_normal


LIMITS = st.lists(
    st.builds(
        limit,
        st.sampled_from(["2", "5", "7.5", "8"]),
        st.sampled_from(Direction),
        deadband=st.sampled_from(["0", "0.3", "1"]),
        delay_ms=st.sampled_from([0, 20_000]),
        readings=st.sampled_from([1, 2]),
        in_range=st.booleans(),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda x: x.key,
)
VALUES = st.lists(st.integers(0, 100), max_size=30)


def story(j: PointJudge) -> tuple[object, ...]:
    return (dict(j.states), j.quiet_band())


@given(limits=LIMITS, before=VALUES, data=st.data())
def test_no_sequence_inside_the_quiet_band_changes_anything(
    limits: list[Limit], before: list[int], data: st.DataObject
) -> None:
    j = judge(*limits)
    feed(j, [(10 * i, v) for i, v in enumerate(before)])
    band = j.quiet_band()
    if band is None:
        return
    low, high = max(band[0], -200), min(band[1], 200)
    was = story(j)
    for i, v in enumerate(data.draw(st.lists(st.integers(low, high), max_size=20))):
        assert feed(j, [(1000 + 10 * i, v)]) == []
        assert story(j) == was


@given(limits=LIMITS, before=VALUES, data=st.data())
def test_every_value_outside_the_quiet_band_changes_something(
    limits: list[Limit], before: list[int], data: st.DataObject
) -> None:
    j = judge(*limits)
    feed(j, [(10 * i, v) for i, v in enumerate(before)])
    band = j.quiet_band()
    if band is None:
        return
    edges = [v for v in (band[0] - 1, band[1] + 1) if abs(v) < 2**53]
    if not edges:
        return
    was = story(j)
    happened = feed(j, [(10 * len(before), data.draw(st.sampled_from(edges)))])
    assert happened or story(j) != was


@given(limits=LIMITS, values=VALUES)
def test_whole_columns_and_single_values_tell_the_same_story(
    limits: list[Limit], values: list[int]
) -> None:
    singly, by_column = judge(*limits), judge(*limits)
    readings = [(10 * i, v) for i, v in enumerate(values)]
    expected = feed(singly, readings)
    happened: list[Transition] = []
    for i in range(0, len(readings), 5):
        column = readings[i : i + 5]
        band = by_column.quiet_band()
        is_quiet = band is not None and all(band[0] <= v <= band[1] for _, v in column)
        if is_quiet and by_column.quiet(column[0][0] * 1000, column[-1][0] * 1000):
            continue
        happened += feed(by_column, column)
    assert happened == expected
    assert by_column.states == singly.states
    assert by_column.last_ms == singly.last_ms


READINGS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(60, 95)), max_size=30, unique_by=lambda r: r[0]
)


@given(limits=LIMITS, readings=READINGS, data=st.data())
def test_a_snapshot_restored_goes_on_as_if_nothing_had_happened(
    limits: list[Limit], readings: list[tuple[int, int]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(readings)))
    j = judge(*limits)
    feed(j, readings[:cut])
    other = judge(*limits)
    other.restore(json.loads(json.dumps(j.snapshot())))
    assert other.snapshot() == j.snapshot()
    assert feed(other, readings[cut:]) == feed(j, readings[cut:])
    assert other.acknowledge(9_000_000, "li") == j.acknowledge(9_000_000, "li")
    assert other.snapshot() == j.snapshot()


def test_a_snapshot_survives_a_pack_that_lost_a_limit() -> None:
    j = judge(limit("8"), limit("9"))
    feed(j, [(0, 95)])
    other = judge(limit("8"))
    other.restore(j.snapshot())
    assert list(other.states.values()) == [AlarmState.UNACKNOWLEDGED]


@pytest.mark.parametrize("saved", [{}, {"version": 2}, {"version": 1, "last_ms": 0}])
def test_a_foreign_snapshot_is_refused(saved: dict[str, object]) -> None:
    with pytest.raises(BadSnapshotError, match="saved alarm state"):
        judge().restore(saved)


def test_one_acknowledgement_covers_every_alarm_of_the_point() -> None:
    j = cold()
    feed(j, [(0, 90)])
    assert [t.kind.value for t in j.acknowledge(5_000, "li")] == ["acknowledged"] * 2
    assert told(feed(j, [(10, 50)])) == [("returned", 10), ("cleared", 10)] * 2
    assert j.is_normal
