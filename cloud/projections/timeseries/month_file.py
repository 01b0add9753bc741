"""One month of readings in an SQLite file: rows of open days, packed chunks of closed ones.

Used by `cloud.projections.timeseries.sqlite`. All SQL about readings is here. A row wins over a
chunk's reading of the same time: it was written later.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from cloud.errors import UnavailableError
from cloud.projections.timeseries.chunks import Day, pack, unpack

DAY_MS = 86_400_000
BUSY_TIMEOUT_S = 10

SCHEMA = """
CREATE TABLE IF NOT EXISTS reading (
  series INTEGER NOT NULL, ts INTEGER NOT NULL, v INTEGER NOT NULL, exp INTEGER NOT NULL,
  q INTEGER NOT NULL, PRIMARY KEY (series, ts)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (
  series INTEGER NOT NULL, day INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (series, day)
) WITHOUT ROWID;
"""
_PRAGMAS = """
PRAGMA page_size=8192; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;
PRAGMA synchronous=FULL; PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000;
"""
_INSERT_SQL = "INSERT OR REPLACE INTO reading (series, ts, v, exp, q) VALUES (?, ?, ?, ?, ?)"

Row = tuple[int, int, int, int, int]


@contextmanager
def storage_faults() -> Iterator[None]:
    """Turn SQLite's operational errors (disk full, locked) into `UnavailableError`."""
    try:
        yield
    except sqlite3.OperationalError as e:
        raise UnavailableError(
            f"time series folder: {e}; free disk space or check its owner"
        ) from e


def open_to_write(path: Path, schema: str = SCHEMA) -> sqlite3.Connection:
    """Open or create a file; every commit is on disk before it returns."""
    db = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )
    db.executescript(_PRAGMAS + schema)
    return db


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open an existing file beside its writer."""
    return sqlite3.connect(
        f"file:{path}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False
    )


def insert(db: sqlite3.Connection, rows: Iterator[Row]) -> None:
    """Store (series, ts, v, exp, q) rows in one transaction."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        db.executemany(_INSERT_SQL, rows)


def read(db: sqlite3.Connection, series: int, t0_ms: int, t1_ms: int) -> Day:
    """Return the readings of a series in [t0_ms, t1_ms), oldest first, each time once."""
    chunks = db.execute(
        "SELECT data FROM chunk WHERE series = ? AND day BETWEEN ? AND ? ORDER BY day",
        (series, t0_ms // DAY_MS, (t1_ms - 1) // DAY_MS),
    ).fetchall()
    rows = db.execute(
        "SELECT ts, v, exp, q FROM reading WHERE series = ? AND ts >= ? AND ts < ? ORDER BY ts",
        (series, t0_ms, t1_ms),
    ).fetchall()
    day = _merged(joined([unpack(data) for (data,) in chunks]), _day_of_rows(rows))
    inside = (day.ts >= t0_ms) & (day.ts < t1_ms)
    return Day(ts=day.ts[inside], v=day.v[inside], exp=day.exp[inside], q=day.q[inside])


def newest(db: sqlite3.Connection, series: int) -> Day | None:
    """Return the newest reading of a series, as a day of one."""
    last = db.execute(
        "SELECT max(t) FROM (SELECT max(ts) AS t FROM reading WHERE series = ?"
        " UNION ALL SELECT (max(day) + 1) * 86400000 - 1 FROM chunk WHERE series = ?)",
        (series, series),
    ).fetchone()[0]
    if last is None:
        return None
    day = read(db, series, last // DAY_MS * DAY_MS, last + 1)
    return Day(ts=day.ts[-1:], v=day.v[-1:], exp=day.exp[-1:], q=day.q[-1:])


def seal(db: sqlite3.Connection, before_day: int, max_days: int) -> int:
    """Pack at most `max_days` (series, day) with day < `before_day`; return how many."""
    days = db.execute(
        "SELECT DISTINCT series, ts / 86400000 FROM reading WHERE ts < ? LIMIT ?",
        (before_day * DAY_MS, max_days),
    ).fetchall()
    if not days:
        return 0
    with db:
        db.execute("BEGIN IMMEDIATE")
        for series, day in days:
            _seal_day(db, series, day)
    db.execute("PRAGMA incremental_vacuum")
    return len(days)


def joined(days: Sequence[Day]) -> Day:
    """Return the readings of all `days`, one after the other."""
    if not days:
        return _day_of_rows([])
    return Day(
        ts=np.concatenate([day.ts for day in days]),
        v=np.concatenate([day.v for day in days]),
        exp=np.concatenate([day.exp for day in days]),
        q=np.concatenate([day.q for day in days]),
    )


def _seal_day(db: sqlite3.Connection, series: int, day: int) -> None:
    t0_ms, t1_ms = day * DAY_MS, (day + 1) * DAY_MS
    chunk = (series, day, pack(read(db, series, t0_ms, t1_ms)))
    db.execute("INSERT OR REPLACE INTO chunk (series, day, data) VALUES (?, ?, ?)", chunk)
    db.execute(
        "DELETE FROM reading WHERE series = ? AND ts >= ? AND ts < ?", (series, t0_ms, t1_ms)
    )


def _merged(chunk: Day, rows: Day) -> Day:
    if not len(rows.ts) or not len(chunk.ts):
        return rows if len(rows.ts) else chunk
    both = joined([rows, chunk])
    _, at = np.unique(both.ts, return_index=True)  # the first occurrence, so a row wins
    return Day(ts=both.ts[at], v=both.v[at], exp=both.exp[at], q=both.q[at])


def _day_of_rows(rows: Sequence[tuple[int, int, int, int]]) -> Day:
    ts, v, exp, q = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Day(ts=ts, v=v, exp=exp, q=q.astype(np.uint8))
