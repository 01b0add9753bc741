"""One change of the registry: a transaction in which rows are put and ended.

`RegistryStore.change` makes it. Each row that differs becomes a new version and one audit
entry; what does not differ leaves no trace. Rows are written a few hundred at a time, so that
an import of a whole estate costs little more than its inserts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, insert, select, update

from device_registry.access.scope import Subject
from device_registry.codes.region import region_prefix
from device_registry.errors import FieldProblem, IllegalTransitionError, InvalidFieldsError
from device_registry.kinds.catalogue import kind_named, referrers
from device_registry.kinds.field import Kind
from device_registry.store.cascade import follow_authority, follow_owner, rename_path
from device_registry.store.growth import Growth
from device_registry.store.plan import Plan, Stored, Write
from device_registry.store.query import Where, current, found, having, matching, versions
from device_registry.store.row import Row, row_of, scope_values, stored_values
from device_registry.store.subjects import Subjects
from device_registry.store.tables import TABLES
from device_registry.store.trail import Trail

_AT_ONCE: Final = 500
"""Rows written together; both engines take this many parameters in one IN."""


class Change:
    """Puts and ends rows; reads see what it has written."""

    def __init__(self, connection: Connection, trail: Trail, at_ms: int) -> None:
        """Write through `connection`, whose transaction the caller ends."""
        self.at_ms = at_ms
        """When the change is made, milliseconds UTC."""
        self._connection = connection
        self._trail = trail
        self._subjects = Subjects(connection, at_ms)
        self._growth = Growth(connection)

    @property
    def seqs(self) -> Sequence[int]:
        """Numbers of the audit entries written so far."""
        return self._trail.seqs

    def get(self, kind: str, id_: str) -> Row | None:
        """Return the current version of a row."""
        stored = self._stored(kind_named(kind), [id_]).get(id_)
        return stored.row if stored else None

    def find(
        self, kind: str, *, where: Where | None = None, search: str = "", limit: int = 200
    ) -> list[Row]:
        """Return current rows by id, at most `limit`; as `RegistryStore.find`."""
        k = kind_named(kind)
        table = TABLES[kind]
        query = versions(k).where(matching(k, where, None), found(k, search))
        rows = self._connection.execute(query.order_by(table.c.id).limit(limit))
        return [row_of(k, stored) for stored in rows]

    def ever(self, kind: str, *, where: Where) -> list[Row]:
        """Return every version with these values; as `RegistryStore.ever`."""
        k = kind_named(kind)
        query = versions(k).where(having(k, where)).order_by(TABLES[kind].c.row_id)
        return [row_of(k, stored) for stored in self._connection.execute(query)]

    def put(self, kind: str, id_: str, /, **fields: object) -> Row:
        """Register a row, or give it a new version; fields not named stay as they are.

        Raises:
            InvalidFieldsError: fields that cannot be; nothing is written.
            IllegalTransitionError: a state that cannot follow; nothing is written.
        """
        return self.put_many(kind, [{**fields, "id": id_}])[0]

    def put_many(self, kind: str, rows: Iterable[Mapping[str, object]]) -> list[Row]:
        """Put many rows of one kind, each with its `id`, and return them in order.

        Raises:
            InvalidFieldsError: every mistake of every row; leave the change by it, so that
                the rows without a mistake are not kept either.
            IllegalTransitionError: nothing was wrong but a state that cannot follow.
        """
        k = kind_named(kind)
        done: list[Row] = []
        problems: list[FieldProblem] = []
        illegal: list[IllegalTransitionError] = []
        for chunk in _chunks(rows):
            plan = self._plan(k, chunk)
            self._write(k, plan.writes)
            problems += plan.problems
            illegal += plan.illegal
            written = {write.id: self._row(k, write) for write in plan.writes}
            done += [row for i in chunk if (row := written.get(i) or plan.kept.get(i))]
        if illegal and len(illegal) == len(problems):
            raise illegal[0]
        if problems:
            raise InvalidFieldsError(kind, tuple(problems))
        return done

    def end(self, kind: str, id_: str) -> None:
        """End a row: it stays in the history and is current no more.

        Raises:
            InvalidFieldsError: there is no such row, or a current row refers to it.
        """
        k = kind_named(kind)
        stored = self._stored(k, [id_]).get(id_)
        if stored is None:
            self._refuse(k, id_, f"there is no {kind} {id_}", "check the id")
            return
        for other, field in referrers(kind):
            table = TABLES[other.name]
            condition = (table.c[field] == id_) & table.c.valid_to_ms.is_(None)
            query = select(table.c.id).where(condition).limit(1)
            if holder := self._connection.execute(query).scalar():
                self._refuse(k, id_, f"{other.name} {holder} refers to it", "end that first")
        self._close(k, [stored])
        self._trail.add(k, id_, stored.row.values, None, stored.row.subject)
        self._trail.write()
        self._subjects.ended(kind, id_)
        self._follow(k, id_, stored.row, None)

    def _refuse(self, kind: Kind, id_: str, what: str, remedy: str) -> None:
        problem = FieldProblem(id=id_, field="", what=what, remedy=remedy)
        raise InvalidFieldsError(kind.name, (problem,))

    def _plan(self, kind: Kind, chunk: Mapping[str, Mapping[str, object]]) -> Plan:
        plan = Plan(kind, self._subjects)
        there = self._stored(kind, chunk)
        rows: dict[str, dict[str, object]] = {}
        for id_, given in chunk.items():
            before = there.get(id_)
            values = plan.merged(id_, given, before.row if before else None)
            if values is not None:
                rows[id_] = values
        self._drop_taken(plan, rows)
        for name, refers in kind.references:
            named = (values[name] for values in rows.values())
            self._subjects.look_up(refers, [str(v) for v in named if v is not None])
        states = self._last_states(kind, there, rows)
        for id_, values in rows.items():
            plan.take(id_, values, there.get(id_), states.get(id_))
        return plan

    def _last_states(
        self, kind: Kind, there: Mapping[str, Stored], rows: Iterable[str]
    ) -> dict[str, str]:
        """Return the state each row is in, or was in when it ended."""
        if kind.lifecycle is None:
            return {}
        states = {id_: stored.row.text("state") for id_, stored in there.items()}
        table = TABLES[kind.name]
        gone = [id_ for id_ in rows if id_ not in there]
        query = select(table.c.id, table.c.state).where(table.c.id.in_(gone))
        ended = self._connection.execute(query.order_by(table.c.row_id))
        return states | {row.id: row.state for row in ended}

    def _drop_taken(self, plan: Plan, rows: dict[str, dict[str, object]]) -> None:
        """Drop rows that claim what another row has, with a complaint."""
        kind = plan.kind
        taken: dict[tuple[object, ...], str] = {}
        for id_, values in rows.items():
            key = tuple(values[name] for name in kind.unique)
            if key and None not in key and values.get("state") != "retired":
                holder = taken.setdefault(key, id_)
                if holder != id_:
                    self._taken(plan, id_, key, holder)
        for holder, key in self._holders(kind, list(taken)):
            if holder not in rows:
                self._taken(plan, taken[key], key, holder)
        for problem in plan.problems:
            rows.pop(problem.id, None)

    def _taken(self, plan: Plan, id_: str, key: tuple[object, ...], holder: str) -> None:
        what = f"{', '.join(map(str, key))} is {plan.kind.name} {holder} already"
        plan.complain(id_, plan.kind.unique[-1], what, "choose another, or retire that one")

    def _holders(
        self, kind: Kind, keys: list[tuple[object, ...]]
    ) -> Iterator[tuple[str, tuple[object, ...]]]:
        if not keys:
            return
        table = TABLES[kind.name]
        columns = [table.c[name] for name in kind.unique]
        # By the first part alone, and compared here: a list of pairs is slow on PostgreSQL.
        first = sorted({key[0] for key in keys}, key=str)
        query = select(table.c.id, *columns).where(
            table.c.valid_to_ms.is_(None), columns[0].in_(first)
        )
        if kind.lifecycle is not None:
            query = query.where(table.c.state != "retired")
        wanted = set(keys)
        for id_, *key in self._connection.execute(query):
            if tuple(key) in wanted:
                yield id_, tuple(key)

    def _write(self, kind: Kind, writes: Sequence[Write]) -> None:
        if not writes:
            return
        for write in writes:
            old = write.before.row.values if write.before else None
            self._trail.add(kind, write.id, old, write.changed, write.subject)
        seqs = self._trail.write()
        self._close(kind, [write.before for write in writes if write.before])
        rows = [
            {
                "id": write.id,
                "valid_from_ms": self._from_ms(write),
                "changed_by": seq,
                **stored_values(kind, write.values),
                **(scope_values(write.subject) if kind.is_scoped else {}),
            }
            for write, seq in zip(writes, seqs, strict=True)
        ]
        self._connection.execute(insert(TABLES[kind.name]), rows)
        self._growth.note(kind.name, len(rows))
        for write in writes:
            before = write.before.row if write.before else None
            self._follow(kind, write.id, before, self._row(kind, write))

    def _follow(self, kind: Kind, id_: str, old: Row | None, new: Row | None) -> None:
        """Bring along what depends on where this row belongs."""
        if kind.name == "authority":
            changed = [
                (region_prefix(row.text("region")), row.text("subject_class"))
                for row in (old, new)
                if row is not None
            ]
            self._subjects.forget()
            follow_authority(self._connection, self._subjects, changed)
        if old is None or new is None or old.subject == new.subject:
            return
        if kind.name == "organisation" and _path(old.subject) != _path(new.subject):
            rename_path(self._connection, _path(old.subject), _path(new.subject))
        # Asked anew: a regulator that moved may be the authority competent for itself.
        self._subjects.forget()
        subject = self._subjects.of_row(kind, id_, new.values)
        follow_owner(self._connection, kind.name, id_, subject)

    def _close(self, kind: Kind, ended: Sequence[Stored]) -> None:
        table = TABLES[kind.name]
        for stored in ended:
            # History never runs backwards, whatever the clock did.
            at_ms = max(self.at_ms, stored.row.valid_from_ms)
            where = table.c.row_id == stored.row_id
            self._connection.execute(update(table).where(where).values(valid_to_ms=at_ms))

    def _from_ms(self, write: Write) -> int:
        return max(self.at_ms, write.before.row.valid_from_ms if write.before else 0)

    def _row(self, kind: Kind, write: Write) -> Row:
        return Row(
            kind=kind.name,
            id=write.id,
            values=write.values,
            valid_from_ms=self._from_ms(write),
            valid_to_ms=None,
            subject=write.subject,
        )

    def _stored(self, kind: Kind, ids: Iterable[str]) -> dict[str, Stored]:
        table = TABLES[kind.name]
        query = current(kind).add_columns(table.c.row_id).where(table.c.id.in_(list(ids)))
        found = (row_and_number(kind, stored) for stored in self._connection.execute(query))
        return {stored.row.id: stored for stored in found}


def row_and_number(kind: Kind, stored: Sequence[object]) -> Stored:
    """Return a row and its number, the last of the columns."""
    return Stored(row_id=int(str(stored[-1])), row=row_of(kind, stored[:-1]))


def _chunks(rows: Iterable[Mapping[str, object]]) -> Iterator[dict[str, Mapping[str, object]]]:
    chunk: dict[str, Mapping[str, object]] = {}
    for row in rows:
        id_ = str(row["id"])
        if id_ in chunk or len(chunk) == _AT_ONCE:
            yield chunk
            chunk = {}
        chunk[id_] = {name: value for name, value in row.items() if name != "id"}
    if chunk:
        yield chunk


def _path(subject: Subject | None) -> str:
    return "" if subject is None else subject.org_path
