"""Brings the tables to the form this program knows, when a store is opened.

Alembic runs in-process on the caller's connection, so the tables and their version change in
one transaction. Nobody needs an `alembic.ini`.
"""

import threading
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from device_registry.errors import StoreTooNewError
from device_registry.store.engine import reading, writing

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "heads"
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
    config = _config()
    if target == HEAD and _is_current(engine, config):
        return
    with _ONE_AT_A_TIME, writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        _refuse_newer(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, target)


def schema_version(engine: Engine) -> str:
    """Return the database's schema version, "" for an empty database."""
    with reading(engine) as connection:
        return _version(connection)


def revisions() -> tuple[str, ...]:
    """Return every schema version there has been, the first one first."""
    walked = ScriptDirectory.from_config(_config()).walk_revisions()
    return tuple(script.revision for script in walked)[::-1]


def _is_current(engine: Engine, config: Config) -> bool:
    with reading(engine) as connection:
        _refuse_newer(connection, config)
        return _version(connection) == ScriptDirectory.from_config(config).get_current_head()


def _refuse_newer(connection: Connection, config: Config) -> None:
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    found = _version(connection)
    if found and found not in known:
        name = connection.engine.url.render_as_string(hide_password=True)
        raise StoreTooNewError(name, found, str(scripts.get_current_head()))


def _version(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
