"""Keeps the scope columns right when what rows belong to changes.

Used by `Change`, in the same transaction. Everything below a site shares the site's subject,
so that one statement per kind is enough however many rows there are. Only current rows follow:
an old version belongs to whom it belonged then.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, update

from device_registry.access.scope import Subject
from device_registry.kinds.catalogue import KINDS, owner_chain
from device_registry.kinds.field import Kind
from device_registry.store.query import below, starting
from device_registry.store.row import scope_values
from device_registry.store.subjects import Subjects
from device_registry.store.tables import TABLES

_PATHS = ("org_path", "authority_path")


def follow_owner(connection: Connection, kind: str, id_: str, subject: Subject | None) -> None:
    """Give everything that belongs to a row the row's new subject."""
    for below_it in KINDS.values():
        condition = _belongs(below_it, kind, id_)
        if condition is not None:
            table = TABLES[below_it.name]
            connection.execute(update(table).where(condition).values(**scope_values(subject)))


def rename_path(connection: Connection, old: str, new: str) -> None:
    """Give everything below an organisation that moved its new path."""
    for table in _scoped():
        for name in _PATHS:
            column = table.c[name]
            rest = func.substr(column, len(old) + 1)
            connection.execute(
                update(table)
                .where(table.c.valid_to_ms.is_(None), below(column, old))
                .values({name: new + rest})
            )


def follow_authority(
    connection: Connection, subjects: Subjects, changed: Iterable[tuple[str, str]]
) -> None:
    """Name the competent authority anew wherever it may have changed.

    `changed` are (prefix of the region, subject class), "" for any.
    """
    # Whatever belongs to a site or an organisation agrees with it, so these two tell.
    named = {
        known
        for prefix, subject_class in changed
        for kind in ("organisation", "site")
        for known in _named(connection, TABLES[kind], prefix, subject_class)
    }
    for region, subject_class, known in sorted(named):
        path = subjects.authority(region, subject_class)
        if path == known:
            continue
        for table in _scoped():
            connection.execute(
                update(table)
                .where(
                    table.c.valid_to_ms.is_(None),
                    table.c.region_code == region,
                    table.c.subject_class_of == subject_class,
                    table.c.authority_path == known,
                )
                .values(authority_path=path)
            )


def _named(
    connection: Connection, table: Table, prefix: str, subject_class: str
) -> Iterator[tuple[str, str, str]]:
    conditions: list[ColumnElement[bool]] = [table.c.valid_to_ms.is_(None)]
    if prefix:
        conditions.append(starting(table.c.region_code, prefix))
    if subject_class:
        conditions.append(table.c.subject_class_of == subject_class)
    columns = (table.c.region_code, table.c.subject_class_of, table.c.authority_path)
    for row in connection.execute(select(*columns).where(*conditions).distinct()):
        yield row.region_code, row.subject_class_of, row.authority_path


def _belongs(kind: Kind, ancestor: str, id_: str) -> ColumnElement[bool] | None:
    """Return the condition for current rows of `kind` that belong to a row of `ancestor`."""
    steps = owner_chain(kind)
    kinds = [name for _, name in steps]
    if ancestor not in kinds:
        return None
    steps = steps[: kinds.index(ancestor) + 1]
    field, owner = steps[-1]
    inner: ColumnElement[bool] | None = None
    for (field, owner), child in zip(
        reversed(steps), [*reversed(kinds[: len(steps) - 1]), kind.name], strict=True
    ):
        column = TABLES[child].c[field]
        if inner is None:
            condition = column == id_
        else:
            condition = column.in_(select(TABLES[owner].c.id).where(inner))
        inner = and_(TABLES[child].c.valid_to_ms.is_(None), condition)
    return inner


def _scoped() -> Iterator[Table]:
    return (TABLES[kind.name] for kind in KINDS.values() if kind.is_scoped)
