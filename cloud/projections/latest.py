"""The newest reading of every point, in memory.

Newest by the gateway's line of time (`cloud.projections.timeline`), so late data never replaces
it, and a clock that was set back does not stop it. What is kept can be derived again from the
archive; it is saved now and then, so that a start need not read all of it.
"""

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.state_file import StateFile
from cloud.projections.timeline import NEVER_MS, Place, Timelines
from cloud.projections.timeseries.scaling import to_float
from cloud.projections.timeseries.store import Int64s
from domain.quality import NO_VALUE_FROM, Quality

SAVE_EVERY_MS: Final = 60_000
SAVE_EVERY_RECORDS: Final = 100_000

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS newest (
  point TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, v INTEGER NOT NULL, exp INTEGER NOT NULL,
  q INTEGER NOT NULL, record INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS timelines (
  one INTEGER PRIMARY KEY CHECK (one = 1), saved TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestReading:
    """The newest reading of a point that has a value."""

    at_ms: int
    v: int
    exp: int
    q: int
    record: int
    """Archive index of its batch."""

    @property
    def value(self) -> float:
        """Return the value for display."""
        return float(to_float(np.array([self.v]), np.array([self.exp]))[0])


class LatestProjection:
    """A `Projection`; `of_point` and `all` may be called from any thread."""

    name = "latest"

    def __init__(self, file: Path, series: SeriesIndex) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._series = series
        self._timelines = Timelines()
        self._lock = threading.Lock()  # guards the array
        self._board: Int64s = np.empty((0, 5), dtype=np.int64)  # at_ms, v, exp, q, record
        self._changed: set[int] = set()
        self._saved_ms = 0
        self._load()

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._cursor

    def apply(self, group: CommitGroup) -> None:
        """Take over the newest readings of `group`; see `Projection`."""
        runs = Runs.of(group.records, self._series)
        places = [
            self._place(r, span) for r, span in zip(group.records, runs.spans, strict=True)
        ]
        with self._lock:
            self._grow()
            for begin, end in _parts(places):
                self._set_back(group.records[begin], places[begin])
                self._take(runs, group.records, places, (begin, end))
        self._cursor = group.next_index
        if group.records:
            self._save_if_due(group.records[-1].recv_ms)

    def tick(self, as_of_ms: int) -> None:
        """Save now and then."""
        self._save_if_due(as_of_ms)

    def of_point(self, point: str) -> LatestReading | None:
        """Return the newest reading of a point."""
        (number,) = self._series.numbers_of_points([point])
        with self._lock:
            row = self._board[number].tolist() if 0 <= number < len(self._board) else [NEVER_MS]
        return None if row[0] == NEVER_MS else _reading(row)

    def all(self) -> dict[str, LatestReading]:
        """Return the newest reading of every point that has one, by point id."""
        with self._lock:
            rows = self._board.tolist()
        points = self._series.points
        return {points[i].id: _reading(row) for i, row in enumerate(rows) if row[0] != NEVER_MS}

    def export(self) -> Iterator[str]:
        """Yield the newest reading of every point as a line of JSON, by point."""
        for point, r in sorted(self.all().items()):
            yield json.dumps([point, r.at_ms, r.v, r.exp, r.q, r.record], ensure_ascii=False)

    def close(self) -> None:
        """Save and close the file."""
        self._save(0)
        self._state.close()

    def _place(self, record: CommittedRecord, span_ms: tuple[int, int]) -> Place | None:
        if record.gateway is None or record.body is None:
            return None
        return self._timelines.place(record.gateway, record.body, span_ms, record.recv_ms)

    def _take(
        self,
        runs: Runs,
        records: Sequence[CommittedRecord],
        places: Sequence[Place | None],
        part: tuple[int, int],
    ) -> None:
        """Let the newest reading of each run of some records compete with the board."""
        x = runs.x
        chosen = slice(runs.bounds[part[0]], runs.bounds[part[1]])
        if chosen.start == chosen.stop or not len(self._board):
            return  # no readings, or of no registered point so far
        at = _last_with_value(runs)[chosen]
        series, record = x.run_series[chosen], x.run_record[chosen]
        t0_ms, index, floor = _per_record(records, places)
        at_ms = t0_ms[record] + x.off[at]
        usable = (at >= 0) & (series >= 0) & (t0_ms[record] != NEVER_MS)
        usable &= at_ms > self._board[np.maximum(series, 0), 0]
        order = np.flatnonzero(usable)
        order = order[np.argsort(-at_ms[order], kind="stable")]
        numbers, newest = np.unique(series[order], return_index=True)
        order = order[newest]
        at, record = at[order], record[order]
        q = np.maximum(x.q[at], floor[record])
        rows = (at_ms[order], x.v[at], x.run_exp[chosen][order], q, index[record])
        self._board[numbers] = np.stack(rows, axis=1)
        self._changed.update(numbers.tolist())

    def _set_back(self, record: CommittedRecord, place: Place | None) -> None:
        """Make room for a gateway's readings after its clock was set back."""
        if place is None or place.restart_ms is None or record.gateway is None:
            return
        for point in self._series.registry.points_of(record.gateway):
            number = self._series.number(point.gateway, point.channel)
            if number < len(self._board) and self._board[number, 0] >= place.restart_ms:
                self._board[number, 0] = place.restart_ms - 1

    def _grow(self) -> None:
        more = len(self._series.points) - len(self._board)
        if more > 0:
            empty = np.full((more, 5), NEVER_MS, dtype=np.int64)
            self._board = np.concatenate([self._board, empty])

    def _load(self) -> None:
        with self._state.reader() as db:
            rows = db.execute("SELECT * FROM newest").fetchall()
            saved = db.execute("SELECT saved FROM timelines").fetchone()
        numbers = self._series.numbers_of_points([point for point, *_ in rows])
        self._grow()
        for number, (_, *row) in zip(numbers, rows, strict=True):
            if number >= 0 and row[0] >= self._board[number, 0]:
                self._board[number] = row
        if saved is not None:
            self._timelines.restore(json.loads(saved[0]))
        self._cursor = self._saved_cursor = self._state.cursor

    def _save_if_due(self, now_ms: int) -> None:
        is_long = self._saved_ms and now_ms - self._saved_ms >= SAVE_EVERY_MS
        if is_long or self._cursor - self._saved_cursor >= SAVE_EVERY_RECORDS:
            self._save(now_ms)
        elif not self._saved_ms:
            self._saved_ms = now_ms

    def _save(self, now_ms: int) -> None:
        points = self._series.points
        rows = [(points[n].id, *self._board[n].tolist()) for n in self._changed]
        timelines = json.dumps(self._timelines.snapshot(), separators=(",", ":"))
        with self._state.transaction(self._cursor) as db:
            db.executemany("INSERT OR REPLACE INTO newest VALUES (?, ?, ?, ?, ?, ?)", rows)
            db.execute("INSERT OR REPLACE INTO timelines VALUES (1, ?)", (timelines,))
        self._changed.clear()
        self._saved_cursor, self._saved_ms = self._cursor, now_ms


def _parts(places: Sequence[Place | None]) -> Iterator[tuple[int, int]]:
    """Yield the group in parts, each but the first beginning where a clock was set back."""
    begins = [i for i, p in enumerate(places) if p is not None and p.restart_ms is not None]
    cuts = sorted({0, *begins, len(places)})
    yield from pairwise(cuts)


def _last_with_value(runs: Runs) -> Int64s:
    """Return for each run its last reading with a value, -1 where there is none."""
    x = runs.x
    places = np.where(x.q < NO_VALUE_FROM, np.arange(len(x)), -1)
    last: Int64s = np.maximum.reduceat(places, x.run_start)
    return last


def _per_record(
    records: Sequence[CommittedRecord], places: Sequence[Place | None]
) -> tuple[Int64s, Int64s, Int64s]:
    """Return t0 (NEVER_MS where unknown), archive index and least quality of each record."""
    t0_ms = np.array([NEVER_MS if p is None else p.t0_ms for p in places], dtype=np.int64)
    index = np.array([record.index for record in records], dtype=np.int64)
    blind = [record.body is not None and not record.body.sync for record in records]
    floor = np.where(blind, Quality.CLOCK_UNCERTAIN, Quality.GOOD).astype(np.int64)
    return t0_ms, index, floor


def _reading(row: Sequence[int]) -> LatestReading:
    at_ms, v, exp, q, record = row
    return LatestReading(at_ms=at_ms, v=v, exp=exp, q=q, record=record)
