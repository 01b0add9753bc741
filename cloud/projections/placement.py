"""Where in time a batch belongs whose gateway did not know the time (`sync` 0).

Used by the time series projection. Such a batch is held until a synchronised batch of the same
boot anchors it: both count milliseconds on the same monotonic clock. Then it is placed, once,
and its readings are marked as of uncertain time. What is not anchored within ten minutes is in
the view `unplaced`; an anchor that comes later still places it.

Held batches and anchors are rows beside the projection's cursor, so they change with it.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.projections.feed import CommittedRecord
from evidence.batch import Body

UNPLACED_AFTER_MS: Final = 600_000  # CONTRACT: no anchor after ten minutes
MAX_RELEASED_AT_ONCE: Final = 256  # bounds the memory while a long blind boot is placed

SCHEMA = """
CREATE TABLE IF NOT EXISTS anchor (
  gateway TEXT NOT NULL, boot INTEGER NOT NULL, wall_minus_mono_ms INTEGER NOT NULL,
  PRIMARY KEY (gateway, boot)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS held (
  gateway TEXT NOT NULL, boot INTEGER NOT NULL, record INTEGER NOT NULL,
  recv_ms INTEGER NOT NULL, readings INTEGER NOT NULL, PRIMARY KEY (gateway, boot, record)
) WITHOUT ROWID;
"""

Boot = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """Batches of one boot that nothing anchors."""

    gateway: str
    boot: int
    since_ms: int
    """When the first of them was received."""
    batches: int
    readings: int
    first_record: int
    """Archive index of the first of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A record and the wall time of its t0."""

    record: CommittedRecord
    t0_ms: int
    is_uncertain: bool


class Placement:
    """Decides record by record; its memory is the rows that `load` reads."""

    def __init__(self, db: sqlite3.Connection) -> None:
        anchors = db.execute("SELECT gateway, boot, wall_minus_mono_ms FROM anchor")
        self._anchors: dict[Boot, int] = {(g, b): offset for g, b, offset in anchors}
        self._holding: set[Boot] = set(db.execute("SELECT DISTINCT gateway, boot FROM held"))

    def place(
        self, records: Sequence[CommittedRecord], db: sqlite3.Connection
    ) -> list[list[Placed] | Boot]:
        """Return, in order, what can be placed now and the boots whose held batches now can.

        The order is that of the records, however they are grouped. What cannot be placed is
        written to `held`. Call it inside the transaction that moves the cursor, and begin anew
        with a new `Placement` when that transaction fails.
        """
        placed: list[Placed] = []
        steps: list[list[Placed] | Boot] = [placed]
        for record in records:
            body = record.body
            if body is None or record.gateway is None:
                continue
            boot = (record.gateway, body.boot)
            if body.sync:
                if boot not in self._anchors and self._anchor(boot, body, db):
                    placed = []
                    steps += [boot, placed]
                placed.append(Placed(record=record, t0_ms=body.t0, is_uncertain=False))
            elif boot in self._anchors:
                placed.append(self.anchored(record, body))
            elif body.columns is not None:
                self._hold(boot, record, body, db)
        return steps

    def anchored(self, record: CommittedRecord, body: Body) -> Placed:
        """Return a batch of a gateway's anchored boot at its place."""
        t0_ms = self._anchors[record.gateway or "", body.boot] + body.mono_ms
        return Placed(record=record, t0_ms=t0_ms, is_uncertain=True)

    def _anchor(self, boot: Boot, body: Body, db: sqlite3.Connection) -> bool:
        """Take a boot's first synchronised batch; return whether batches waited for it."""
        offset = self._anchors[boot] = body.t0 - body.mono_ms
        db.execute("INSERT OR IGNORE INTO anchor VALUES (?, ?, ?)", (*boot, offset))
        is_awaited = boot in self._holding
        self._holding.discard(boot)
        return is_awaited

    def _hold(
        self, boot: Boot, record: CommittedRecord, body: Body, db: sqlite3.Connection
    ) -> None:
        self._holding.add(boot)
        row = (*boot, record.index, record.recv_ms, body.count)
        db.execute("INSERT OR IGNORE INTO held VALUES (?, ?, ?, ?, ?)", row)


def held_records(db: sqlite3.Connection, boot: Boot) -> list[int]:
    """Return the archive indexes of the next held batches of a boot."""
    asked = "SELECT record FROM held WHERE gateway = ? AND boot = ? ORDER BY record LIMIT ?"
    return [index for (index,) in db.execute(asked, (*boot, MAX_RELEASED_AT_ONCE))]


def let_go(db: sqlite3.Connection, boot: Boot, upto_record: int) -> None:
    """Forget the held batches of a boot up to a record, which have been placed."""
    db.execute(
        "DELETE FROM held WHERE gateway = ? AND boot = ? AND record <= ?", (*boot, upto_record)
    )


def unplaced(db: sqlite3.Connection, as_of_ms: int) -> list[Unplaced]:
    """Return what had waited too long for an anchor at `as_of_ms`, by gateway and boot."""
    asked = (
        "SELECT gateway, boot, min(recv_ms), count(*), sum(readings), min(record) FROM held"
        " GROUP BY gateway, boot HAVING min(recv_ms) <= ? ORDER BY gateway, boot"
    )
    return [
        Unplaced(
            gateway=gateway,
            boot=boot,
            since_ms=since_ms,
            batches=batches,
            readings=readings,
            first_record=first,
        )
        for gateway, boot, since_ms, batches, readings, first in db.execute(
            asked, (as_of_ms - UNPLACED_AFTER_MS,)
        )
    ]
