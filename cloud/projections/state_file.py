"""A projection's own SQLite file: its cursor, and what must change together with it.

Only the projection's thread writes. Any thread may read through `reader`.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from cloud.errors import UnavailableError

BUSY_TIMEOUT_S = 10

_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;
CREATE TABLE IF NOT EXISTS cursor (
  one INTEGER PRIMARY KEY CHECK (one = 1), next_index INTEGER NOT NULL
);
INSERT OR IGNORE INTO cursor (one, next_index) VALUES (1, 0);
CREATE TABLE IF NOT EXISTS remembered (
  name TEXT PRIMARY KEY, value INTEGER NOT NULL
) WITHOUT ROWID;
"""


def drop_futures(folder: Path, next_index: int) -> list[str]:
    """Remove the state of projections that are ahead of the archive; return whose it was.

    An archive may have lost its end (a damaged disk, an older copy put back). What is archived
    next gets the indexes of what was lost, and a projection that had seen those would leave it
    out. Without its file a projection begins anew.
    """
    dropped = []
    for file in sorted(folder.glob("*.db")):
        with closing(sqlite3.connect(file)) as db:
            is_ours = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'cursor'").fetchone()
            ahead = is_ours and db.execute("SELECT next_index FROM cursor").fetchone()
        if ahead and ahead[0] > next_index:
            for part in (file, *folder.glob(f"{file.name}-*")):
                part.unlink(missing_ok=True)
            dropped.append(file.stem)
    return dropped


class StateFile:
    """One file; `cursor` is the next archive index that the projection has to apply."""

    def __init__(self, path: Path, schema: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._db = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._db.executescript(_SCHEMA + schema)
        (self._cursor,) = self._db.execute("SELECT next_index FROM cursor").fetchone()

    @property
    def cursor(self) -> int:
        """Return the durable cursor."""
        return int(self._cursor)

    def remembered(self, name: str, value: int) -> int:
        """Return what this was given when the file was new, durably: `value` then."""
        with self.transaction() as db:
            db.execute("INSERT OR IGNORE INTO remembered VALUES (?, ?)", (name, value))
            asked = "SELECT value FROM remembered WHERE name = ?"
            return int(db.execute(asked, (name,)).fetchone()[0])

    @contextmanager
    def transaction(self, next_index: int | None = None) -> Iterator[sqlite3.Connection]:
        """Make everything done inside, and the cursor, durable together, or nothing of it.

        Raises:
            UnavailableError: the disk is full or the file is locked; try again.
        """
        db = self._db
        with self._faults():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                if next_index is not None:
                    db.execute("UPDATE cursor SET next_index = ?", (next_index,))
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            if next_index is not None:
                self._cursor = next_index

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """Open a connection for one reading, from any thread."""
        with self._faults():
            uri = f"file:{self._path}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as db:
                yield db

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as e:
            raise UnavailableError(f"{self._path}: {e}; free disk space, check owner") from e
