"""A point whose probe is replaced gets a new channel, and stays the point that it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.projections.latest import LatestProjection
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.projection import TimeSeriesProjection
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import SeriesKey
from tests.support.alarm_world import alarm_world
from tests.support.feeds import ListArchive, group_of
from tests.support.fridge import ROWS
from tests.support.replaced import GATEWAY, NEW_GATEWAY, POINT_ID, SITE, Replaced, replaced

OK, HOT = 500, 860
GONE = "gap"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Replaced]:
    with replaced(tmp_path) as opened:
        yield opened


def test_history_is_answered_under_the_old_channel(world: Replaced) -> None:
    world.move(channel=5)
    world.move(gateway=NEW_GATEWAY, channel=5)
    for place in ((GATEWAY, 1), (GATEWAY, 5), (NEW_GATEWAY, 5)):
        point = world.registry.point(*place)
        assert point is not None
        assert (point.id, point.is_former) == (POINT_ID, place != (NEW_GATEWAY, 5))
    former = [(p.gateway, p.channel) for p in world.registry.former(POINT_ID)]
    assert former == [(GATEWAY, 5), (GATEWAY, 1)]
    assert world.registry.former(f"{SITE}-x") == []


def test_a_channel_that_comes_back_is_not_a_former_one(world: Replaced) -> None:
    world.move(channel=5)
    world.move(channel=1)
    point = world.registry.point(GATEWAY, 1)
    assert point is not None
    assert not point.is_former
    assert [p.channel for p in world.registry.former(POINT_ID)] == [5]


@pytest.mark.parametrize("places", [[1, 5], [5, 1]])
def test_both_channels_are_one_series_after_a_restart_too(
    world: Replaced, places: list[int]
) -> None:
    running = SeriesIndex(world.registry)
    world.registry.listeners.append(running.forget)
    before = running.number(GATEWAY, 1)
    world.move(channel=5)
    assert running.number(GATEWAY, 5) == running.number(GATEWAY, 1) == before
    assert running.points[before].channel == 5
    started = SeriesIndex(world.registry)
    assert [started.number(GATEWAY, channel) for channel in places] == [0, 0]
    assert [point.channel for point in started.points] == [5]


def test_a_new_channel_that_is_heard_before_it_is_told_is_the_same_series(
    world: Replaced,
) -> None:
    running = SeriesIndex(world.registry)
    before = running.number(GATEWAY, 1)
    world.move(channel=5)  # and nobody has told the index
    assert running.number(GATEWAY, 5) == before
    assert len(running.points) == 1


def test_a_channel_that_is_given_to_another_point_is_another_series(world: Replaced) -> None:
    running = SeriesIndex(world.registry)
    world.registry.listeners.append(running.forget)
    before = running.number(GATEWAY, 1)
    world.put(POINT_ID, state="out_of_service")
    world.put(POINT_ID, state="retired")
    world.add("second", channel=1)
    after = running.number(GATEWAY, 1)
    assert after != before
    world.put(POINT_ID, name_en="Scrapped")
    assert running.number(GATEWAY, 1) == after
    assert SeriesIndex(world.registry).number(GATEWAY, 1) == 0
    found = world.registry.point(GATEWAY, 1)
    assert found is not None
    assert found.id == "second"
    assert [point.id for point in running.points] == [POINT_ID, "second"]


def test_points_are_numbered_by_their_ids_too(world: Replaced) -> None:
    world.add("second", channel=2)
    running = SeriesIndex(world.registry)
    world.registry.listeners.append(running.forget)
    assert running.numbers_of_points([POINT_ID, "x", "second"]) == [0, -1, 1]
    assert [running.number(GATEWAY, channel) for channel in (1, 2, 3)] == [0, 1, -1]
    world.put("second", state="out_of_service")
    assert not running.points[1].is_expected


@pytest.mark.parametrize("restarts", [False, True])
def test_alarms_keep_to_their_point_when_its_channel_is_given_away(
    world: Replaced,
    tmp_path: Path,
    restarts: bool,  # noqa: FBT001
) -> None:
    folder = tmp_path / "alarms"
    folder.mkdir()
    with alarm_world(folder, world.records, registry=world.registry, live_from=0) as alarms:
        world.send(HOT)
        assert {d["point"] for d in alarms.settle()} == {POINT_ID}
        world.put(POINT_ID, state="out_of_service")
        world.put(POINT_ID, state="retired")
        world.add("second", channel=1)
        world.send(OK)
        ended = {(d["point"], d["event"]) for d in alarms.settle()}
        assert ended == {(POINT_ID, "returned")}, "nothing is judged of what is retired"
        if restarts:
            alarms.projection.close()
            alarms.__post_init__()
        world.send(HOT)
        raised = {(d["point"], d["event"]) for d in alarms.settle()}
        assert raised == {("second", "raised")}
        if restarts:
            alarms.projection.close()
            alarms.__post_init__()
        world.send(OK)
        returned = {(d["point"], d["event"]) for d in alarms.settle()}
        assert returned == {("second", "returned")}


def test_a_point_that_the_registry_lacked_for_a_while_is_remembered_anew(
    world: Replaced, tmp_path: Path
) -> None:
    folder = tmp_path / "alarms"
    folder.mkdir()
    with alarm_world(folder, world.records, registry=world.registry, live_from=0) as alarms:
        world.send(OK)
        assert alarms.settle() == []
        for valid_to_ms in (1, None):  # an older copy of its database, then the right one
            alarms.projection.close()
            with world.store.engine.begin() as database:
                hidden = "UPDATE point SET valid_to_ms = ? WHERE id = ?"
                database.exec_driver_sql(hidden, (valid_to_ms, POINT_ID))
            alarms.__post_init__()
            world.send(OK)
            assert alarms.settle() == []
        world.send(HOT)
        assert {d["point"] for d in alarms.settle()} == {POINT_ID}


def test_readings_of_both_channels_are_in_the_series_of_the_point(
    world: Replaced, tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / "series")
    series = SeriesIndex(world.registry)
    world.registry.listeners.append(series.forget)
    archive = ListArchive(world.records)
    projection = TimeSeriesProjection(tmp_path / "ts.db", store, series, archive)
    world.send(OK)
    projection.apply(group_of(world.records))
    world.move(channel=5)
    world.send(HOT, channel=5)
    projection.apply(group_of(world.records[1:]))
    span = store.range(SeriesKey(SITE, POINT_ID, "temperature"), 0, 1 << 60, 100)
    assert span.value.tolist() == [5.0] * ROWS + [8.6] * ROWS
    projection.close()
    store.close()


def test_the_newest_reading_is_that_of_the_point_on_any_channel(
    world: Replaced, tmp_path: Path
) -> None:
    def shown(projection: LatestProjection) -> list[float]:
        reading = projection.of_point(POINT_ID)
        assert reading is not None
        return [reading.value, *(r.value for r in projection.all().values())]

    def opened() -> LatestProjection:
        series = SeriesIndex(world.registry)
        world.registry.listeners.append(series.forget)
        return LatestProjection(tmp_path / "latest.db", series)

    projection = opened()
    world.send(OK)
    projection.apply(group_of(world.records))
    world.move(channel=5)
    assert shown(projection) == [5.0, 5.0], "until the new probe has told something"
    projection.close()
    projection = opened()
    assert shown(projection) == [5.0, 5.0]
    world.send(HOT, channel=5)
    projection.apply(group_of(world.records[1:]))
    projection.close()
    projection = opened()
    assert shown(projection) == [8.6, 8.6], "of two rows in the file the newer one"
    projection.close()


def test_the_old_channel_may_be_silent_for_ever(world: Replaced, tmp_path: Path) -> None:
    with alarm_world(tmp_path, world.records, registry=world.registry) as alarms:
        world.send(OK)
        alarms.settle()
        world.move(channel=5)
        for _ in range(8):
            world.send(OK, channel=5)
            assert alarms.settle() == []


def test_what_was_wrong_under_the_old_probe_ends_under_the_new_one(
    world: Replaced, tmp_path: Path
) -> None:
    with alarm_world(tmp_path, world.records, registry=world.registry) as alarms:
        world.add("other", 2)
        world.send(HOT)
        assert {d["kind"] for d in alarms.settle()} == {"limit"}
        for _ in range(8):
            world.send(OK, channel=2)
        told = [(d["kind"], d["event"], d["point"]) for d in alarms.settle()]
        assert told == [(GONE, "raised", POINT_ID)]
        world.move(channel=5)
        world.send(OK, channel=5)
        told = [(d["kind"], d["event"], d["point"]) for d in alarms.settle()]
        assert sorted(set(told)) == [
            (GONE, "returned", POINT_ID),
            ("limit", "returned", POINT_ID),
        ]


def test_a_point_registered_later_is_expected_from_its_first_value_on(
    world: Replaced, tmp_path: Path
) -> None:
    with alarm_world(tmp_path, world.records, registry=world.registry) as alarms:
        for _ in range(8):
            world.send(OK)
        alarms.settle()
        world.add("late", 2)
        world.send(OK)
        world.send(OK, channel=2)
        assert alarms.settle() == []
        for _ in range(8):
            world.send(OK)
        told = [(d["kind"], d["event"], d["point"]) for d in alarms.settle()]
        assert told == [(GONE, "raised", "late")]
