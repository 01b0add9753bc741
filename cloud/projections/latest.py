"""The newest value of every point, when every gateway was heard, and how much there is.

A projection that lives in memory, because the pages ask it all the time, and is saved now and
then with its cursor; what was not saved is read from the archive again. Late data never
overwrites what is newer: newest is what was measured last, not what came last.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud.archive.finding import decode_finding
from cloud.projections.expansion import Expansion, expand_records
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.series import SeriesIndex
from cloud.projections.state_file import StateFile
from domain.quality import NO_VALUE_FROM
from evidence.batch import Body
from evidence.chain import Finding
from evidence.errors import WireError
from evidence.record import RecordKind

SAVE_EVERY_MS: Final = 5_000
_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT);"
)


@dataclass(slots=True)
class Newest:
    """The newest reading of one series: v * 10**exp, measured at `at_ms`."""

    at_ms: int
    v: int
    exp: int


@dataclass(slots=True)
class Heard:
    """One gateway: when its last batch came, and how many it still holds unreceipted."""

    at_ms: int
    held: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a commit group brought to one point, in order of time."""

    point: str
    times: Sequence[int]
    values: Sequence[float | None]


class LatestProjection:
    """See the module. The dictionaries are replaced entry by entry; any thread may read them."""

    name = "latest"

    def __init__(self, file: Path, series: SeriesIndex, tell: Callable[[Update], None]) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._series = series
        self._tell = tell
        self._lock = threading.Lock()
        self._saved_ms = 0
        self.points: dict[str, Newest] = {}
        self.gateways: dict[str, Heard] = {}
        self.counts: dict[str, int] = {"batches": 0, "readings": 0, "lost": 0}
        self._load()
        self._next = self._state.cursor

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._next

    def apply(self, group: CommitGroup) -> None:
        """Take over a group and tell who watches."""
        for record in group.records:
            self._note(record)
        self._note_readings(group.records)
        self._next = group.next_index
        self._save_if_due(group.as_of_ms)

    def tick(self, as_of_ms: int) -> None:
        """Save now and then."""
        self._save_if_due(as_of_ms)

    def close(self) -> None:
        """Save, and let go of the file."""
        self._save()
        self._state.close()

    def _note(self, record: CommittedRecord) -> None:
        counts = self.counts
        if record.body is not None and record.gateway is not None:
            counts["batches"] += 1
            counts["readings"] += record.body.count
            self.gateways[record.gateway] = Heard(record.recv_ms, _held(record.body))
        elif record.kind == RecordKind.FINDING:
            counts["lost"] += _lost(record.raw)

    def _note_readings(self, records: Sequence[CommittedRecord]) -> None:
        x = expand_records(records, self._series)
        points = self._series.points
        starts, rows = x.run_start.tolist(), x.run_rows.tolist()
        owners, exps = x.run_record.tolist(), x.run_exp.tolist()
        for run, number in enumerate(x.run_series.tolist()):
            body = records[owners[run]].body
            if number < 0 or body is None or not body.sync:
                continue
            span = slice(starts[run], starts[run] + rows[run])
            self._note_run(points[number].id, (x, span), body.t0, exps[run])

    def _note_run(
        self, point: str, where: tuple[Expansion, slice], t0_ms: int, exp: int
    ) -> None:
        x, span = where
        offs, vs = x.off[span].tolist(), x.v[span].tolist()
        good = (x.q[span] < NO_VALUE_FROM).tolist()
        times = [t0_ms + off for off in offs]
        known = self.points.get(point)
        for at_ms, v, is_good in zip(times, vs, good, strict=True):
            if is_good and (known is None or at_ms > known.at_ms):
                known = Newest(at_ms, v, exp)
        if known is not None:
            self.points[point] = known
        values = [scaled(v, exp) if ok else None for v, ok in zip(vs, good, strict=True)]
        self._tell(Update(point=point, times=times, values=values))

    def _save_if_due(self, now_ms: int) -> None:
        if now_ms - self._saved_ms >= SAVE_EVERY_MS:
            self._saved_ms = now_ms
            self._save()

    def _save(self) -> None:
        points = {name: (n.at_ms, n.v, n.exp) for name, n in self.points.items()}
        gateways = {name: (h.at_ms, h.held) for name, h in self.gateways.items()}
        text = json.dumps({"points": points, "gateways": gateways, "counts": self.counts})
        with self._state.transaction(self._next) as db:
            db.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (text,))

    def _load(self) -> None:
        with self._state.reader() as db:
            found = _read(db)
        if found is not None:
            memory = json.loads(found)
            self.points = {name: Newest(*entry) for name, entry in memory["points"].items()}
            self.gateways = {name: Heard(*entry) for name, entry in memory["gateways"].items()}
            self.counts = memory["counts"]


def scaled(v: int, exp: int) -> float:
    """Return v * 10**exp as the nearest float; dividing keeps 4.6 from becoming 4.6000...1."""
    return v / 10**-exp if exp < 0 else float(v * 10**exp)


def _read(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT text FROM memory").fetchone()
    return None if row is None else str(row[0])


def _held(body: Body) -> int:
    """Return how many batches older than this one its gateway had no receipt for."""
    if body.lowest_held is None or body.lowest_held[0] != body.epoch:
        return 0
    return max(0, body.seq - body.lowest_held[1])


def _lost(raw: bytes) -> int:
    try:
        finding = decode_finding(raw)
    except WireError:
        return 0
    if finding.kind != Finding.LOSS:
        return 0
    batches = finding.hi - finding.lo + 1
    return batches if finding.open else -batches
