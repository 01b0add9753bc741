"""The forms for the common fields: what they show, what comes back, and what was wrong. Pure.

Who owns a thing is not changed by a form: the fields here are those that the kinds' tables
declare and that move nothing from one organisation to another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloud.registry_pages.cells import word
from dashboards.models import Name
from dashboards.registry.models import Cell, Choice, FormField
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import Field, FieldType, Kind
from device_registry.store.row import Row

FOLDERS: Final[Mapping[str, str]] = {
    "organisations": "organisation",
    "sites": "site",
    "places": "place",
    "gateways": "gateway",
    "sensors": "sensor",
    "points": "point",
    "licences": "licence",
}
"""Part of the address, and the kind whose rows stand there."""
_NOT_HERE: Final[Mapping[str, frozenset[str]]] = {
    "organisation": frozenset({"parent", "uscc"}),
    "site": frozenset({"organisation", "datum"}),
    "place": frozenset({"site", "floor_plan"}),
    "gateway": frozenset({"site"}),
    "sensor": frozenset({"site"}),
    "point": frozenset({"site", "gateway", "channel", "photo", "source"}),
    "licence": frozenset({"organisation"}),
}
_LONG: Final = frozenset({"scope_text"})
TEXT_CHARS: Final = 4000
MOST: Final = 1e12
_NUMBERS: Final = frozenset({FieldType.INT, FieldType.REAL})


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was wrong, by field: message keys."""

    problems: Mapping[str, str]


def form_fields(
    row: Row,
    given: Mapping[str, str] | None,
    problems: Mapping[str, str],
    offered: Mapping[str, Sequence[Row]],
) -> tuple[FormField, ...]:
    """Return the fields of the form for `row`, holding what was `given` where it was refused.

    `offered` has, for a kind that a field refers to, the rows that may be chosen.
    """
    kind = KINDS[row.kind]
    return tuple(
        FormField(
            name=field.name,
            label=f"registry.field_{field.name}",
            shape=_shape(field, offered),
            value=_shown(row, field) if given is None else given.get(field.name, ""),
            is_required=field.required,
            choices=_choices(kind, field, row, offered),
            problem=problems.get(field.name, ""),
        )
        for field in editable(kind)
    )


def editable(kind: Kind) -> tuple[Field, ...]:
    """Return the fields of a kind that its form has."""
    hidden = _NOT_HERE[kind.name]
    return tuple(
        f
        for f in kind.fields
        if f.name not in hidden and not f.secret and f.type is not FieldType.JSON
    )


def read_form(kind: Kind, given: Mapping[str, str]) -> dict[str, object] | Refusal:
    """Return the values that a form brings, or what is wrong with them."""
    values: dict[str, object] = {}
    problems: dict[str, str] = {}
    for field in editable(kind):
        raw = given.get(field.name, "").strip()
        if not raw and field.required:
            problems[field.name] = "registry.problem_required"
            continue
        try:
            values[field.name] = _value(field, raw)
        except ValueError:
            problems[field.name] = "registry.problem_field"
    return Refusal(problems) if problems else values


def _value(field: Field, raw: str) -> object:
    if field.type is FieldType.BOOL:
        return bool(raw)
    if not raw:
        return None
    if field.type is FieldType.INT:
        return int(_bounded(int(raw)))
    if field.type is FieldType.REAL:
        return _bounded(float(raw))
    if len(raw) > TEXT_CHARS or "\0" in raw:
        raise ValueError(f"expected at most {TEXT_CHARS} characters")
    return raw


def _bounded(number: float) -> float:
    """Return a number that every database takes; also refuses what is none."""
    if not -MOST <= number <= MOST:
        raise ValueError(f"expected a number up to {MOST:g}")
    return number


def _shape(field: Field, offered: Mapping[str, Sequence[Row]]) -> str:
    if field.choices or field.refers in offered:
        return "choice"
    if field.type is FieldType.BOOL:
        return "flag"
    if field.type is FieldType.DATE:
        return "date"
    if field.type in _NUMBERS:
        return "number"
    return "long" if field.name in _LONG else "text"


def _shown(row: Row, field: Field) -> str:
    value = row.maybe(field.name)
    if value is None or value is False:
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return "1" if value is True else str(value)


def _choices(
    kind: Kind, field: Field, row: Row, offered: Mapping[str, Sequence[Row]]
) -> tuple[Choice, ...]:
    if field.refers in offered:
        return tuple(
            Choice(value=other.id, cell=_called(other)) for other in offered[field.refers]
        )
    if field.name == "state" and kind.lifecycle is not None:
        now = row.text("state")
        states = (now, *kind.lifecycle.legal(now))
        return tuple(Choice(value=state, cell=word("state", state)) for state in states)
    return tuple(
        Choice(value=choice, cell=word(field.name, choice)) for choice in field.choices
    )


def _called(row: Row) -> Cell:
    if "name_zh" in row.values:
        return Cell(name=Name(zh=row.text("name_zh"), en=row.text("name_en")))
    return Cell(text=str(row.values.get("serial") or row.id))
