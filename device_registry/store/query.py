"""What is asked of the tables, as statements; the rules of `Scope.covers` in SQL.

Pure: builds statements, runs none. A prefix is written as a range, so that an index serves it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Table, and_, false, func, or_, select, true

from device_registry.access.scope import EVERYWHERE, Scope
from device_registry.kinds.field import FieldType, Kind
from device_registry.store.row import canonical_json, columns_of
from device_registry.store.tables import SCOPE_COLUMNS, TABLES

Where = Mapping[str, object]
Within = Sequence[Scope]
_SEARCHED: Final = frozenset(
    {
        "name",
        "name_zh",
        "name_en",
        "title_zh",
        "title_en",
        "address",
        "serial",
        "model",
        "number",
        "plate",
        "uscc",
        "registration_number",
        "certificate_no",
    }
)
"""Fields by which a person looks for something, besides its id."""


def versions(kind: Kind) -> Select[*tuple[Any, ...]]:
    """Select every version of every row of `kind`, as `row_of` reads them."""
    table = TABLES[kind.name]
    return select(*(table.c[name] for name in columns_of(kind)))


def current(kind: Kind) -> Select[*tuple[Any, ...]]:
    """Select the current rows of `kind`."""
    return versions(kind).where(TABLES[kind.name].c.valid_to_ms.is_(None))


def matching(kind: Kind, where: Where | None, within: Within | None) -> ColumnElement[bool]:
    """Return the condition for current rows with these values, within these scopes."""
    table = TABLES[kind.name]
    parts = [table.c.valid_to_ms.is_(None), having(kind, where or {})]
    if within is not None:
        parts.append(within_scopes(table, within))
    return and_(*parts)


def having(kind: Kind, where: Where) -> ColumnElement[bool]:
    """Return the condition for versions, current or not, with these values."""
    table = TABLES[kind.name]
    return and_(true(), *(_equals(kind, table, name, value) for name, value in where.items()))


def found(kind: Kind, search: str) -> ColumnElement[bool]:
    """Return the condition for rows in whose id or names `search` stands."""
    if not search:
        return true()
    table = TABLES[kind.name]
    names = ["id", *(f.name for f in kind.fields if f.name in _SEARCHED and not f.secret)]
    return or_(*(table.c[name].icontains(search, autoescape=True) for name in names))


def within_scopes(table: Table, scopes: Within) -> ColumnElement[bool]:
    """Return the condition for rows that one of `scopes` covers.

    No scope finds nothing. A kind that belongs to nobody (regions, profiles) is found by
    whoever has any; a row that belongs to nobody, of a kind that does, only from everywhere.
    """
    if not scopes:
        return false()
    if EVERYWHERE in scopes or SCOPE_COLUMNS[0] not in table.c:
        return true()
    return or_(*(_covered(table, scope) for scope in scopes))


def below(column: ColumnElement[str], path: str) -> ColumnElement[bool]:
    """Return the condition for a path that is `path` or lies below it."""
    # One range of the index; "0" is the character after "/". Ids like `path-2` lie in it too.
    return and_(column >= path, column < f"{path}0", or_(column == path, column > f"{path}/"))


def starting(column: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Return the condition for a text that starts with `prefix` (ASCII, not empty)."""
    return and_(column >= prefix, column < prefix[:-1] + chr(ord(prefix[-1]) + 1))


def counted(
    kind: Kind, by: str, where: Where | None, within: Within | None
) -> Select[*tuple[Any, ...]]:
    """Select (value of `by`, how many rows have it)."""
    column = TABLES[kind.name].c[by]
    return select(column, func.count()).where(matching(kind, where, within)).group_by(column)


def limits(table: Table, within: Within | None) -> bool:
    """Say whether `within` leaves out some rows of a table, but not all."""
    return bool(within) and EVERYWHERE not in (within or ()) and SCOPE_COLUMNS[0] in table.c


def parts_of(table: Table, scopes: Within) -> list[Select[*tuple[Any, ...]]] | None:
    """Select the keys of what `scopes` cover, each statement served by one index.

    Together they give every row, some of them twice. None if an index does not help.
    """
    if not all(scope.organisation or scope.region for scope in scopes):
        return None
    if not all(scope.organisation for scope in scopes) and not _is_by_region(table):
        return None
    parts = []
    for scope in scopes:
        rest = _rest(table, scope)
        if scope.organisation:
            for column in ("org_path", "authority_path"):
                path = below(table.c[column], scope.organisation)
                parts.append(_served(table, f"by_{column}", and_(path, *rest)))
        else:
            parts.append(_served(table, "by_region_code", and_(*rest)))
    return parts


def indexed(
    query: Select[*tuple[Any, ...]], table: Table, name: str
) -> Select[*tuple[Any, ...]]:
    """Tell SQLite which index serves a query; PostgreSQL knows how its values are spread."""
    return query.with_hint(table, f"INDEXED BY {table.name}_{name}", "sqlite")


def _is_by_region(table: Table) -> bool:
    return any(index.name == f"{table.name}_by_region_code" for index in table.indexes)


def _served(
    table: Table, index: str, condition: ColumnElement[bool]
) -> Select[*tuple[Any, ...]]:
    key = next(iter(table.primary_key.columns))
    query = select(key).where(condition)
    if "valid_to_ms" in table.c:
        query = query.where(table.c.valid_to_ms.is_(None))
    return indexed(query, table, index)


def _covered(table: Table, scope: Scope) -> ColumnElement[bool]:
    parts = _rest(table, scope)
    if scope.organisation:
        own = below(table.c.org_path, scope.organisation)
        parts.append(or_(own, below(table.c.authority_path, scope.organisation)))
    return and_(*parts)


def _rest(table: Table, scope: Scope) -> list[ColumnElement[bool]]:
    parts: list[ColumnElement[bool]] = []
    if scope.region:
        parts.append(starting(table.c.region_code, scope.region))
    if scope.subject_class:
        parts.append(table.c.subject_class_of == scope.subject_class)
    return parts


def _equals(kind: Kind, table: Table, name: str, value: object) -> ColumnElement[bool]:
    column = table.c[name]
    field = kind.by_name.get(name)
    if field is not None and field.type is FieldType.JSON and value is not None:
        return column == canonical_json(value)
    if isinstance(value, list | tuple | set | frozenset):
        return column.in_(sorted(value))
    return column.is_(None) if value is None else column == value
