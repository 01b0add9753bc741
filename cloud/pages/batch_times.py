"""Which batches lie around an instant: from a gateway and a time to archive records.

A projection of its own, so that the proof of a reading is found without searching the archive.
Rows are keyed by the hour first: what is written now lies together on disk, however many
gateways write. They are written in larger lots than commit groups come; what is not written yet
is looked up in memory, and read again from the archive after a crash.

A batch whose gateway did not know the time lies where the anchor of its boot puts it, as in the
time series, and nowhere before there is one.
"""

import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.state_file import StateFile

FLUSH_ROWS: Final = 20_000
FLUSH_AFTER_MS: Final = 5_000
HOUR_MS: Final = 3_600_000
NEAR: Final = 4
"""How many batches on each side of an instant are worth a look.

A reading lies at either side of its batch's t0, and batches of another start of the gateway may
lie between.
"""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batch (
  hour INTEGER NOT NULL, gateway TEXT NOT NULL, t0_ms INTEGER NOT NULL,
  record INTEGER NOT NULL, PRIMARY KEY (hour, gateway, t0_ms, record)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS anchor (
  gateway TEXT NOT NULL, boot INTEGER NOT NULL, wall_minus_mono_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, boot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS unanchored (
  gateway TEXT NOT NULL, boot INTEGER NOT NULL, mono_ms INTEGER NOT NULL,
  record INTEGER NOT NULL, PRIMARY KEY (gateway, boot, record)
) WITHOUT ROWID;
"""
_PUT: Final = "INSERT OR IGNORE INTO batch VALUES (?, ?, ?, ?)"
_BEFORE: Final = (
    "SELECT t0_ms, record FROM batch WHERE hour = ? AND gateway = ? AND t0_ms <= ?"
    " ORDER BY t0_ms DESC, record DESC LIMIT ?"
)
_AFTER: Final = (
    "SELECT t0_ms, record FROM batch WHERE hour = ? AND gateway = ? AND t0_ms > ?"
    " ORDER BY t0_ms, record LIMIT ?"
)
_RELEASED: Final = "SELECT mono_ms, record FROM unanchored WHERE gateway = ? AND boot = ?"


@dataclass(frozen=True, slots=True, order=True)
class BatchTime:
    """A batch in the archive and the wall time of its t0, as placed."""

    t0_ms: int
    record: int


class BatchTimes:
    """A `Projection`; `near` may be called from any thread."""

    name = "batch-times"

    def __init__(self, file: Path) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._lock = threading.Lock()  # guards the four below
        self._next = self._state.cursor
        self._waiting: dict[str, list[BatchTime]] = {}
        self._new_anchors: dict[tuple[str, int], int] = {}
        self._unanchored: list[tuple[str, int, int, int]] = []
        self._flushed_ms = 0
        with self._state.reader() as db:
            rows = db.execute("SELECT gateway, boot, wall_minus_mono_ms FROM anchor")
            self._anchors = {(gateway, boot): offset for gateway, boot, offset in rows}

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._next

    def apply(self, group: CommitGroup) -> None:
        """Take over the batches of `group`; see `Projection`."""
        with self._lock:
            for record in group.records:
                self._place(record)
            self._next = group.next_index
            is_full = sum(map(len, self._waiting.values())) >= FLUSH_ROWS
        if is_full:
            self.flush()

    def tick(self, as_of_ms: int) -> None:
        """Write what has waited for a while."""
        if as_of_ms - self._flushed_ms >= FLUSH_AFTER_MS:
            self.flush()
            self._flushed_ms = as_of_ms

    def flush(self) -> None:
        """Make everything applied durable; raises `UnavailableError`, and may be repeated."""
        if self._next == self._state.cursor:
            return
        rows = [
            (batch.t0_ms // HOUR_MS, gateway, batch.t0_ms, batch.record)
            for gateway, batches in self._waiting.items()
            for batch in batches
        ]
        with self._state.transaction(self._next) as db:
            db.executemany(_PUT, sorted(rows))
            db.executemany(
                "INSERT OR IGNORE INTO unanchored VALUES (?, ?, ?, ?)", self._unanchored
            )
            for boot, offset in self._new_anchors.items():
                _release(db, boot, offset)
        with self._lock:
            self._waiting.clear()
            self._new_anchors.clear()
            self._unanchored.clear()

    def near(self, gateway: str, t_ms: int) -> Sequence[BatchTime]:
        """Return the batches that may hold a gateway's reading at `t_ms`, in order of time."""
        with self._lock:
            found = set(self._waiting.get(gateway, ()))
        with self._state.reader() as db:
            hour = t_ms // HOUR_MS
            for asked, at in (
                (_BEFORE, hour - 1),
                (_BEFORE, hour),
                (_AFTER, hour),
                (_AFTER, hour + 1),
            ):
                rows = db.execute(asked, (at, gateway, t_ms, NEAR))
                found |= {BatchTime(t0_ms, record) for t0_ms, record in rows}
        before = sorted(batch for batch in found if batch.t0_ms <= t_ms)
        after = sorted(batch for batch in found if batch.t0_ms > t_ms)
        return before[-NEAR:] + after[:NEAR]

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._state.close()

    def _place(self, record: CommittedRecord) -> None:
        body, gateway = record.body, record.gateway
        if body is None or gateway is None:
            return
        boot = gateway, body.boot
        t0_ms = body.t0
        if body.sync:
            if boot not in self._anchors:
                self._anchors[boot] = self._new_anchors[boot] = body.t0 - body.mono_ms
        elif boot in self._anchors:
            t0_ms = self._anchors[boot] + body.mono_ms
        else:
            self._unanchored.append((*boot, body.mono_ms, record.index))
            return
        self._waiting.setdefault(gateway, []).append(BatchTime(t0_ms, record.index))


def _release(db: sqlite3.Connection, boot: tuple[str, int], offset: int) -> None:
    """Note an anchor, and put the batches that waited for it in their place."""
    db.execute("INSERT OR IGNORE INTO anchor VALUES (?, ?, ?)", (*boot, offset))
    for mono_ms, record in db.execute(_RELEASED, boot).fetchall():
        t0_ms = offset + mono_ms
        db.execute(_PUT, (t0_ms // HOUR_MS, boot[0], t0_ms, record))
    db.execute("DELETE FROM unanchored WHERE gateway = ? AND boot = ?", boot)
