"""Whoever looks at a page is told what is new, and nobody costs anything who does not."""

from array import array

from cloud.projections.feed import CommitGroup
from cloud.projections.live import MAX_POINTS, LiveProjection
from cloud.projections.series import SeriesIndex
from dashboards.models import ChangedUpdate, LiveUpdate, ReadingUpdate
from evidence.record import RecordKind
from tests.support.feeds import group_of, other_record
from tests.support.fridge import Fridges
from tests.support.registries import gateway_name, point_name, registry_of

GATEWAY = gateway_name(0)


def told(group: CommitGroup, *, channels: int = 2, is_watched: bool = True) -> list[LiveUpdate]:
    updates: list[LiveUpdate] = []
    index = SeriesIndex(registry_of(channels=range(1, channels + 1)))
    live = LiveProjection(index, group.first_index, updates.append, lambda: is_watched)
    live.apply(group)
    assert live.cursor == group.next_index
    return updates


def test_new_readings_are_told_point_by_point_in_order_of_time() -> None:
    fridges = Fridges([], width=3)
    late = fridges.seal(400)
    fridges.send([500, 510, 520, 530, 540, 550])
    fridges.arrive(late)
    first, second = told(group_of(fridges.records))
    assert isinstance(first, ReadingUpdate)
    assert isinstance(second, ReadingUpdate)
    assert (first.point, second.point) == (point_name(GATEWAY, 1), point_name(GATEWAY, 2))
    assert list(first.values) == [4.0] * 6 + [5.0, 5.1, 5.2, 5.3, 5.4, 5.5]
    assert list(first.times) == [fridges.start_ms + i * 10_000 for i in range(12)]


def test_a_poll_without_a_value_is_told_as_none() -> None:
    fridges = Fridges([])
    body = fridges.seal([500] * 6)
    assert body.columns is not None
    body.columns.q_start, body.columns.q_len = array("H", [1]), array("H", [2])
    body.columns.q = array("B", [8])
    fridges.arrive(body)
    (update,) = told(group_of(fridges.records))
    assert isinstance(update, ReadingUpdate)
    assert list(update.values) == [5.0, None, None, 5.0, 5.0, 5.0]


def test_alarms_and_findings_are_told_as_a_change() -> None:
    for kind in (RecordKind.ALARM, RecordKind.FINDING):
        assert told(group_of([other_record(0, kind, b"", recv_ms=1)])) == [ChangedUpdate()]
    assert told(group_of([other_record(0, RecordKind.KEY, b"", recv_ms=1)])) == []


def test_more_points_than_a_page_takes_are_told_as_a_change() -> None:
    fridges = Fridges([], width=MAX_POINTS + 1)
    fridges.send(500)
    assert told(group_of(fridges.records), channels=MAX_POINTS + 1) == [ChangedUpdate()]


def test_readings_of_unknown_time_are_not_told() -> None:
    fridges = Fridges([])
    fridges.send(500, sync=0)
    assert told(group_of(fridges.records)) == []


def test_nothing_is_done_while_nobody_looks() -> None:
    fridges = Fridges([])
    fridges.send(500)
    assert told(group_of(fridges.records), is_watched=False) == []


def test_batches_without_readings_tell_nothing() -> None:
    fridges = Fridges([])
    fridges.arrive(fridges.seal(500, columns=None))
    assert told(group_of(fridges.records)) == []
