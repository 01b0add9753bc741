"""The archive's readings in a store: each once, whatever is repeated, late or blind."""

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cloud.errors import UnavailableError
from cloud.projections.feed import CommittedRecord
from cloud.projections.runner import catch_up
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.projection import TimeSeriesProjection
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import (
    Buckets,
    Health,
    Rows,
    SeriesKey,
    Span,
    StoredReading,
    WriteResult,
)
from domain.quality import NO_VALUE_FROM
from evidence.batch import expand
from tests.support.feeds import ListArchive, split
from tests.support.fridge import SEAL_MS, Fridges
from tests.support.registries import point_name, registry_of

REGISTRY = registry_of(channels=range(1, 4))


@dataclass(frozen=True, slots=True)
class World:
    projection: TimeSeriesProjection
    archive: ListArchive

    def apply(self, sizes: Sequence[int] = ()) -> None:
        fresh = self.archive.records[self.projection.cursor :]
        for group in split(fresh, sizes):
            self.projection.apply(group)

    def exported(self) -> list[list[object]]:
        return [json.loads(line) for line in self.projection.export()]


@contextmanager
def world(folder: Path, records: list[CommittedRecord]) -> Iterator[World]:
    store = SqliteStore(folder / "series")
    archive = ListArchive(records)
    index = SeriesIndex(REGISTRY)
    projection = TimeSeriesProjection(folder / "timeseries.db", store, index, archive)
    yield World(projection, archive)
    projection.close()
    store.close()


def source(records: Sequence[CommittedRecord]) -> list[list[object]]:
    """Return what must be stored, one reading at a time; all clocks known."""
    stored: dict[tuple[str, int], tuple[float, int]] = {}
    for record in records:
        assert record.body is not None
        for channel, exp, ts, v, q in expand(record.body):
            if q < NO_VALUE_FROM and REGISTRY.point(record.gateway or "", channel):
                stored[point_name(record.gateway or "", channel), ts] = (v / 10**-exp, q)
    return [
        ["chs-001", point, "temperature", ts, value, q]
        for (point, ts), (value, q) in sorted(stored.items())
    ]


def test_every_reading_of_the_archive_is_stored(tmp_path: Path) -> None:
    fridges = Fridges([], width=3)
    for i in range(20):
        fridges.send([400 + i, 410 - i, 420, 430, 440, 450])
    with world(tmp_path, fridges.records) as w:
        w.apply([1, 3, 5])
        assert w.exported() == source(fridges.records)
        assert w.projection.counters() == {"stored": 360}


def test_unregistered_channels_and_missing_values_are_counted_not_stored(
    tmp_path: Path,
) -> None:
    fridges = Fridges([], width=5)
    body = fridges.seal(400)
    assert body.columns is not None
    body.columns.q_start = array("H", [0])
    body.columns.q_len = array("H", [2])
    body.columns.q = array("B", [9])
    fridges.arrive(body)
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert w.exported() == source(fridges.records)
        assert w.projection.counters() == {"stored": 16, "unmapped": 12, "without_value": 2}


def test_a_reading_said_twice_at_one_time_is_stored_once_and_the_last_stands(
    tmp_path: Path,
) -> None:
    fridges = Fridges([])
    first = fridges.seal(400)
    fridges.seq = 0
    second = fridges.seal(500, epoch=b"epoch--2")
    fridges.arrive(first)
    fridges.arrive(second)
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert [row[4] for row in w.exported()] == [5.0] * 6
        assert w.projection.counters() == {"stored": 6, "repeated": 6}


def test_a_blind_batch_waits_for_an_anchor_of_its_boot(tmp_path: Path) -> None:
    fridges = Fridges([], start_ms=86_400_000, fields={"sync": 0})
    blind = [fridges.send(400, t0=1000 + i).body for i in range(3)]
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert w.exported() == []
        fridges.start_ms = 1_700_000_000_000
        anchor = fridges.send(500, sync=1)
        w.apply()
        rows = w.exported()
        assert [(row[4], row[5]) for row in rows] == [(4.0, 1)] * 18 + [(5.0, 0)] * 6
        assert anchor.body is not None
        assert blind[0] is not None
        starts = [anchor.body.t0 - SEAL_MS * (3 - i) for i in range(3)]
        assert [row[3] for row in rows[:18:6]] == starts


def test_a_blind_batch_that_comes_after_its_anchor_is_placed_at_once(tmp_path: Path) -> None:
    fridges = Fridges([])
    blind = fridges.seal(400, sync=0, t0=0)
    anchor = fridges.send(500)
    fridges.arrive(blind)
    with world(tmp_path, fridges.records) as w:
        w.apply([1])
        assert anchor.body is not None
        assert next(row[3] for row in w.exported()) == anchor.body.t0 - SEAL_MS
        assert len(w.exported()) == 12


def test_another_boots_anchor_places_nothing(tmp_path: Path) -> None:
    fridges = Fridges([])
    fridges.send(400, sync=0, boot=1)
    fridges.send(400, sync=1, boot=2)
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert len(w.exported()) == 6


def test_after_ten_minutes_without_an_anchor_a_batch_is_in_the_unplaced_view(
    tmp_path: Path,
) -> None:
    fridges = Fridges([])
    for _ in range(2):
        fridges.send(400, sync=0)
    since_ms = fridges.records[0].recv_ms
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert w.projection.unplaced(since_ms + 599_999) == []
        (found,) = w.projection.unplaced(since_ms + 600_000)
        assert (found.gateway, found.boot, found.batches) == (fridges.gateway, 7, 2)
        assert (found.readings, found.since_ms, found.first_record) == (12, since_ms, 0)
        fridges.send(500)
        w.apply()
        assert w.projection.unplaced(since_ms + 999_999_999) == []
        assert len(w.exported()) == 18


def test_what_is_held_outlives_a_restart(tmp_path: Path) -> None:
    fridges = Fridges([])
    fridges.send(400, sync=0)
    with world(tmp_path, fridges.records) as w:
        w.apply()
    fridges.send(500)
    with world(tmp_path, fridges.records) as w:
        assert w.projection.cursor == 1
        w.apply()
        assert len(w.exported()) == 12


def test_times_that_no_store_takes_become_dead_letters(tmp_path: Path) -> None:
    fridges = Fridges([], start_ms=1000)
    fridges.send(400)
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert w.projection.counters() == {"refused": 6}
        newest = w.projection.dead_letters(2)
        assert [letter.number for letter in newest] == [6, 5]
        assert "value=4,q=0i" in newest[0].line
        assert "2000" in newest[0].reason


batches = st.lists(
    st.tuples(
        st.integers(0, 3),  # which minute: repeats and late ones among them
        st.lists(st.integers(-300, 900), min_size=6, max_size=6),
        st.sampled_from([0, 1, 1]),  # sync
        st.sampled_from([7, 8]),  # boot
    ),
    max_size=8,
)


@dataclass(slots=True)
class OnceDown:
    """A store that is down for the first write that is asked of it."""

    store: SqliteStore
    is_down: bool = True

    def write(self, rows: Rows) -> WriteResult:
        if self.is_down:
            self.is_down = False
            raise UnavailableError("down")
        return self.store.write(rows)

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        return self.store.range(key, t0_ms, t1_ms, limit)

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        return self.store.buckets(key, t0_ms, t1_ms, step_ms)

    def latest(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, StoredReading]:
        return self.store.latest(keys)

    def health(self) -> Health:
        return self.store.health()


def test_an_anchor_seen_while_the_store_was_down_is_not_forgotten(tmp_path: Path) -> None:
    fridges = Fridges([])
    blind = fridges.seal(400, sync=0, t0=0)
    fridges.send(500)
    with world(tmp_path, fridges.records) as w:
        store = w.projection._store
        assert isinstance(store, SqliteStore)
        w.projection._store = OnceDown(store)
        with pytest.raises(UnavailableError):
            w.apply()
        assert w.projection.cursor == 0
        w.apply()
    fridges.arrive(blind)
    with world(tmp_path, fridges.records) as w:
        w.apply()
        assert len(w.exported()) == 12


HELD = [(0, [0] * 6, 0, 7), (0, [0, 0, 0, 0, 0, 1], 0, 7)]


@settings(max_examples=25, deadline=None)
@example(sent=[*HELD, (0, [0] * 6, 1, 7), (0, [0] * 6, 0, 7)], sizes=[1, 2])
@given(sent=batches, sizes=st.lists(st.integers(1, 3), max_size=5))
def test_a_rebuild_exports_the_same_whatever_the_groups_were(
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[tuple[int, list[int], int, int]],
    sizes: list[int],
) -> None:
    fridges = Fridges([])
    for number, (minute, values, sync, boot) in enumerate(sent):
        fridges.seq = minute
        fridges.send(values, sync=sync, boot=boot, epoch=b"epoch%03d" % number)
    folder = tmp_path_factory.mktemp("rebuild")
    with world(folder / "live", fridges.records) as w:
        w.apply(sizes)
        live = w.exported()
    with world(folder / "rebuilt", fridges.records) as w:
        catch_up(w.projection, w.archive)
        assert w.exported() == live
