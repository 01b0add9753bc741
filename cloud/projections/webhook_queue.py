"""What is to be sent to which address, and what became of it: a projection of the archive.

The alarm records (kind 4) are queued per address. A delivery record (kind 5) takes off the
queue what an address took, or what was given up. For a queue that is new everything archived
before is history: it is listed, and nothing of it is sent.

An address is archived as host and a hash: its path may hold a secret.
"""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from cloud.projections.alarms.event import decode_document
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.state_file import StateFile
from evidence import cbor
from evidence.errors import WireError
from evidence.record import RecordKind

MAX_WAITING: Final = 10_000
"""Per address; what comes while so many wait is listed as refused and not sent."""
SAVE_EVERY_RECORDS: Final = 10_000  # without an alarm among them only the cursor would move

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS delivery (
  key TEXT NOT NULL, address TEXT NOT NULL, record INTEGER NOT NULL, document BLOB NOT NULL,
  queued_ms INTEGER NOT NULL, is_history INTEGER NOT NULL, outcome TEXT, done_ms INTEGER,
  PRIMARY KEY (key, address)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivery_waiting ON delivery (address, record)
  WHERE outcome IS NULL AND NOT is_history;
"""
_PUT: Final = "INSERT OR IGNORE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, NULL)"
_DONE: Final = "UPDATE delivery SET outcome = ?, done_ms = ? WHERE key = ? AND address = ?"
_WAITING: Final = " FROM delivery WHERE address = ? AND outcome IS NULL AND NOT is_history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that an address has not taken yet; `key` names it for good."""

    key: str
    document: Mapping[str, Any]
    queued_ms: int


def address_of(url: str) -> str:
    """Return what an address is called in the archive."""
    digest = hashlib.sha256(url.encode()).hexdigest()
    return f"{urlsplit(url).hostname}#{digest[:8]}"


def delivery_document(key: str, address: str, outcome: str, at_ms: int) -> bytes:
    """Return what is archived of a delivery; `outcome` is "delivered" or "failed"."""
    return cbor.encode({"key": key, "address": address, "outcome": outcome, "at_ms": at_ms})


class WebhookQueue:
    """A `Projection`; `waiting` and `counts` may be called from any thread.

    `live_from` is the archive's next index when the process started; `woken` is called when
    something new waits.
    """

    name = "webhook"

    def __init__(
        self,
        file: Path,
        addresses: Sequence[str],
        live_from: int,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        self._state = StateFile(file, _SCHEMA)
        self._addresses = tuple(addresses)
        self._tell_from = self._state.remembered("tell_from", live_from)
        self._woken = woken
        self._cursor = self._state.cursor

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._cursor

    def apply(self, group: CommitGroup) -> None:
        """Queue what `group` brings and take off what was delivered; see `Projection`."""
        told = [r for r in group.records if r.kind in {RecordKind.ALARM, RecordKind.DELIVERY}]
        if told or group.next_index - self._state.cursor >= SAVE_EVERY_RECORDS:
            with self._state.transaction(group.next_index) as db:
                room = {
                    address: MAX_WAITING - _count(db, address) for address in self._addresses
                }
                for record in told:
                    self._take(db, record, room)
        self._cursor = group.next_index
        if told:
            self._woken()

    def tick(self, as_of_ms: int) -> None:
        """Do nothing: who sends has a clock of its own."""

    def waiting(self, address: str, limit: int) -> Sequence[Waiting]:
        """Return the oldest things that an address has not taken."""
        asked = "SELECT key, document, queued_ms" + _WAITING + " ORDER BY record LIMIT ?"
        with self._state.reader() as db:
            return [
                Waiting(key=key, document=decode_document(document), queued_ms=queued_ms)
                for key, document, queued_ms in db.execute(asked, (address, limit))
            ]

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Return for each address how much is waiting, delivered, failed and refused."""
        asked = (
            "SELECT address, coalesce(outcome, 'waiting'), count(*) FROM delivery"
            " WHERE NOT is_history GROUP BY 1, 2"
        )
        found: dict[str, dict[str, int]] = {address: {} for address in self._addresses}
        with self._state.reader() as db:
            for address, outcome, count in db.execute(asked):
                found.setdefault(address, {})[outcome] = count
        return found

    def export(self) -> Iterator[str]:
        """Yield everything that was to be sent as a line of JSON, by key and address."""
        asked = "SELECT key, address, outcome, done_ms FROM delivery ORDER BY key, address"
        with self._state.reader() as db:
            for row in db.execute(asked):
                yield json.dumps(row, ensure_ascii=False)

    def close(self) -> None:
        """Close the file."""
        self._state.close()

    def _take(
        self, db: sqlite3.Connection, record: CommittedRecord, room: dict[str, int]
    ) -> None:
        try:
            document = decode_document(record.raw)
            if record.kind == RecordKind.DELIVERY:
                done = [document[name] for name in ("outcome", "at_ms", "key", "address")]
                db.execute(_DONE, done)
                return
            key = f"{document['alarm']}:{document['event']}"
        except (WireError, KeyError):
            return  # of a later version, or no document of ours
        is_history = record.index < self._tell_from
        for address in self._addresses:
            outcome = "refused" if room[address] <= 0 and not is_history else None
            row = (key, address, record.index, record.raw, record.recv_ms, is_history, outcome)
            room[address] -= db.execute(_PUT, row).rowcount


def _count(db: sqlite3.Connection, address: str) -> int:
    return int(db.execute("SELECT count(*)" + _WAITING, (address,)).fetchone()[0])
