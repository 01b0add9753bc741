"""The embedded time series store: SQLite files in one folder, no server.

`series.db` names the series; `YYYY-MM.db` holds one month (UTC) of readings, so that keeping
less is deleting a file. A reading is a row until its day is closed and `seal` packs the day;
late readings of a closed day are rows again until the next `seal`.

`write` and `seal` are called from one thread; reads open a connection of their own.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np

from cloud.projections.timeseries import month_file
from cloud.projections.timeseries.chunks import Day
from cloud.projections.timeseries.lines import LineBuilder
from cloud.projections.timeseries.month_file import DAY_MS, storage_faults
from cloud.projections.timeseries.reduce import in_buckets
from cloud.projections.timeseries.scaling import to_float
from cloud.projections.timeseries.store import (
    Buckets,
    Health,
    Int64s,
    Rejected,
    Rows,
    SeriesKey,
    Span,
    StoredReading,
    WriteResult,
)

FIRST_MS: Final = 946_684_800_000  # 2000-01-01: before it, a clock that was never set
LAST_MS: Final = 4_102_444_800_000  # 2100-01-01: bounds the number of month files
MAX_OPEN_MONTHS: Final = 4  # the live month, the backlog of the one before, and two strays
NO_LIMIT: Final = 1 << 62

_NAMES_SQL = """
CREATE TABLE IF NOT EXISTS series (
  id INTEGER PRIMARY KEY, site TEXT NOT NULL, point TEXT NOT NULL, quantity TEXT NOT NULL,
  UNIQUE (site, point, quantity)
);
"""


class SqliteStore:
    """A `TimeSeriesStore` in a folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._months: dict[str, sqlite3.Connection] = {}
        self._numbers: dict[SeriesKey, int] = {}
        self._names = month_file.open_to_write(folder / "series.db", _NAMES_SQL)
        for number, *key in self._names.execute("SELECT id, site, point, quantity FROM series"):
            self._numbers[SeriesKey(*key)] = number

    def write(self, rows: Rows) -> WriteResult:
        """Store `rows`; those outside 2000 to 2100 are rejected."""
        possible = (rows.ts >= FIRST_MS) & (rows.ts < LAST_MS)
        rejected: tuple[Rejected, ...] = ()
        if not possible.all():
            rejected = _rejected(rows.only(~possible))
            rows = rows.only(possible)
        with storage_faults():
            for month, part in _by_month(rows):
                columns = (self._series(part), part.ts, part.v, part.exp, part.q)
                month_file.insert(
                    self._month(month), zip(*(c.tolist() for c in columns), strict=True)
                )
        return WriteResult(accepted=len(rows), rejected=rejected)

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        """Return the first `limit` readings of a series from `t0_ms` on."""
        series = self._numbers.get(key)
        found: list[Day] = []
        missing = limit
        for month in self._months_between(t0_ms, t1_ms):
            if series is None or missing <= 0:
                break
            with storage_faults(), closing(self._reader(month)) as db:
                found.append(month_file.read(db, series, t0_ms, t1_ms))
            missing -= len(found[-1].ts)
        return _as_span(month_file.joined(found), limit)

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        """Return mean, lowest, highest and count per `step_ms`."""
        return in_buckets(self.range(key, t0_ms, t1_ms, NO_LIMIT), step_ms)

    def latest(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, StoredReading]:
        """Return the newest reading of each series that has one."""
        missing = {key: self._numbers[key] for key in keys if key in self._numbers}
        found: dict[SeriesKey, StoredReading] = {}
        for month in reversed(self._months_between(FIRST_MS, LAST_MS)):
            if not missing:
                break
            with storage_faults(), closing(self._reader(month)) as db:
                for key, series in list(missing.items()):
                    if (day := month_file.newest(db, series)) is not None:
                        found[key] = _stored(_as_span(day, 1))
                        del missing[key]
        return found

    def health(self) -> Health:
        """Return the state of the folder."""
        version = sqlite3.sqlite_version
        try:
            with closing(month_file.open_to_read(self._folder / "series.db")) as db:
                (count,) = db.execute("SELECT count(*) FROM series").fetchone()
        except sqlite3.Error as e:
            return Health(reachable=False, flavour="sqlite", version=version, detail=str(e))
        return Health(
            reachable=True, flavour="sqlite", version=version, detail=f"{count} series"
        )

    def seal(self, before_ms: int, max_days: int) -> int:
        """Pack at most `max_days` (series, day) that ended by `before_ms`; return how many."""
        sealed = 0
        for month in self._months_between(FIRST_MS, before_ms):
            if sealed >= max_days:
                break
            with storage_faults():
                db = self._month(month)
                sealed += month_file.seal(db, before_ms // DAY_MS, max_days - sealed)
        return sealed

    def close(self) -> None:
        """Close every file."""
        for db in (self._names, *self._months.values()):
            db.close()
        self._months.clear()

    def _series(self, rows: Rows) -> Int64s:
        table = np.zeros(len(rows.keys), dtype=np.int64)
        used = np.unique(rows.series).tolist()
        table[used] = [self._number(rows.keys[i]) for i in used]
        return table[rows.series]

    def _number(self, key: SeriesKey) -> int:
        number = self._numbers.get(key)
        if number is None:
            sql = "INSERT INTO series (site, point, quantity) VALUES (?, ?, ?) RETURNING id"
            number = self._numbers[key] = int(self._names.execute(sql, key).fetchone()[0])
        return number

    def _month(self, month: str) -> sqlite3.Connection:
        db = self._months.pop(month, None)
        if db is None:
            if len(self._months) >= MAX_OPEN_MONTHS:
                self._months.pop(next(iter(self._months))).close()
            db = month_file.open_to_write(self._path(month))
        self._months[month] = db  # last in the order of use
        return db

    def _reader(self, month: str) -> sqlite3.Connection:
        return month_file.open_to_read(self._path(month))

    def _path(self, month: str) -> Path:
        return self._folder / f"{month}.db"

    def _months_between(self, t0_ms: int, t1_ms: int) -> list[str]:
        first = _month_of(max(t0_ms, FIRST_MS))
        last = _month_of(min(t1_ms, LAST_MS) - 1)
        names = (path.stem for path in self._folder.glob("[0-9]*-[0-9]*.db"))
        return sorted(name for name in names if first <= name <= last)


def _month_of(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m}"


def _by_month(rows: Rows) -> Iterator[tuple[str, Rows]]:
    if not len(rows):
        return
    first, last = (_month_of(int(ts)) for ts in (rows.ts.min(), rows.ts.max()))
    if first == last:
        yield first, rows
        return
    months = rows.ts.astype("datetime64[ms]").astype("datetime64[M]")
    for month in np.unique(months):
        yield str(month), rows.only(months == month)


def _rejected(rows: Rows) -> tuple[Rejected, ...]:
    lines = LineBuilder().chunks(rows, 1)
    return tuple(
        Rejected(line=line.decode().rstrip("\n"), reason="time outside 2000 to 2100")
        for line in lines
    )


def _as_span(day: Day, limit: int) -> Span:
    value = to_float(day.v[:limit], day.exp[:limit])
    return Span(ts=day.ts[:limit], value=value, q=day.q[:limit])


def _stored(span: Span) -> StoredReading:
    return StoredReading(ts=int(span.ts[0]), value=float(span.value[0]), q=int(span.q[0]))
