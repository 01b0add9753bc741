"""The embedded store: months, sealed days, restarts. The contract suite has the rest."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud.errors import UnavailableError
from cloud.projections.timeseries import sqlite as subject
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import SeriesKey
from tests.support.readings import T0_MS, rows_of, steady

KEY = SeriesKey("chs-001", "p1", "temperature")
DAY_MS = 86_400_000
MONTH_MS = 31 * DAY_MS
ALL = 1 << 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "series")
    yield store
    store.close()


def stored_rows(folder: Path) -> int:
    count = 0
    for path in folder.glob("2*.db"):
        with closing(sqlite3.connect(path)) as db:
            count += db.execute("SELECT count(*) FROM reading").fetchone()[0]
    return count


def test_a_month_is_a_file(store: SqliteStore, tmp_path: Path) -> None:
    store.write(rows_of([KEY], [(0, T0_MS + i * MONTH_MS, i) for i in range(3)]))
    names = sorted(path.name for path in (tmp_path / "series").glob("2*.db"))
    assert names == ["2026-09.db", "2026-10.db", "2026-11.db"]


def test_more_months_than_open_files_can_be_written(store: SqliteStore) -> None:
    readings = [(0, T0_MS + i * MONTH_MS, i) for i in range(3 * subject.MAX_OPEN_MONTHS)]
    for reading in (*readings, *reversed(readings)):
        store.write(rows_of([KEY], [reading]))
    assert store.range(KEY, 0, subject.LAST_MS, ALL).ts.tolist() == [
        ts for _, ts, _ in readings
    ]


def test_sealing_changes_nothing_that_is_read(store: SqliteStore, tmp_path: Path) -> None:
    store.write(rows_of([KEY], steady(0, 3000, step_ms=60_000)))
    before = store.range(KEY, 0, subject.LAST_MS, ALL)
    assert store.seal(T0_MS + 10 * DAY_MS, 100) == 3
    after = store.range(KEY, 0, subject.LAST_MS, ALL)
    assert stored_rows(tmp_path / "series") == 0
    assert (after.ts.tolist(), after.value.tolist()) == (
        before.ts.tolist(),
        before.value.tolist(),
    )
    assert store.latest([KEY])[KEY].ts == before.ts[-1]


def test_sealing_leaves_the_open_day_alone(store: SqliteStore, tmp_path: Path) -> None:
    store.write(rows_of([KEY], steady(0, 3000, step_ms=60_000)))
    store.seal(T0_MS, 100)
    assert stored_rows(tmp_path / "series") == 3000


def test_sealing_stops_at_its_bound_and_goes_on_later(store: SqliteStore) -> None:
    keys = [KEY._replace(point=f"p{i}") for i in range(4)]
    store.write(rows_of(keys, [r for s in range(4) for r in steady(s, 10)]))
    assert [store.seal(T0_MS + 2 * DAY_MS, 3) for _ in range(3)] == [3, 1, 0]


def test_late_readings_of_a_sealed_day_win_and_are_sealed_again(
    store: SqliteStore, tmp_path: Path
) -> None:
    store.write(rows_of([KEY], [(0, T0_MS + i * 1000, 400) for i in (0, 1, 3)]))
    store.seal(T0_MS + 2 * DAY_MS, 100)
    store.write(rows_of([KEY], [(0, T0_MS + i * 1000, 500) for i in (1, 2)]))
    for _ in range(2):
        got = store.range(KEY, T0_MS, T0_MS + DAY_MS, ALL)
        assert got.value.tolist() == [4.0, 5.0, 5.0, 4.0]
        store.seal(T0_MS + 2 * DAY_MS, 100)
    assert stored_rows(tmp_path / "series") == 0


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    for part in range(3):
        store = SqliteStore(tmp_path)
        store.write(rows_of([KEY], steady(0, 10, t0_ms=T0_MS + part * 1_000_000)))
        store.close()
    store = SqliteStore(tmp_path)
    assert len(store.range(KEY, 0, subject.LAST_MS, ALL)) == 30
    store.close()


def test_a_time_no_clock_of_ours_shows_is_rejected_and_named(store: SqliteStore) -> None:
    result = store.write(rows_of([KEY], [(0, 1000, 1), (0, T0_MS, 2), (0, 1 << 52, 3)]))
    assert result.accepted == 1
    assert [r.line.rsplit(" ", 1)[1] for r in result.rejected] == ["1000", str(1 << 52)]


def test_a_folder_that_went_away_is_the_worlds_fault(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "series")
    store.write(rows_of([KEY], steady(0, 3)))
    (tmp_path / "series" / "2026-09.db").rename(tmp_path / "aside.db")
    (tmp_path / "series" / "2026-09.db").mkdir()
    with pytest.raises(UnavailableError, match="time series folder"):
        store.range(KEY, 0, subject.LAST_MS, ALL)
    store.close()
