"""Whether the fields of a row can be what they are; pure, apart from what refers elsewhere.

`Change` asks this before it writes. A value is brought to its one form (a date becomes its
text, a whole number in a REAL field a float), and every mistake is collected.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from device_registry.errors import CodeError, FieldProblem
from device_registry.kinds.field import Field, FieldType, Kind

MAX_TEXT_CHARS: Final = 262_144
"""A configuration is the longest text; a photo is a file, not a field."""
MAX_JSON_CHARS: Final = 1_048_576
"""A report with its readings; one request never brings more."""
MAX_INTEGER: Final = 2**63 - 1


class _Mistake(Exception):  # noqa: N818 - never leaves this module
    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def check_row(kind: Kind, id_: str, values: dict[str, object]) -> list[FieldProblem]:
    """Bring `values` (every field of the kind) to their form; return what is wrong."""
    found = [*_id_mistakes(kind, id_)]
    for field in kind.fields:
        try:
            values[field.name] = _value(field, values[field.name])
        except _Mistake as mistake:
            found.append((field.name, mistake.what, mistake.remedy))
    if not found and kind.check is not None:
        found += kind.check(values)
    return [
        FieldProblem(id=id_, field=field, what=what, remedy=remedy)
        for field, what, remedy in found
    ]


def unknown_fields(kind: Kind, id_: str, given: Mapping[str, object]) -> list[FieldProblem]:
    """Return a problem for each given field that the kind does not have."""
    remedy = f"use one of {', '.join(kind.by_name)}"
    return [
        FieldProblem(id=id_, field=name, what="unknown field", remedy=remedy)
        for name in given
        if name not in kind.by_name
    ]


def _id_mistakes(kind: Kind, id_: str) -> Iterator[tuple[str, str, str]]:
    if not kind.id_pattern.fullmatch(id_):
        yield "id", f"{id_!r} cannot be an id", f"use an id like {kind.id_pattern.pattern}"
    elif kind.check_id is not None:
        try:
            kind.check_id(id_)
        except CodeError as error:
            yield "id", error.what, error.remedy


def _value(field: Field, value: object) -> object:
    if value is None or (value == "" and field.type is not FieldType.JSON):
        if field.required:
            raise _Mistake("missing", f"give {field.name}")
        return None
    value = _FORMS[field.type](value)
    if field.choices and value not in field.choices:
        raise _Mistake(f"unknown {value!r}", f"use one of {', '.join(field.choices)}")
    if field.minimum is not None and isinstance(value, int | float) and value < field.minimum:
        raise _Mistake(f"got {value}", f"give at least {field.minimum:g}")
    return value if field.check is None else _checked(field, value)


def _checked(field: Field, value: object) -> object:
    try:
        checked = field.check(str(value)) if field.check is not None else None
    except CodeError as error:
        raise _Mistake(error.what, error.remedy) from error
    except ValueError as error:
        raise _Mistake(str(error), f"mend {field.name}") from error
    return value if checked is None else checked


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _Mistake(f"expected a text, got {value!r:.40}", "give a text")
    if len(value) > MAX_TEXT_CHARS:
        raise _Mistake(f"{len(value)} characters", f"keep it under {MAX_TEXT_CHARS}")
    if "\0" in value:
        raise _Mistake("contains a null character", "remove it")
    _encodable(value)
    # A plain `str`: a StrEnum would be stored by a name that a driver chooses.
    return str(value)


def _integer(value: object) -> int:
    if type(value) is not int or abs(value) > MAX_INTEGER:
        raise _Mistake(f"expected a whole number, got {value!r:.40}", "give a whole number")
    return value


def _real(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Mistake(f"expected a number, got {value!r:.40}", "give a number")
    number = float(value)
    if number != number or abs(number) > 1e15:  # noqa: PLR0124 - NaN differs from itself
        raise _Mistake(f"got {number}", "give a number that can be measured")
    return number


def _date(value: object) -> str:
    if type(value) is dt.date:
        return value.isoformat()
    try:
        return dt.date.fromisoformat(_text(value)).isoformat()
    except ValueError as error:
        raise _Mistake(f"{value!r:.40} is no date", "write it like 2026-03-31") from error


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Mistake(f"expected true or false, got {value!r:.40}", "give true or false")
    return value


def _json(value: object) -> object:
    if not isinstance(value, list | dict | tuple):
        raise _Mistake(f"expected a list or a table, got {value!r:.40}", "give a list or table")
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise _Mistake(f"cannot be written as JSON: {error}", "give plain values") from error
    if len(text) > MAX_JSON_CHARS:
        raise _Mistake(f"{len(text)} characters", f"keep it under {MAX_JSON_CHARS}")
    _encodable(text)
    plain: object = json.loads(text)
    return plain


def _encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Mistake("contains half a character", "remove it") from error


_FORMS: Final[dict[FieldType, Callable[[Any], object]]] = {
    FieldType.TEXT: _text,
    FieldType.INT: _integer,
    FieldType.REAL: _real,
    FieldType.DATE: _date,
    FieldType.MS: _integer,
    FieldType.BOOL: _flag,
    FieldType.JSON: _json,
}
