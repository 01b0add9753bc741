"""Fills a time series store from the archive.

The cursor, held batches, dead letters and counters are in a file of our own and change in one
transaction, after the store has everything durably: a crash between the two writes the same
readings again, which changes nothing.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud.projections import placement
from cloud.projections.feed import ArchiveReader, CommitGroup
from cloud.projections.placement import Boot, Placed, Placement, Unplaced
from cloud.projections.series import SeriesIndex
from cloud.projections.state_file import StateFile
from cloud.projections.timeseries.rows import RowShaper
from cloud.projections.timeseries.store import (
    Rejected,
    SeriesKey,
    TimeSeriesStore,
)

MAX_DEAD_LETTERS: Final = 10_000  # the newest; all are counted, and in the archive anyway
MAINTAIN_EVERY_MS: Final = 3_600_000
EVERYTHING: Final = 1 << 42  # later than any reading, and more than any series has

_SCHEMA = f"""
{placement.SCHEMA}
CREATE TABLE IF NOT EXISTS dead_letter (
  number INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, reason TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS counter (
  name TEXT PRIMARY KEY, value INTEGER NOT NULL
) WITHOUT ROWID;
"""
_COUNT = (
    "INSERT INTO counter (name, value) VALUES (?, ?)"
    " ON CONFLICT (name) DO UPDATE SET value = value + excluded.value"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A reading that the store refused for ever."""

    number: int
    line: str
    reason: str


class TimeSeriesProjection:
    """A `Projection` into a `TimeSeriesStore`.

    `maintain` is called about hourly with the time, for what a store does at leisure.
    """

    name = "timeseries"

    def __init__(
        self,
        file: Path,
        store: TimeSeriesStore,
        series: SeriesIndex,
        archive: ArchiveReader,
        maintain: Callable[[int], None] = lambda _as_of_ms: None,
    ) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._store = store
        self._archive = archive
        self._registry = series.registry
        self._shaper = RowShaper(series)
        self._maintain = maintain
        self._maintained_ms = 0
        self._placement: Placement | None = None

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._state.cursor

    def apply(self, group: CommitGroup) -> None:
        """Store the readings of `group`; see `Projection`."""
        try:
            with self._state.transaction(group.next_index) as db:
                known = self._placement = self._placement or Placement(db)
                for step in known.place(group.records, db):
                    if not isinstance(step, list):
                        self._release(known, step, db)
                    elif step:
                        self._store_placed(step, db)
        except BaseException:
            self._placement = None  # it is ahead of the rows that were rolled back
            raise

    def tick(self, as_of_ms: int) -> None:
        """Give the store its hourly time."""
        if as_of_ms - self._maintained_ms >= MAINTAIN_EVERY_MS:
            self._maintained_ms = as_of_ms
            self._maintain(as_of_ms)

    def counters(self) -> Mapping[str, int]:
        """Return how many readings were stored, refused, and left out and why."""
        with self._state.reader() as db:
            return dict(db.execute("SELECT name, value FROM counter ORDER BY name"))

    def dead_letters(self, limit: int) -> Sequence[DeadLetter]:
        """Return the newest refused readings, newest first."""
        asked = "SELECT number, line, reason FROM dead_letter ORDER BY number DESC LIMIT ?"
        with self._state.reader() as db:
            return [
                DeadLetter(number=number, line=line, reason=reason)
                for number, line, reason in db.execute(asked, (limit,))
            ]

    def unplaced(self, as_of_ms: int) -> Sequence[Unplaced]:
        """Return the batches whose time nobody knows, by gateway and boot."""
        with self._state.reader() as db:
            return placement.unplaced(db, as_of_ms)

    def export(self) -> Iterator[str]:
        """Yield every stored reading as a line of JSON, by site, point, quantity and time."""
        for key in self._keys():
            span = self._store.range(key, 0, EVERYTHING, EVERYTHING)
            columns = (span.ts.tolist(), span.value.tolist(), span.q.tolist())
            for ts, value, q in zip(*columns, strict=True):
                yield json.dumps([*key, ts, value, q], ensure_ascii=False)

    def close(self) -> None:
        """Close the file of our own; the store belongs to who opened it."""
        self._state.close()

    def _keys(self) -> list[SeriesKey]:
        sites = self._registry.sites
        points = (point for site in sites for point in self._registry.points(site.id))
        return sorted(SeriesKey(p.site, p.id, p.quantity.value) for p in points)

    def _store_placed(self, placed: Sequence[Placed], db: sqlite3.Connection) -> None:
        shaped = self._shaper.shape(placed)
        counts = {
            "repeated": shaped.repeated,
            "unmapped": shaped.unmapped,
            "without_value": shaped.without_value,
        }
        if len(shaped.rows):
            result = self._store.write(shaped.rows)
            counts |= {"stored": result.accepted, "refused": len(result.rejected)}
            _bury(result.rejected, db)
        db.executemany(_COUNT, [(name, n) for name, n in counts.items() if n])

    def _release(self, known: Placement, boot: Boot, db: sqlite3.Connection) -> None:
        while indexes := placement.held_records(db, boot):
            records = [self._archive.read_records(index, 1)[0] for index in indexes]
            self._store_placed([known.anchored(r, r.body) for r in records if r.body], db)
            placement.let_go(db, boot, indexes[-1])


def _bury(rejected: Sequence[Rejected], db: sqlite3.Connection) -> None:
    if rejected:
        db.executemany(
            "INSERT INTO dead_letter (line, reason) VALUES (?, ?)",
            [(letter.line, letter.reason) for letter in rejected],
        )
        db.execute(
            "DELETE FROM dead_letter WHERE number <= (SELECT max(number) FROM dead_letter) - ?",
            (MAX_DEAD_LETTERS,),
        )
