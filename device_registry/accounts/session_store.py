"""Where sessions and shared stations are kept: by the hash of what the cookie holds.

Whoever reads the database cannot come in with what is there.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Final

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from device_registry.accounts.session import (
    ABSOLUTE_MS,
    Method,
    Session,
    is_alive,
    must_note_use,
)
from device_registry.accounts.station import Station
from device_registry.accounts.tables import SESSIONS, STATIONS
from device_registry.errors import StoreUnavailableError
from device_registry.store.engine import BUSY_TIMEOUT_MS, reading, translated, writing

SECRET_BYTES: Final = 32
HURRIED_MS: Final = 50
"""How long the note of a session's use waits for the lock of a SQLite file."""


class SessionStore:
    """See the module; may be called from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, session: Session) -> str:
        """Keep a new session and return its cookie; sessions that are over are dropped."""
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        values = {name: getattr(session, name) for name in _FIELDS}
        values["is_strong"] = int(session.is_strong)
        with writing(self._engine) as connection:
            over = SESSIONS.c.made_ms < session.made_ms - ABSOLUTE_MS
            connection.execute(delete(SESSIONS).where(over))
            connection.execute(insert(SESSIONS).values(id=_hash(cookie), **values))
        return cookie

    def find(self, cookie: str, at_ms: int) -> Session | None:
        """Return the session of a cookie while it counts, and note its use."""
        query = select(SESSIONS).where(SESSIONS.c.id == _hash(cookie))
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        session = _session(row) if row else None
        if session is None or not is_alive(session, at_ms):
            return None
        if must_note_use(session, at_ms):
            self._note(cookie, seen_ms=at_ms)
        return session

    def prove(self, cookie: str, at_ms: int, *, is_strong: bool) -> None:
        """Note that the person has just proven again who it is."""
        values = {"proven_ms": at_ms, "seen_ms": at_ms} | (
            {"is_strong": 1} if is_strong else {}
        )
        where = SESSIONS.c.id == _hash(cookie)
        with writing(self._engine) as connection:
            connection.execute(update(SESSIONS).where(where).values(**values))

    def end(self, cookie: str) -> None:
        """End one session."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.id == _hash(cookie)))

    def end_all(self, account: str, *, but: str = "") -> None:
        """End every session of an account except that of the cookie `but`."""
        where = (SESSIONS.c.account == account) & (SESSIONS.c.id != _hash(but))
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(where))

    def make_station(self, site: str, label: str, made_by: str, at_ms: int) -> str:
        """Register a browser as shared and return its cookie."""
        cookie = secrets.token_urlsafe(SECRET_BYTES)
        values = {"site": site, "label": label, "made_by": made_by, "made_ms": at_ms}
        with writing(self._engine) as connection:
            connection.execute(insert(STATIONS).values(id=_hash(cookie), **values))
        return cookie

    def station(self, cookie: str) -> Station | None:
        """Return the station of a cookie while it is one."""
        query = select(STATIONS).where(
            STATIONS.c.id == _hash(cookie), STATIONS.c.ended_ms.is_(None)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Station(id=row.id[:16], site=row.site, label=row.label, made_by=row.made_by)

    def end_station(self, cookie: str, at_ms: int) -> None:
        """Let a browser be shared no more."""
        where = STATIONS.c.id == _hash(cookie)
        with writing(self._engine) as connection:
            connection.execute(update(STATIONS).where(where).values(ended_ms=at_ms))

    def _note(self, cookie: str, *, seen_ms: int) -> None:
        where = SESSIONS.c.id == _hash(cookie)
        try:
            with _hurried(self._engine) as connection:
                connection.execute(update(SESSIONS).where(where).values(seen_ms=seen_ms))
        except StoreUnavailableError:
            return  # the page is worth more than the note; the next use brings another


_FIELDS: Final = (
    "account",
    "method",
    "is_strong",
    "made_ms",
    "seen_ms",
    "proven_ms",
    "csrf",
    "device",
    "station",
)


@contextmanager
def _hurried(engine: Engine) -> Iterator[Connection]:
    """Give a connection that may write, or give up at once: an import may hold the lock."""
    if engine.dialect.name != "sqlite":
        with writing(engine) as connection:
            yield connection
        return
    with translated(engine), engine.connect() as plain:
        raw = plain.connection.driver_connection
        if raw is None:
            raise TypeError("a connection without its driver's")
        raw.execute(f"PRAGMA busy_timeout={HURRIED_MS}")
        try:
            with plain.execution_options(writes=True).begin():
                yield plain
        finally:
            raw.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def new_csrf() -> str:
    """Return a new token for the forms of a session."""
    return secrets.token_urlsafe(SECRET_BYTES)


def _session(row: Row[tuple[object, ...]]) -> Session:
    values = {name: getattr(row, name) for name in _FIELDS}
    values["method"] = Method(values["method"])
    values["is_strong"] = bool(values["is_strong"])
    return Session(**values)


def _hash(cookie: str) -> str:
    return sha256(cookie.encode()).hexdigest()
