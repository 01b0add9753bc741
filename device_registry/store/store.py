"""The registry's database, as everything else meets it.

Readers run at any time, from any thread; changes come one after another, also from several
programs. Nothing is deleted, and nothing changes without an audit entry.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Self, cast

from sqlalchemy import Connection, Engine, Executable, and_, func, or_, select, update

from device_registry.errors import FieldProblem, InvalidFieldsError
from device_registry.kinds.catalogue import kind_named
from device_registry.store.audit import Actor, AuditEntry
from device_registry.store.cascade import follow_authority
from device_registry.store.change import Change
from device_registry.store.engine import lock_audit, open_engine, reading, writing
from device_registry.store.migrate import migrate
from device_registry.store.narrow import Query, counting, listing, trail_condition
from device_registry.store.query import Where, Within, counted, current, having, versions
from device_registry.store.row import Row, row_of
from device_registry.store.subjects import Subjects
from device_registry.store.tables import AUDIT, TABLES
from device_registry.store.trail import Trail, entries, entry_of

MAX_WHY_CHARS: Final = 1000
PAGE: Final = 2000
"""Rows read at a time by `each`."""


class RegistryStore:
    """What the registry holds and held, and who changed it."""

    def __init__(self, engine: Engine, now_ms: Callable[[], int]) -> None:
        """Use a migrated database; see `open`."""
        self._engine = engine
        self._changing = threading.Lock()
        self._changer = 0  # thread that holds `_changing`
        self.now_ms = now_ms
        """The clock of whoever opened it."""

    @classmethod
    def open(cls, url: str, *, now_ms: Callable[[], int]) -> Self:
        """Open `sqlite:////absolute/path` or `postgresql+psycopg://…`, bringing it up to date.

        Raises:
            StoreUnavailableError: it cannot be reached, opened or written.
            StoreTooNewError: a later version of this program has changed it.
        """
        engine = open_engine(url)
        try:
            migrate(engine)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, now_ms)

    @property
    def engine(self) -> Engine:
        """For tables beside the registry's own, in the same database."""
        return self._engine

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()

    def get(self, kind: str, id_: str) -> Row | None:
        """Return the current version of a row."""
        k = kind_named(kind)
        return self._first(kind, current(k).where(TABLES[kind].c.id == id_))

    def as_of(self, kind: str, id_: str, at_ms: int) -> Row | None:
        """Return the version of a row that held at an instant."""
        c = TABLES[kind_named(kind).name].c
        holds = and_(
            c.id == id_,
            c.valid_from_ms <= at_ms,
            or_(c.valid_to_ms.is_(None), c.valid_to_ms > at_ms),
        )
        query = versions(kind_named(kind)).where(holds)
        return self._first(kind, query.order_by(c.row_id.desc()).limit(1))

    def history(self, kind: str, id_: str) -> list[Row]:
        """Return every version of a row, the first one first."""
        c = TABLES[kind_named(kind).name].c
        query = versions(kind_named(kind)).where(c.id == id_).order_by(c.row_id)
        return self._rows(kind, query)

    def ever(self, kind: str, *, where: Where) -> list[Row]:
        """Return every version, current or not, with these values; the first one first."""
        k = kind_named(kind)
        query = versions(k).where(having(k, where))
        return self._rows(kind, query.order_by(TABLES[kind].c.row_id))

    def find(
        self,
        kind: str,
        *,
        where: Where | None = None,
        within: Within | None = None,
        search: str = "",
        after: str = "",
        limit: int = 200,
    ) -> list[Row]:
        """Return current rows by id: those after the id `after`, at most `limit`.

        Args:
            kind: A name of `KINDS`.
            where: Field to value; a list means any of them (at most 30,000), None that
                nothing is known.
            within: Only what one of these scopes covers; () finds nothing, None does not ask.
            search: Only rows in whose id or names this stands, in either case.
            after: Id of the last row of the page before.
            limit: Most rows to return.
        """
        k = kind_named(kind)
        c = TABLES[kind].c
        with reading(self._engine) as connection:
            query = listing(connection, k, where, within, search)
            if after:
                query = query.where(c.id > after)
            rows = connection.execute(query.order_by(c.id).limit(limit))
            return [row_of(k, stored) for stored in rows]

    def each(
        self, kind: str, *, where: Where | None = None, within: Within | None = None
    ) -> Iterator[Row]:
        """Return all current rows by id, reading a page at a time."""
        after = ""
        while page := self.find(kind, where=where, within=within, after=after, limit=PAGE):
            yield from page
            after = page[-1].id

    def count(
        self, kind: str, *, where: Where | None = None, within: Within | None = None
    ) -> int:
        """Return how many current rows there are."""
        query = counting(kind_named(kind), where, within)
        with reading(self._engine) as connection:
            return cast("int", connection.execute(query).scalar_one())

    def count_by(
        self, kind: str, by: str, *, where: Where | None = None, within: Within | None = None
    ) -> Mapping[str, int]:
        """Return how many current rows have each value of the field `by`, "" for none."""
        query = counted(kind_named(kind), by, where, within)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return {"" if value is None else str(value): int(str(n)) for value, n in rows}

    @contextmanager
    def change(self, actor: Actor, why: str, at_ms: int) -> Iterator[Change]:
        """Make changes: all of them when the block ends, none when it raises.

        Changes wait for each other; one inside another is a programming mistake.

        Raises:
            InvalidFieldsError: nobody, or no reason, is named.
            StoreUnavailableError: the database cannot be reached or written.
        """
        _check_reason(actor, why)
        with self._alone() as connection:
            lock_audit(connection)
            yield Change(connection, Trail(connection, actor, why, at_ms), at_ms)

    def audit(
        self,
        *,
        after_seq: int = 0,
        limit: int = 200,
        kind: str = "",
        id: str = "",  # noqa: A002 - the field's name everywhere
        within: Within | None = None,
    ) -> list[AuditEntry]:
        """Return audit entries after `after_seq`, the oldest first, at most `limit`."""
        query = entries(kind, id).where(AUDIT.c.seq > after_seq)
        return self._entries(query.order_by(AUDIT.c.seq).limit(limit), within)

    def latest(
        self,
        *,
        before_seq: int | None = None,
        limit: int = 200,
        kind: str = "",
        id: str = "",  # noqa: A002 - the field's name everywhere
        within: Within | None = None,
    ) -> list[AuditEntry]:
        """Return audit entries before `before_seq`, the newest first, at most `limit`."""
        query = entries(kind, id)
        if before_seq is not None:
            query = query.where(AUDIT.c.seq < before_seq)
        return self._entries(query.order_by(AUDIT.c.seq.desc()).limit(limit), within)

    def note_logged(self, seq: int, log_index: int) -> None:
        """Note where the log has an audit entry."""
        self.note_all_logged([(seq, log_index)])

    def note_all_logged(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Note where the log has audit entries: (seq, index of the log)."""
        with self._alone() as connection:
            for seq, index in pairs:
                where = AUDIT.c.seq == seq
                connection.execute(update(AUDIT).where(where).values(log_index=index))

    def last_logged(self) -> int:
        """Return the number of the newest audit entry that the log has, 0 if it has none."""
        query = select(AUDIT.c.seq).where(AUDIT.c.log_index.is_not(None))
        with reading(self._engine) as connection:
            last = connection.execute(query.order_by(AUDIT.c.log_index.desc()).limit(1))
            return cast("int", last.scalar() or 0)

    def revision(self) -> int:
        """Return the number of the newest audit entry: it grows with every change."""
        with reading(self._engine) as connection:
            newest = connection.execute(select(func.max(AUDIT.c.seq))).scalar()
        return cast("int", newest or 0)

    def refresh_authorities(self, at_ms: int) -> None:
        """Name the authorities competent on the day of `at_ms`; to be called once a day."""
        with self._alone() as connection:
            lock_audit(connection)
            follow_authority(connection, Subjects(connection, at_ms), [("", "")])

    @contextmanager
    def _alone(self) -> Iterator[Connection]:
        if self._changer == threading.get_ident():
            raise RuntimeError("a change of the registry inside another would wait for ever")
        with self._changing:
            self._changer = threading.get_ident()
            try:
                with writing(self._engine) as connection:
                    yield connection
            finally:
                self._changer = 0

    def _first(self, kind: str, query: Executable) -> Row | None:
        rows = self._rows(kind, query)
        return rows[0] if rows else None

    def _rows(self, kind: str, query: Executable) -> list[Row]:
        k = kind_named(kind)
        with reading(self._engine) as connection:
            return [row_of(k, stored) for stored in connection.execute(query)]

    def _entries(self, query: Query, within: Within | None) -> list[AuditEntry]:
        with reading(self._engine) as connection:
            condition = trail_condition(connection, AUDIT, within)
            if condition is not None:
                query = query.where(condition)
            return [entry_of(row) for row in connection.execute(query)]


def _check_reason(actor: Actor, why: str) -> None:
    problems = []
    if not actor.account:
        problems.append(
            FieldProblem(id="", field="actor", what="missing", remedy="say who makes it")
        )
    if not why.strip() or len(why) > MAX_WHY_CHARS:
        remedy = f"give a reason of at most {MAX_WHY_CHARS} characters"
        problems.append(FieldProblem(id="", field="why", what="missing or long", remedy=remedy))
    if problems:
        raise InvalidFieldsError("change", tuple(problems))
