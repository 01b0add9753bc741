"""What the alarm projection remembers, on disk: enough to go on from its cursor.

Only judges whose state changed are written again; that time has passed for the others is one
array. Everything here can be derived again from the archive.
"""

import json
import sqlite3
from typing import Any, Final

import numpy as np

from cloud.projections.alarms.point_state import PointStates
from cloud.projections.alarms.points import PointWatch
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.store import Int64s
from domain.alarms.judge import PointJudge

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS judge (
  place INTEGER PRIMARY KEY, gateway TEXT NOT NULL, channel INTEGER NOT NULL,
  exp INTEGER NOT NULL, saved TEXT NOT NULL, UNIQUE (gateway, channel)
);
CREATE TABLE IF NOT EXISTS memory (
  name TEXT PRIMARY KEY, value BLOB NOT NULL
) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO memory (name, value) VALUES (?, ?)"


class Memory:
    """Saves and loads; belongs to one `PointWatch`. Used by one thread."""

    def __init__(self, series: SeriesIndex, watch: PointWatch) -> None:
        self._series = series
        self._watch = watch
        self._places: list[int] = []  # the series number at each place of the array

    def save(self, db: sqlite3.Connection, others: dict[str, Any]) -> None:
        """Write what changed; `others` are further memories as values that JSON can carry.

        Call `saved` once it is durable.
        """
        states = self._watch.states
        changed = {n: judge for n in states.changed if (judge := states.judges[n]) is not None}
        self._places += sorted(changed.keys() - set(self._places))
        place = {number: i for i, number in enumerate(self._places)}
        rows = [self._row(place[n], n, judge) for n, judge in changed.items()]
        db.executemany("INSERT OR REPLACE INTO judge VALUES (?, ?, ?, ?, ?)", rows)
        last_ms = np.array([_last_ms(states, n) for n in self._places], dtype=np.int64)
        db.execute(_PUT, ("last_ms", last_ms.tobytes()))
        for name, value in {**others, "points": self._watch.snapshot()}.items():
            db.execute(_PUT, (name, json.dumps(value, separators=(",", ":"))))

    def saved(self) -> None:
        """Note that the last `save` is on disk."""
        self._watch.states.changed.clear()

    def load(self, db: sqlite3.Connection) -> dict[str, Any]:
        """Take over what was saved; return the `others`."""
        found = dict(db.execute("SELECT name, value FROM memory"))
        if not found:
            return {}
        last_ms: Int64s = np.frombuffer(found.pop("last_ms"), dtype=np.int64)
        judges = db.execute("SELECT gateway, channel, exp, saved FROM judge ORDER BY place")
        for (gateway, channel, exp, saved), at_ms in zip(judges, last_ms.tolist(), strict=True):
            number = self._watch.states.number_of(gateway, channel)
            self._places.append(number)
            if number >= 0:
                self._watch.states.restore(number, exp, json.loads(saved), at_ms)
        self._watch.states.changed.clear()
        others = {name: json.loads(value) for name, value in found.items()}
        self._watch.restore(others.pop("points"))
        return others

    def _row(self, place: int, number: int, judge: PointJudge) -> tuple[object, ...]:
        point, exp = self._series.points[number], self._watch.states.exp(number)
        return place, point.gateway, point.channel, exp, json.dumps(judge.snapshot())


def _last_ms(states: PointStates, number: int) -> int:
    judge = states.judges[number] if number >= 0 else None
    return 0 if judge is None else judge.last_ms
