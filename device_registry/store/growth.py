"""Tells PostgreSQL how a table has grown within one transaction.

It learns that by itself only of what is committed. Until then it takes a table that an import
fills for a small one and reads the whole of it for every few hundred rows: four times the rows
would take sixteen times as long. SQLite needs no telling.
"""

from typing import Final

from sqlalchemy import Connection

FIRST_ROWS: Final = 2000
FACTOR: Final = 4
"""Told again when so many times the rows are there; each time costs some 50 ms."""


class Growth:
    """How many rows one transaction has written to each table."""

    def __init__(self, connection: Connection) -> None:
        """Count for one transaction."""
        self._connection = connection
        self._counts = connection.dialect.name == "postgresql"
        self._rows: dict[str, int] = {}
        self._next: dict[str, int] = {}

    def note(self, table: str, rows: int) -> None:
        """Note that rows were written, and tell the database when they are many."""
        if not self._counts:
            return
        self._rows[table] = self._rows.get(table, 0) + rows
        if self._rows[table] >= self._next.get(table, FIRST_ROWS):
            self._next[table] = self._rows[table] * FACTOR
            self._connection.exec_driver_sql(f'ANALYZE "{table}"')
