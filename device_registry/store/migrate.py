"""Brings the tables to the form this program knows, when a store is opened.

Alembic runs in-process on the caller's connection, so the tables and their version change in
one transaction. Nobody needs an `alembic.ini`.
"""

import threading
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from device_registry.errors import StoreTooNewError
from device_registry.store.engine import reading, writing

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "heads"
VERSION_TABLE: Final = "alembic_version"
DIGITS: Final = 4
"""A migration's file begins with its revision: `0001_registry.py`."""
_LOCK: Final = 0x636F6C64
"""Advisory lock by which two programs do not migrate one PostgreSQL database at once."""


_ONE_AT_A_TIME: Final = threading.Lock()
"""Alembic keeps what it is doing in a global of its own."""


def migrate(engine: Engine, target: str = HEAD) -> None:
    """Bring the database to `target`; nothing happens when it is there.

    Raises:
        StoreTooNewError: a later version of this program was here.
        StoreUnavailableError: the database cannot be reached or written.
    """
    if target == HEAD and _is_current(engine):
        return
    # Alembic takes longer to load than most commands to run; it is seldom needed.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with _ONE_AT_A_TIME, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        _refuse_newer(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def schema_version(engine: Engine) -> str:
    """Return the database's schema version, "" for an empty database."""
    with reading(engine) as connection:
        return _version(connection)


def revisions() -> tuple[str, ...]:
    """Return every schema version there has been, the first one first."""
    return tuple(sorted(file.name[:DIGITS] for file in (MIGRATIONS / "versions").glob("0*.py")))


def _is_current(engine: Engine) -> bool:
    with reading(engine) as connection:
        _refuse_newer(connection)
        return _version(connection) == revisions()[-1]


def _refuse_newer(connection: Connection) -> None:
    found = _version(connection)
    if found and found not in revisions():
        name = connection.engine.url.render_as_string(hide_password=True)
        raise StoreTooNewError(name, found, revisions()[-1])


def _version(connection: Connection) -> str:
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}"))  # noqa: S608
    return str(found.scalar() or "")
