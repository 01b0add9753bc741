"""The book of all alarms: what happened to each, and where each stands.

Used by the alarm projection (the only writer) and by the pages. An event is taken once, however
often it is found again: the same event of the same alarm changes nothing. The state is that of
`domain.alarms.state`; an alarm that cannot return by itself (a fork) is cleared when somebody
acknowledges it.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cloud.projections.alarms.event import AlarmEvent, AlarmKind, as_document, event_of
from domain.alarms.state import AlarmState, Move, TransitionKind, Trigger, move

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alarm (
  id TEXT PRIMARY KEY, state TEXT NOT NULL, kind TEXT NOT NULL, site TEXT NOT NULL,
  gateway TEXT NOT NULL, point TEXT NOT NULL, since_ms INTEGER NOT NULL, raised TEXT NOT NULL,
  returned_ms INTEGER, returned_value TEXT, acknowledged_ms INTEGER, who TEXT,
  cleared_ms INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alarm_open ON alarm (since_ms) WHERE cleared_ms IS NULL;
CREATE INDEX IF NOT EXISTS alarm_point ON alarm (point) WHERE cleared_ms IS NULL;
CREATE TABLE IF NOT EXISTS event (
  alarm TEXT NOT NULL, event TEXT NOT NULL, document TEXT NOT NULL, to_tell INTEGER NOT NULL,
  number INTEGER PRIMARY KEY AUTOINCREMENT, UNIQUE (alarm, event)
);
CREATE INDEX IF NOT EXISTS event_to_tell ON event (number) WHERE to_tell;
"""
LATCHED: Final = frozenset(
    {
        AlarmKind.FORK,
        AlarmKind.BRANCH,
        AlarmKind.SIGNATURE,
        AlarmKind.REVOKED,
        AlarmKind.IMPLAUSIBLE,
        AlarmKind.COUNT,
        AlarmKind.CLOCK,
        AlarmKind.LOG,
    }
)
"""What has happened cannot return: acknowledging it clears it."""

_TRIGGERS = {
    TransitionKind.RETURNED: Trigger.BACK,
    TransitionKind.ACKNOWLEDGED: Trigger.ACKNOWLEDGE,
}
_RAISE = (
    "INSERT INTO alarm (id, state, kind, site, gateway, point, since_ms, raised)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHANGES = {
    TransitionKind.RETURNED: "UPDATE alarm SET returned_ms = ?, returned_value = ? WHERE id=?",
    TransitionKind.ACKNOWLEDGED: "UPDATE alarm SET acknowledged_ms = ?, who = ? WHERE id=?",
    TransitionKind.CLEARED: "UPDATE alarm SET cleared_ms = ?, state = ? WHERE id=?",
}
_SELECT = (
    "SELECT id, state, raised, returned_ms, returned_value, acknowledged_ms, who, cleared_ms"
    " FROM alarm"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm as it stands; `raised` says everything about its begin."""

    id: str
    state: AlarmState
    raised: AlarmEvent
    returned_ms: int | None
    returned_value: str | None
    acknowledged_ms: int | None
    who: str | None
    cleared_ms: int | None

    def acknowledgement(self, who: str, at_ms: int) -> AlarmEvent:
        """Return the event that somebody has seen this alarm."""
        return replace(
            self.raised,
            event=TransitionKind.ACKNOWLEDGED,
            at_ms=at_ms,
            told_ms=at_ms,
            value="",
            record=-1,
            who=who,
        )


def take(db: sqlite3.Connection, event: AlarmEvent, *, to_tell: bool) -> list[AlarmEvent]:
    """Enter an event; return what is new: nothing, or it and the clearing that follows.

    `to_tell` marks the new ones as not yet recorded in the archive; an acknowledgement comes
    from there. An event about an alarm that the book does not have is not entered, unless it
    raises it.
    """
    state = _state_of(db, event.alarm)
    if event.event is TransitionKind.RAISED:
        new = [event] if state is None else []
        after = AlarmState.UNACKNOWLEDGED
    else:
        after, kinds = _move(state, event)
        new = [replace(event, event=kind) for kind in kinds]
    for each in new:
        is_input = each.event is TransitionKind.ACKNOWLEDGED
        _enter(db, each, to_tell=to_tell and not is_input)
    if new:
        sql = "UPDATE alarm SET state = ? WHERE id = ?"
        db.execute(sql, (after.value, event.alarm))
    return new


def told(db: sqlite3.Connection, alarm: str, event: str) -> None:
    """Note that an event is in the archive."""
    sql = "UPDATE event SET to_tell = 0 WHERE alarm = ? AND event = ?"
    db.execute(sql, (alarm, event))


def to_tell(db: sqlite3.Connection, limit: int) -> list[AlarmEvent]:
    """Return the oldest events that are not in the archive yet."""
    asked = "SELECT document FROM event WHERE to_tell ORDER BY number LIMIT ?"
    return [event_of(json.loads(text)) for (text,) in db.execute(asked, (limit,))]


def alarm(db: sqlite3.Connection, name: str) -> Alarm | None:
    """Return one alarm."""
    row = db.execute(_SELECT + " WHERE id = ?", (name,)).fetchone()
    return None if row is None else _alarm(row)


def open_alarms(db: sqlite3.Connection) -> Sequence[Alarm]:
    """Return every alarm that is not cleared, the oldest first."""
    asked = _SELECT + " WHERE cleared_ms IS NULL ORDER BY since_ms, id"
    return [_alarm(row) for row in db.execute(asked)]


def open_of_point(db: sqlite3.Connection, point: str) -> Sequence[Alarm]:
    """Return the alarms of one point that are not cleared, the oldest first."""
    asked = _SELECT + " WHERE point = ? AND cleared_ms IS NULL ORDER BY since_ms, id"
    return [_alarm(row) for row in db.execute(asked, (point,))]


def open_like(db: sqlite3.Connection, event: AlarmEvent) -> Alarm | None:
    """Return an open alarm of the same kind and gateway that says the same, if there is one."""
    asked = _SELECT + (
        " WHERE cleared_ms IS NULL AND kind = ? AND gateway = ? ORDER BY since_ms, id"
    )
    found = (_alarm(row) for row in db.execute(asked, (event.kind.value, event.gateway)))
    return next((a for a in found if a.raised.detail == event.detail), None)


def history(db: sqlite3.Connection, limit: int) -> Sequence[Alarm]:
    """Return the newest alarms, cleared ones included, the newest first."""
    asked = _SELECT + " ORDER BY since_ms DESC, id LIMIT ?"
    return [_alarm(row) for row in db.execute(asked, (limit,))]


def export(db: sqlite3.Connection) -> Iterator[str]:
    """Yield every alarm, then every event, each as a canonical line of JSON."""
    everything = "SELECT * FROM alarm ORDER BY id"
    cursor = db.execute(everything)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        fields = dict(zip(names, row, strict=True))
        yield _line({**fields, "raised": json.loads(fields["raised"])})
    for (document,) in db.execute("SELECT document FROM event ORDER BY alarm, event"):
        yield document


def _state_of(db: sqlite3.Connection, name: str) -> AlarmState | None:
    row = db.execute("SELECT state FROM alarm WHERE id = ?", (name,)).fetchone()
    return None if row is None else AlarmState(row[0])


def _move(state: AlarmState | None, event: AlarmEvent) -> Move:
    trigger = _TRIGGERS.get(event.event)
    if state is None or trigger is None:
        return AlarmState.NORMAL, ()
    after, kinds = move(state, trigger)
    if event.kind in LATCHED and after is AlarmState.ACKNOWLEDGED:
        return AlarmState.NORMAL, (*kinds, TransitionKind.CLEARED)
    return after, kinds


def _enter(db: sqlite3.Connection, event: AlarmEvent, *, to_tell: bool) -> None:
    sql = "INSERT INTO event (alarm, event, document, to_tell) VALUES (?, ?, ?, ?)"
    document = _line(as_document(event))
    if event.event is TransitionKind.RAISED:
        fields = (event.kind.value, event.site, event.gateway, event.point, event.since_ms)
        db.execute(_RAISE, (event.alarm, AlarmState.UNACKNOWLEDGED.value, *fields, document))
    db.execute(sql, (event.alarm, event.event.value, document, to_tell))
    details: Mapping[TransitionKind, object] = {
        TransitionKind.RETURNED: event.value,
        TransitionKind.ACKNOWLEDGED: event.who,
        TransitionKind.CLEARED: AlarmState.NORMAL.value,
    }
    if event.event in details:
        change = (event.at_ms, details[event.event], event.alarm)
        db.execute(_CHANGES[event.event], change)


def _line(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _alarm(row: Sequence[Any]) -> Alarm:
    name, state, raised, returned_ms, returned_value, acknowledged_ms, who, cleared_ms = row
    return Alarm(
        id=name,
        state=AlarmState(state),
        raised=event_of(json.loads(raised)),
        returned_ms=returned_ms,
        returned_value=returned_value,
        acknowledged_ms=acknowledged_ms,
        who=who,
        cleared_ms=cleared_ms,
    )
