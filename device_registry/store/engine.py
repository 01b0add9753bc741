"""How a database is opened: SQLite or PostgreSQL, and what makes each safe for the registry.

SQLite: write-ahead log, a commit is on the disk before it is told, and a change takes the
write lock when it begins, so that two changes never meet half-way. PostgreSQL: a change locks
the audit table against other writers; readers go on.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    IntegrityError,
    NoSuchModuleError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from device_registry.errors import StoreUnavailableError

BUSY_TIMEOUT_MS: Final = 60_000
"""An import of a whole estate holds the write lock for most of a minute."""
POOL: Final = 8
CONNECT_TIMEOUT_S: Final = 10
SILENCE_S: Final = 20
_GIVING_UP: Final = {
    "connect_timeout": CONNECT_TIMEOUT_S,
    "tcp_user_timeout": SILENCE_S * 1000,
    "keepalives_idle": SILENCE_S // 2,
    "keepalives_interval": SILENCE_S // 4,
    "keepalives_count": 2,
}
"""Without these, libpq waits for a host that has gone away for a quarter of an hour."""
_FORM: Final = "use sqlite:////absolute/path or postgresql+psycopg://user@host/name"
_MEND: Final = "check that the path or server exists, may be written, and has room"


class _HintingCompiler(SQLiteCompiler):
    """Writes the index that a query names, which SQLAlchemy leaves out for SQLite."""

    def get_from_hint_text(self, table: object, text: str | None) -> str | None:  # noqa: ARG002
        return text


def open_engine(url: str) -> Engine:
    """Return an engine for `url`; nothing is connected yet.

    Raises:
        StoreUnavailableError: no such kind of database.
    """
    try:
        parts = make_url(url)
    except ArgumentError as error:
        raise StoreUnavailableError("(url)", "not a database url", _FORM) from error
    match parts.get_backend_name():
        case "sqlite":
            if parts.database in {None, "", ":memory:"}:
                raise StoreUnavailableError(url, "in memory only", _FORM)
            engine = create_engine(parts, pool_size=POOL, max_overflow=POOL)
            engine.dialect.statement_compiler = _HintingCompiler
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        case "postgresql":
            return _postgresql(url)
        case other:
            raise StoreUnavailableError(other, "unknown kind of database", _FORM)


def _postgresql(url: str) -> Engine:
    try:
        return create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=POOL,
            max_overflow=POOL,
            pool_pre_ping=True,
            connect_args=_GIVING_UP,
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise StoreUnavailableError(
            "postgresql", "its driver is missing", "install psycopg"
        ) from error


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn what the database cannot do now into `StoreUnavailableError`."""
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailableError(_name(engine), "too busy", "try again") from error
    except (IntegrityError, ProgrammingError):
        # A mistake of this program, not of the world.
        raise
    except DBAPIError as error:
        raise StoreUnavailableError(_name(engine), _why(error), _MEND) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that sees one state of the database."""
    with translated(engine), engine.connect() as connection:
        yield connection


def for_single_reads(engine: Engine) -> Engine:
    """Return the engine for questions of one statement each.

    On PostgreSQL they need no transaction, whose beginning and end are two more round trips.
    """
    if engine.dialect.name != "postgresql":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Give a connection that alone may write; committed at the end, or not at all."""
    with translated(engine), engine.connect() as plain:
        connection = plain.execution_options(writes=True)
        with connection.begin():
            yield connection


def lock_audit(connection: Connection) -> None:
    """Keep other writers out until this transaction ends; readers are not kept out."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("LOCK TABLE audit IN EXCLUSIVE MODE")


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` says which kind.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-65536",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _name(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _why(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]
