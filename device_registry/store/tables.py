"""The tables, made from the kinds: one per kind, and the audit trail.

A row is one version of one thing: it holds from `valid_from_ms` until `valid_to_ms`, and the
one without an end is current. Nothing is deleted. The four scope columns say where the row
belongs (`Subject`), repeated in every row so that no list has to join up to the site; the
store keeps them right when a site, an organisation or an authority changes. They are derived,
so changing them is no version and no audit entry.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeEngine

from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import FieldType, Kind

TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
"""Compared by its bytes on every engine: scopes and pages of a list are ranges of text."""
NUMBER: Final = BigInteger()
KEY: Final = BigInteger().with_variant(Integer(), "sqlite")
TYPES: Final[dict[FieldType, TypeEngine[Any]]] = {
    FieldType.TEXT: TEXT,
    FieldType.INT: NUMBER,
    FieldType.REAL: Double(),
    FieldType.DATE: TEXT,
    FieldType.MS: NUMBER,
    FieldType.BOOL: Boolean(),
    FieldType.JSON: TEXT,
}
SCOPE_COLUMNS: Final = ("org_path", "authority_path", "region_code", "subject_class_of")

METADATA: Final = MetaData()

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("seq", KEY, primary_key=True, autoincrement=False),
    Column("at_ms", NUMBER, nullable=False),
    Column("actor", TEXT, nullable=False),
    Column("role", TEXT, nullable=False),
    Column("via", TEXT, nullable=False),
    Column("device", TEXT, nullable=False),
    Column("kind", TEXT, nullable=False),
    Column("id", TEXT, nullable=False),
    Column("action", TEXT, nullable=False),
    Column("old", TEXT),
    Column("new", TEXT),
    Column("why", TEXT, nullable=False),
    Column("prev_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("log_index", NUMBER),
    *(Column(name, TEXT) for name in SCOPE_COLUMNS),
)
Index("audit_of", AUDIT.c.kind, AUDIT.c.id)
Index("audit_by_log_index", AUDIT.c.log_index)
Index("audit_by_org_path", AUDIT.c.org_path)
Index("audit_by_authority_path", AUDIT.c.authority_path)


def _table(kind: Kind) -> Table:
    columns = [Column(f.name, TYPES[f.type], nullable=not f.required) for f in kind.fields]
    scope = [Column(name, TEXT) for name in SCOPE_COLUMNS] if kind.is_scoped else []
    table = Table(
        kind.name,
        METADATA,
        Column("row_id", KEY, primary_key=True),
        Column("id", TEXT, nullable=False),
        *columns,
        Column("valid_from_ms", NUMBER, nullable=False),
        Column("valid_to_ms", NUMBER),
        Column("changed_by", NUMBER, ForeignKey("audit.seq"), nullable=False),
        *scope,
    )
    _index(kind, table)
    return table


def _index(kind: Kind, table: Table) -> None:
    current = table.c.valid_to_ms.is_(None)

    def index(name: str, *columns: str, unique: bool = False) -> None:
        Index(
            f"{kind.name}_{name}",
            *(table.c[column] for column in columns),
            unique=unique,
            sqlite_where=current,
            postgresql_where=current,
        )

    index("current", "id", unique=True)
    Index(f"{kind.name}_versions", table.c.id, table.c.valid_from_ms)
    for field in kind.fields:
        # Nobody asks which row shows a file; everything else that is referred to is asked for.
        if field.indexed or field.refers not in {"", "file"}:
            index(f"by_{field.name}", field.name)
    if kind.is_scoped:
        # With what is asked of every row, so that counting does not have to read the rows.
        index("by_org_path", "org_path", "id", "valid_to_ms")
        index("by_authority_path", "authority_path", "org_path", "id", "valid_to_ms")
        index("by_region_code", "region_code", "subject_class_of", "id", "valid_to_ms")
    if kind.unique:
        _unique(kind, table)


def _unique(kind: Kind, table: Table) -> None:
    alive: ColumnElement[bool] = table.c.valid_to_ms.is_(None)
    if kind.lifecycle is not None:
        alive &= table.c.state != "retired"
    Index(
        f"{kind.name}_unique",
        *(table.c[name] for name in kind.unique),
        unique=True,
        sqlite_where=alive,
        postgresql_where=alive,
    )


TABLES: Final[dict[str, Table]] = {kind.name: _table(kind) for kind in KINDS.values()}
