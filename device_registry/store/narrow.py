"""Chooses how a list within scopes is found: by what the scopes cover, or by walking in order.

Of a firm's scope a few rows are found and sorted; of a province's, walking in the order of the
list meets enough of them soon. Neither way does for the other, and SQLite cannot tell which it
is: so it is asked first, through the index, whether there are more than a few.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    func,
    not_,
    select,
    union_all,
)

from device_registry.access.scope import Scope
from device_registry.kinds.field import Field, Kind
from device_registry.store.query import (
    Where,
    Within,
    below,
    found,
    indexed,
    limits,
    matching,
    parts_of,
    versions,
    within_scopes,
)
from device_registry.store.tables import TABLES

FEW: Final = 2000
"""So many rows are found and sorted in some 10 ms."""

Query = Select[*tuple[Any, ...]]


def listing(
    connection: Connection, kind: Kind, where: Where | None, within: Within | None, search: str
) -> Query:
    """Return the query for current rows, in the fastest way; neither ordered nor cut."""
    table = TABLES[kind.name]
    plain = versions(kind).where(found(kind, search))
    keys = covered_keys(connection, table, within)
    if keys is not None and not _is_selective(kind, where):
        # Without the hint SQLite might walk the order of the list, looking for these few.
        query = plain.with_hint(table, "NOT INDEXED", "sqlite")
        return query.where(matching(kind, where, None), table.c.row_id.in_(keys))
    query = plain.where(matching(kind, where, within))
    asks_index = any(f.indexed or f.name in kind.unique for f in _asked(kind, where))
    if asks_index or _is_selective(kind, where) or not limits(table, within):
        return query
    return indexed(query, table, "current")


def covered_keys(connection: Connection, table: Table, within: Within | None) -> Query | None:
    """Return the query for the keys of what is covered, None if they are not a few."""
    if not limits(table, within) or within is None:
        return None
    parts = parts_of(table, within)
    if parts is None:
        return None
    keys = union_all(*parts).subquery()
    key = next(iter(keys.c))
    few = select(key).limit(FEW + 1).subquery()
    number = connection.execute(select(func.count()).select_from(few)).scalar_one()
    return select(key) if number <= FEW else None


def counting(kind: Kind, where: Where | None, within: Within | None) -> Query:
    """Return the query for how many current rows there are."""
    table = TABLES[kind.name]
    if where or within is None or not _is_one_organisation(table, within):
        condition = matching(kind, where, within)
        return select(func.count()).select_from(table).where(condition)
    path = within[0].organisation
    own, other = below(table.c.org_path, path), below(table.c.authority_path, path)
    return select(
        _count(table, own, "by_org_path")
        + _count(table, and_(other, not_(own)), "by_authority_path")
    )


def _count(table: Table, condition: ColumnElement[bool], index: str) -> ColumnElement[int]:
    query = select(func.count()).where(table.c.valid_to_ms.is_(None), condition)
    return indexed(query, table, index).scalar_subquery()


def _is_one_organisation(table: Table, within: Sequence[Scope]) -> bool:
    """Say whether two indexes hold everything that is asked."""
    if len(within) != 1 or not limits(table, within):
        return False
    return bool(within[0].organisation) and within[0] == Scope(
        organisation=within[0].organisation
    )


def _is_selective(kind: Kind, where: Where | None) -> bool:
    """Say whether some value is asked that few rows share."""
    return "id" in (where or ()) or any(field.refers for field in _asked(kind, where))


def _asked(kind: Kind, where: Where | None) -> list[Field]:
    return [kind.by_name[name] for name in where or () if name in kind.by_name]


def trail_condition(
    connection: Connection, table: Table, within: Within | None
) -> ColumnElement[bool] | None:
    """Return the condition for audit entries within scopes, None for all."""
    if within is None:
        return None
    keys = covered_keys(connection, table, within)
    return within_scopes(table, within) if keys is None else table.c.seq.in_(keys)
