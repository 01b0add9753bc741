"""Alarms after a crash and on a rebuild: the same, and nobody is told twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.projections.alarms.projection import AlarmProjection
from cloud.projections.feed import CommittedRecord
from cloud.projections.runner import catch_up
from cloud.projections.series import SeriesIndex
from evidence.record import RecordKind
from tests.cloud.projections.alarms.test_projection import (
    GATEWAY,
    HOT,
    OK,
    ONE_POINT,
    WARM,
    finding,
)
from tests.support.alarm_world import AlarmWorld, alarm_world
from tests.support.feeds import ListArchive, group_of
from tests.support.fridge import Fridges
from tests.support.registries import registry_of


def test_nobody_is_told_twice_after_a_crash(tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    fridges = Fridges(records)
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        fridges.send(OK)
        fridges.send(HOT)
        assert len(w.settle()) == 2
        crashed = (
            (tmp_path / "alarms.db").read_bytes(),
            (tmp_path / "alarms.db-wal").read_bytes(),
        )
    (tmp_path / "alarms.db").write_bytes(crashed[0])
    (tmp_path / "alarms.db-wal").write_bytes(crashed[1])
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        assert w.projection.cursor == 0
        assert w.settle() == []
        w.projection.tick(records[-1].recv_ms)
        assert w.queued == []
        fridges.send(OK)
        assert [d["event"] for d in w.settle()] == ["returned", "returned"]


def test_what_could_not_be_recorded_before_a_crash_is_recorded_after_it(tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        Fridges(records).send(HOT)
        w.apply()
        lost = list(w.queued)
        assert len(lost) == 2
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        w.projection.tick(records[-1].recv_ms)
        assert w.queued == lost
        w.projection.tick(records[-1].recv_ms + 1)
        assert w.queued == lost


def test_a_silence_that_was_found_ends_after_a_crash_too(tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    fridges = Fridges(records)
    quick = registry_of(channels=[1], heartbeat_s=10)  # found before memory is saved anyway
    files = [tmp_path / "alarms.db", tmp_path / "alarms.db-wal"]
    with alarm_world(tmp_path, records, registry=quick) as w:
        heard_ms = fridges.send(OK).recv_ms
        w.settle()
        w.projection.tick(heard_ms + 21_000)
        assert len(w.queued) == 1  # and is lost
        crashed = [file.read_bytes() for file in files]
    for file, content in zip(files, crashed, strict=True):
        file.write_bytes(content)
    with alarm_world(tmp_path, records, registry=quick) as w:
        w.projection.tick(heard_ms + 22_000)
        fridges.seq += 3
        fridges.send(OK)
        events = [(d["kind"], d["event"]) for d in w.settle()]
        assert events == [("silent", "raised"), ("silent", "returned")]


def test_a_silence_known_only_from_the_archive_ends_when_the_gateway_is_heard(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path / "first", [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        heard_ms = fridges.send(OK).recv_ms
        w.settle()
        w.projection.tick(heard_ms + 130_000)
        w.settle()
        records = w.records
    with alarm_world(tmp_path / "rebuilt", records, registry=ONE_POINT) as w:
        assert w.settle() == []
        assert w.projection.is_silent(GATEWAY)
        fridges.seq += 3
        fridges.send(OK)
        assert [(d["kind"], d["event"]) for d in w.settle()] == [("silent", "returned")]


def test_a_group_that_fails_halfway_is_judged_again_from_what_was_saved(tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    fridges = Fridges(records)
    for v in (OK, HOT, OK, HOT):
        fridges.send(v)
    recorded: list[bytes] = []
    projection = AlarmProjection(
        tmp_path / "alarms.db", SeriesIndex(ONE_POINT), lambda _, data: recorded.append(data), 0
    )
    projection.apply(group_of(records[:1]))
    unread: Any = None  # a mistake of ours, not of the archive's
    broken = replace(records[2], kind=RecordKind.FINDING, gateway=None, body=None, raw=unread)
    with pytest.raises(TypeError):
        projection.apply(group_of([records[1], broken]))
    assert projection.cursor == 0
    projection.apply(group_of(records))
    with alarm_world(tmp_path / "whole", records, registry=ONE_POINT, live_from=0) as w:
        w.apply()
        assert recorded == [data for _, data in w.queued]
        assert list(projection.export()) == list(w.projection.export())
    projection.close()


def rebuilt_like(tmp_path: Path, w: AlarmWorld) -> None:
    with alarm_world(tmp_path / "rebuilt", w.records, registry=w.registry) as again:
        catch_up(again.projection, ListArchive(w.records))
        again.projection.tick(w.records[-1].recv_ms)
        assert again.queued == []
        assert again.exported() == w.exported()


def test_a_rebuild_agrees_on_everything_and_tells_nobody(tmp_path: Path) -> None:
    with alarm_world(tmp_path / "live", [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        for v in (OK, HOT, OK, WARM):
            fridges.send(v)
            for document in w.settle():
                if document["event"] == "raised" and document["severity"] == "alarm":
                    w.projection.acknowledge(document["alarm"], "p", document["told_ms"] + 1)
        w.projection.tick(w.records[-1].recv_ms + 500_000)
        w.settle()
        fridges.seq += 10
        fridges.send(OK)
        w.records.append(finding(len(w.records), "fork", at_ms=w.records[-1].recv_ms))
        w.settle()
        assert {row["kind"] for row in w.exported()} == {"limit", "silent", "fork"}
        rebuilt_like(tmp_path, w)


@settings(max_examples=60, deadline=None)
@given(
    minutes=st.lists(
        st.tuples(
            st.lists(st.sampled_from([OK, WARM, HOT, 150, 600]), min_size=6, max_size=6),
            st.booleans(),  # the link is down in this minute
            st.sampled_from([1, 1, 1, 2]),  # how many of the two fridges answer
        ),
        max_size=8,
    ),
    sizes=st.lists(st.integers(1, 4), max_size=8),
    reopen_at=st.integers(0, 12),
)
def test_alarms_do_not_depend_on_how_batches_were_grouped(
    tmp_path_factory: pytest.TempPathFactory,
    minutes: list[tuple[list[int], bool, int]],
    sizes: list[int],
    reopen_at: int,
) -> None:
    registry = registry_of(channels=[1, 2])
    fridges = Fridges([])
    late = []
    for values, is_down, width in minutes:
        fridges.width = width
        body = fridges.seal(values)
        if is_down:
            late.append(body)
            continue
        fridges.arrive(body)
        while late:
            fridges.arrive(late.pop(0))
    records = fridges.records
    folder = tmp_path_factory.mktemp("groups")
    with alarm_world(folder / "one", records, registry=registry) as w:
        w.apply([1] * len(records))
        one_by_one = w.exported()
    with alarm_world(folder / "groups", records, registry=registry) as w:
        w.records = records[:reopen_at]
        w.apply(sizes)
    with alarm_world(folder / "groups", records, registry=registry) as w:
        w.apply(sizes)
        assert w.exported() == one_by_one
