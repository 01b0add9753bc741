"""What the alarm projection remembers, on disk: enough to go on from its cursor.

Of a point that is asleep three numbers are kept, in arrays; of one that is awake also what its
judge remembers, written again when it changed. All of it can be derived from the archive.
"""

import json
import sqlite3
from typing import Any, Final

import numpy as np

from cloud.projections.alarms.point_state import PointStates
from cloud.projections.alarms.points import PointWatch

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS point_place (
  place INTEGER PRIMARY KEY, point TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS point_judge (
  place INTEGER PRIMARY KEY, saved TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS point_memory (
  name TEXT PRIMARY KEY, value BLOB NOT NULL
) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO point_memory (name, value) VALUES (?, ?)"
_GIVE_UP = "UPDATE point_place SET point = '!' || place WHERE point = ?"
_ARRAYS: Final = ("exp", "first_ms", "last_ms")


class Memory:
    """Saves and loads what belongs to one `PointWatch`. Used by one thread."""

    def __init__(self, watch: PointWatch) -> None:
        self._watch = watch
        self._numbers: list[int] = []  # the series number at each place of the arrays
        self._saved = 0  # places that are on disk

    def save(self, db: sqlite3.Connection, others: dict[str, Any]) -> None:
        """Write what changed; `others` are further memories as values that JSON can carry.

        Call `saved` once it is durable.
        """
        states = self._watch.states
        known = set(self._numbers)
        self._numbers += [number for number in range(len(states)) if number not in known]
        fresh = list(enumerate(self._numbers))[self._saved :]
        rows = [(place, states.point(number).id) for place, number in fresh]
        # Of a point that the registry did not have for a while the old place is given up.
        db.executemany(_GIVE_UP, [(id_,) for _, id_ in rows])
        db.executemany("INSERT INTO point_place VALUES (?, ?)", rows)
        judges = [(number, states.judges[number]) for number in states.changed]
        place_of = {number: place for place, number in enumerate(self._numbers)}
        db.executemany(
            "INSERT OR REPLACE INTO point_judge VALUES (?, ?)",
            [(place_of[n], json.dumps(j.snapshot())) for n, j in judges if j is not None],
        )
        for name in _ARRAYS:
            db.execute(_PUT, (name, getattr(states, name)[self._numbers].tobytes()))
        for name, value in {**others, "points": self._watch.snapshot()}.items():
            db.execute(_PUT, (name, json.dumps(value, separators=(",", ":"))))

    def saved(self) -> None:
        """Note that the last `save` is on disk."""
        self._saved = len(self._numbers)
        self._watch.states.changed.clear()

    def load(self, db: sqlite3.Connection) -> dict[str, Any]:
        """Take over what was saved; return the `others`, nothing when there is nothing."""
        found = dict(db.execute("SELECT name, value FROM point_memory"))
        if not found:
            return {}
        states = self._watch.states
        places = db.execute("SELECT point FROM point_place ORDER BY place").fetchall()
        self._numbers = states.numbers_of_points([point for (point,) in places])
        self._saved = len(self._numbers)
        numbers = np.array(self._numbers, dtype=np.int64)
        known = numbers >= 0
        numbers = numbers[known]
        for name in _ARRAYS:
            array = np.frombuffer(found.pop(name), dtype=np.int64)
            getattr(states, name)[numbers] = array[known]
        self._wake(db, states)
        others = {name: json.loads(value) for name, value in found.items()}
        self._watch.restore(others.pop("points"))
        return others

    def _wake(self, db: sqlite3.Connection, states: PointStates) -> None:
        judges = dict(db.execute("SELECT place, saved FROM point_judge"))
        for place, number in enumerate(self._numbers):
            if number < 0:
                continue
            if place in judges:
                states.restore(number, json.loads(judges[place]))
            else:
                states.resume(number)
        states.changed.clear()
