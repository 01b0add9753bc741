"""One version of one thing of the registry, and what is stored of it.

Pure. JSON fields are stored as canonical text, so that equal values are equal texts.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from device_registry.access.scope import Subject
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import FieldType, Kind
from device_registry.store.tables import SCOPE_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the registry held of one thing between two instants."""

    kind: str
    id: str
    values: Mapping[str, object]
    """Every field of the kind; None where nothing is known."""
    valid_from_ms: int
    valid_to_ms: int | None
    """None while it is current."""
    subject: Subject | None
    """Where it belongs; None for what belongs to nobody."""

    def __repr__(self) -> str:
        # Rows end up in logs and tracebacks; their secrets must not.
        return f"Row({self.kind} {self.id} {dict(self.public)})"

    def text(self, field: str) -> str:
        """Return a text, "" where nothing is known."""
        value = self.values[field]
        return "" if value is None else cast("str", value)

    def number(self, field: str) -> int:
        """Return a whole number, 0 where nothing is known."""
        return cast("int", self.values[field] or 0)

    def real(self, field: str) -> float:
        """Return a number, 0.0 where nothing is known."""
        return cast("float", self.values[field] or 0.0)

    def flag(self, field: str) -> bool:
        """Return whether a flag is known to be set."""
        return bool(self.values[field])

    def items(self, field: str) -> list[object]:
        """Return a list, empty where nothing is known."""
        return cast("list[object]", self.values[field] or [])

    def maybe(self, field: str) -> object:
        """Return a value as it is, None where nothing is known."""
        return self.values[field]

    @property
    def public(self) -> Mapping[str, object]:
        """What may be shown: every field that is not secret."""
        secrets = KINDS[self.kind].secrets
        return {name: value for name, value in self.values.items() if name not in secrets}


def row_of(kind: Kind, stored: Sequence[object]) -> Row:
    """Return the row of `stored`: the columns in the order of `columns_of`."""
    end = len(kind.fields) + 1
    values = dict(zip(kind.by_name, stored[1:end], strict=True))
    for name in kind.json_fields:
        if values[name] is not None:
            values[name] = json.loads(cast("str", values[name]))
    scope = cast("Sequence[str | None]", stored[end + 2 :])
    return Row(
        kind=kind.name,
        id=cast("str", stored[0]),
        values=values,
        valid_from_ms=cast("int", stored[end]),
        valid_to_ms=cast("int | None", stored[end + 1]),
        subject=subject_of(scope) if kind.is_scoped else None,
    )


def columns_of(kind: Kind) -> tuple[str, ...]:
    """Return the names of the columns that make a `Row`, in order."""
    scope = SCOPE_COLUMNS if kind.is_scoped else ()
    fields = (field.name for field in kind.fields)
    return ("id", *fields, "valid_from_ms", "valid_to_ms", *scope)


def stored_values(kind: Kind, values: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of the kind's fields for `values`."""
    return {
        field.name: canonical_json(values[field.name])
        if field.type is FieldType.JSON and values[field.name] is not None
        else values[field.name]
        for field in kind.fields
    }


def scope_values(subject: Subject | None) -> dict[str, str | None]:
    """Return the scope columns of something that belongs to `subject`."""
    if subject is None:
        return dict.fromkeys(SCOPE_COLUMNS)
    parts = (subject.org_path, subject.authority_path, subject.region, subject.subject_class)
    return dict(zip(SCOPE_COLUMNS, parts, strict=True))


def subject_of(scope: Sequence[str | None]) -> Subject | None:
    """Return the subject that the scope columns spell."""
    org_path, authority_path, region, subject_class = scope
    if org_path is None:
        return None
    return Subject(
        org_path=org_path,
        authority_path=authority_path or "",
        region=region or "",
        subject_class=subject_class or "",
    )


def canonical_json(value: object) -> str:
    """Return the one spelling of a JSON value: keys sorted, no spaces, text as it is."""
    return _canonical(value)


_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
