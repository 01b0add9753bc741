"""The alarms of the whole fleet, derived from the archive and entered in a book.

Judging happens in memory. What comes of it is written at once, the memory and the cursor now
and then: after a crash a little of the archive is judged again, finds the same alarms under the
same names, and nobody is told twice. What is new is recorded in the archive (`record`), and
whoever tells people (webhooks, pages) takes it from there: so nothing is told on a rebuild.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cloud.errors import CloudError
from cloud.projections.alarms import book, memory
from cloud.projections.alarms.book import LATCHED, Alarm
from cloud.projections.alarms.engine import AlarmEngine, AlarmPolicy, Happening
from cloud.projections.alarms.event import AlarmEvent, AlarmKind, encode_event
from cloud.projections.alarms.memory import Memory
from cloud.projections.alarms.point_state import Packs
from cloud.projections.alarms.wording import names
from cloud.projections.feed import CommitGroup
from cloud.projections.series import SeriesIndex
from cloud.projections.state_file import StateFile
from domain.alarms.state import AlarmState, TransitionKind
from domain.rules.load import rule_pack
from evidence.record import RecordKind

SAVE_EVERY_MS: Final = 60_000
SAVE_EVERY_RECORDS: Final = 100_000
MAX_TOLD_AT_ONCE: Final = 1_000
TELL_AGAIN_MS: Final = 1_000
TIMED: Final = frozenset({AlarmKind.SILENT, AlarmKind.BACKUP})

Record = Callable[[int, bytes], None]


class UnknownAlarmError(CloudError):
    """Somebody acknowledged what is no alarm, or what needs no acknowledgement (any more)."""


class AlarmProjection:
    """A `Projection` into the book of alarms.

    `live_from` is the archive's next index when the process started: what lies before it is the
    past. A book that is new tells nothing of the past; one that was only behind tells what it
    had not told yet.
    """

    name = "alarms"

    def __init__(
        self,
        file: Path,
        series: SeriesIndex,
        record: Record,
        live_from: int,
        policy: AlarmPolicy | None = None,
        packs: Packs = rule_pack,
    ) -> None:
        self._state = StateFile(file, memory.SCHEMA + book.SCHEMA)
        self._series = series
        self._record = record
        self._live_from = live_from
        self._policy = policy or AlarmPolicy()
        self._packs = packs
        self._tell_from = self._state.remembered("tell_from", live_from)
        self._sent: set[tuple[str, str]] = set()
        self._told_ms = 0
        self._load()

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._cursor

    def apply(self, group: CommitGroup) -> None:
        """Judge `group` and enter what happened; see `Projection`."""
        self._write()
        try:
            self._engine.apply(group)
        except BaseException:
            self._load()  # half a group is judged: begin again from what was saved
            raise
        self._cursor = group.next_index
        self._write()
        self._save_if_due(group.records[-1].recv_ms if group.records else 0)

    def tick(self, as_of_ms: int) -> None:
        """Let timers fire that are due, and tell again what could not be told."""
        self._engine.tick(as_of_ms)
        self._write()
        self._save_if_due(as_of_ms)
        if as_of_ms - self._told_ms >= TELL_AGAIN_MS:
            self._told_ms = as_of_ms
            self._tell_all()

    def acknowledge(self, alarm: str, who: str, at_ms: int) -> None:
        """Record that `who` has seen an alarm; it counts once it comes back from the archive.

        May be called from any thread.

        Raises:
            UnknownAlarmError: there is no such alarm that waits for an acknowledgement.
        """
        with self._state.reader() as db:
            known = book.alarm(db, alarm)
        if known is None or known.state not in {
            AlarmState.UNACKNOWLEDGED,
            AlarmState.RETURNED,
        }:
            raise UnknownAlarmError(f"alarm {alarm} does not wait for an acknowledgement")
        self._record(RecordKind.ALARM, self._document(known.acknowledgement(who, at_ms)))

    def open_alarms(self) -> Sequence[Alarm]:
        """Return every alarm that is not cleared, the oldest first; from any thread."""
        with self._state.reader() as db:
            return book.open_alarms(db)

    def history(self, limit: int) -> Sequence[Alarm]:
        """Return the newest alarms, cleared ones included; from any thread."""
        with self._state.reader() as db:
            return book.history(db, limit)

    def last_heard_ms(self, gateway: str) -> int | None:
        """Return when a gateway's last batch came; from any thread."""
        return self._engine.last_heard_ms(gateway)

    def is_silent(self, gateway: str) -> bool:
        """Return whether a gateway is silent now; from any thread."""
        return self._engine.is_silent(gateway)

    def export(self) -> Iterator[str]:
        """Yield every alarm and every event as canonical lines of JSON."""
        with self._state.reader() as db:
            yield from book.export(db)

    def close(self) -> None:
        """Save and close the file."""
        self._save(0)
        self._state.close()

    def _load(self) -> None:
        self._engine = AlarmEngine(self._series, self._packs, self._policy, self._live_from)
        self._memory = Memory(self._engine.points)
        with self._state.reader() as db:
            saved = self._memory.load(db)
        if saved:
            self._engine.restore(saved)
        self._cursor = self._saved_cursor = self._state.cursor
        self._saved_ms = 0

    def _write(self) -> None:
        """Enter what happened in the book, then record what is new in the archive."""
        happenings = self._engine.happenings
        if not happenings:
            return
        # nothing in the archive brings a timer back after a crash, so it is saved with the rest
        is_timed = any(h.event.kind in TIMED and not h.is_recorded for h in happenings)
        with self._state.transaction(self._cursor if is_timed else None) as db:
            new = [event for happening in happenings for event in self._enter(db, happening)]
            if is_timed:
                self._memory.save(db, self._engine.snapshot())
        if is_timed:
            self._memory.saved()
        happenings.clear()
        if self._cursor >= self._live_from:
            for event in new:
                self._tell(event)

    def _enter(self, db: sqlite3.Connection, happening: Happening) -> list[AlarmEvent]:
        """Return the events that people are to be told of."""
        event, is_news = happening.event, happening.at_index >= self._tell_from
        is_input = event.event is TransitionKind.ACKNOWLEDGED
        if (
            event.event is TransitionKind.RAISED
            and event.kind in LATCHED
            and book.open_like(db, event) is not None
        ):
            return []
        to_tell = is_news and (is_input or not happening.is_recorded)
        new = book.take(db, event, to_tell=to_tell)
        if happening.is_recorded:
            book.told(db, event.alarm, event.event.value)
        if not to_tell:
            return []
        return [e for e in new if e.event is not TransitionKind.ACKNOWLEDGED]

    def _tell_all(self) -> None:
        """Record what was entered but perhaps not recorded before a crash."""
        with self._state.reader() as db:
            waiting = book.to_tell(db, MAX_TOLD_AT_ONCE)
        self._sent &= {(event.alarm, event.event.value) for event in waiting}
        for event in waiting:
            self._tell(event)

    def _tell(self, event: AlarmEvent) -> None:
        key = (event.alarm, event.event.value)
        if key not in self._sent:
            self._record(RecordKind.ALARM, self._document(event))
            self._sent.add(key)

    def _document(self, event: AlarmEvent) -> bytes:
        return encode_event(event, names(event, self._series.registry))

    def _save_if_due(self, now_ms: int) -> None:
        is_long = self._saved_ms and now_ms - self._saved_ms >= SAVE_EVERY_MS
        if is_long or self._cursor - self._saved_cursor >= SAVE_EVERY_RECORDS:
            self._save(now_ms)
        elif not self._saved_ms:
            self._saved_ms = now_ms

    def _save(self, now_ms: int) -> None:
        with self._state.transaction(self._cursor) as db:
            self._memory.save(db, self._engine.snapshot())
        self._memory.saved()
        self._saved_cursor, self._saved_ms = self._cursor, now_ms
