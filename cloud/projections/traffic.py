"""How much came from whom: batches and readings, what a gateway still holds, what is lost.

A projection that lives in memory, because the pages ask it all the time, and is saved now and
then with its cursor; what was not saved is read from the archive again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloud.archive.finding import decode_finding
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.state_file import StateFile
from evidence.batch import Body
from evidence.chain import Finding
from evidence.errors import WireError
from evidence.record import RecordKind

SAVE_EVERY_MS: Final = 5_000
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS memory (one INTEGER PRIMARY KEY CHECK (one = 1), text TEXT);"
)


@dataclass(slots=True)
class Heard:
    """One gateway: when its last batch came, and how many it still held unreceipted then."""

    at_ms: int
    held: int


class TrafficProjection:
    """A `Projection`; entries are replaced whole, so any thread may read them."""

    name = "traffic"

    def __init__(self, file: Path) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._saved_ms = 0
        self.gateways: dict[str, Heard] = {}
        self.counts: dict[str, int] = {"batches": 0, "readings": 0, "lost": 0}
        self._load()
        self._next = self._state.cursor

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._next

    def apply(self, group: CommitGroup) -> None:
        """Take over a group."""
        for record in group.records:
            self._note(record)
        self._next = group.next_index

    def tick(self, as_of_ms: int) -> None:
        """Save now and then."""
        if as_of_ms - self._saved_ms >= SAVE_EVERY_MS:
            self._saved_ms = as_of_ms
            self._save()

    def export(self) -> Iterator[str]:
        """Yield the counts, then what is known of each gateway, as lines of JSON."""
        yield json.dumps(self.counts, sort_keys=True)
        for name, heard in sorted(self.gateways.items()):
            yield json.dumps([name, heard.at_ms, heard.held])

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

    def _save(self) -> None:
        gateways = {name: (h.at_ms, h.held) for name, h in self.gateways.items()}
        text = json.dumps({"gateways": gateways, "counts": self.counts})
        with self._state.transaction(self._next) as db:
            db.execute("INSERT OR REPLACE INTO memory VALUES (1, ?)", (text,))

    def _load(self) -> None:
        with self._state.reader() as db:
            row = db.execute("SELECT text FROM memory").fetchone()
        if row is not None:
            memory = json.loads(row[0])
            self.gateways = {name: Heard(*entry) for name, entry in memory["gateways"].items()}
            self.counts = memory["counts"]


def _held(body: Body) -> int:
    epoch, lowest = body.lowest_held
    return max(0, body.seq - lowest) if epoch == body.epoch else 0


def _lost(raw: bytes) -> int:
    try:
        finding = decode_finding(raw)
    except WireError:
        return 0
    if finding.kind != Finding.LOSS:
        return 0
    batches = finding.hi - finding.lo + 1
    return batches if finding.open else -batches
