"""Reads import files into lines, each with the place it came from. Pure but for the reading.

    JSON   {"site": [{"id": "chs-001", "organisation": "chs", ...}, ...], "gateway": [...]}
    CSV    site.csv: the file's name is the kind, the first row names the fields

An empty CSV cell leaves the field as it is; "-" empties it. Cells of JSON fields hold JSON.
"""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from device_registry.errors import ImportProblem
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import Field, FieldType, Kind

MAX_FILE_BYTES: Final = 512 << 20
EMPTIED: Final = "-"
_TRUE, _FALSE = frozenset({"true", "yes", "1", "是"}), frozenset({"false", "no", "0", "否"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One version of one thing, as a file says it; `row` counts from 1, the header is 1."""

    kind: str
    id: str
    fields: Mapping[str, object]
    file: str
    row: int

    def problem(self, what: str, remedy: str) -> ImportProblem:
        """Return a mistake at this line."""
        return ImportProblem(file=self.file, row=self.row, what=what, remedy=remedy)


def read_lines(path: Path, problems: list[ImportProblem]) -> list[Line]:
    """Return the lines of a file; what cannot be read is added to `problems`."""
    try:
        text = _text(path)
        if path.suffix == ".csv":
            return list(_csv_lines(path, text, problems))
        return list(_json_lines(path, json.loads(text), problems))
    except (OSError, ValueError) as error:
        remedy = "give a UTF-8 file: KIND.csv, or JSON of lists by kind"
        problems.append(ImportProblem(file=path.name, row=1, what=str(error), remedy=remedy))
        return []


def _text(path: Path) -> str:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
    return path.read_text(encoding="utf-8-sig")


def _json_lines(path: Path, document: object, problems: list[ImportProblem]) -> Iterator[Line]:
    if not isinstance(document, dict):
        what = f"expected an object of lists by kind, got {type(document).__name__}"
        raise ValueError(what)  # noqa: TRY004 - the file's mistake, not the caller's
    for kind, entries in document.items():
        if kind not in KINDS or not isinstance(entries, list):
            known = ", ".join(KINDS)
            what = f"{kind!r} is no list of a known kind"
            problems.append(
                ImportProblem(file=path.name, row=1, what=what, remedy=f"use one of {known}")
            )
            continue
        for row, entry in enumerate(entries, start=1):
            yield from _json_line(kind, entry, (f"{path.name}#{kind}", row), problems)


def _json_line(
    kind: str, entry: object, place: tuple[str, int], problems: list[ImportProblem]
) -> Iterator[Line]:
    file, row = place
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        fields = {name: value for name, value in entry.items() if name != "id"}
        yield Line(kind=kind, id=entry["id"], fields=fields, file=file, row=row)
        return
    remedy = 'write {"id": "...", ...}'
    problems.append(ImportProblem(file=file, row=row, what="no id", remedy=remedy))


def _csv_lines(path: Path, text: str, problems: list[ImportProblem]) -> Iterator[Line]:
    kind = KINDS.get(path.stem)
    if kind is None:
        raise ValueError(f"{path.stem!r} is not a kind; name the file after one")
    for row, cells in enumerate(csv.DictReader(io.StringIO(text)), start=2):
        place = path.name, row
        if None in cells or not cells.get("id"):
            what = "no id, or more cells than the header has"
            problems.append(
                ImportProblem(file=path.name, row=row, what=what, remedy="mend this row")
            )
            continue
        fields = dict(_cells(kind, cells, place, problems))
        yield Line(kind=kind.name, id=cells["id"], fields=fields, file=path.name, row=row)


def _cells(
    kind: Kind,
    cells: Mapping[str, str],
    place: tuple[str, int],
    problems: list[ImportProblem],
) -> Iterator[tuple[str, object]]:
    known = {field.name: field for field in kind.fields}
    for name, cell in cells.items():
        if name == "id" or not cell:
            continue
        field = known.get(name)
        if field is None:
            yield name, cell  # the store names it as unknown, beside the other mistakes
            continue
        try:
            yield name, _value(field, cell)
        except ValueError as error:
            file, row = place
            what = f"{name}: {cell!r} {error}"
            remedy = f"write a value of type {field.type.value}"
            problems.append(ImportProblem(file=file, row=row, what=what, remedy=remedy))


def _value(field: Field, cell: str) -> object:
    if cell == EMPTIED:
        return None
    return _READ[field.type](cell)


def _flag(cell: str) -> bool:
    if cell.lower() in _TRUE | _FALSE:
        return cell.lower() in _TRUE
    raise ValueError("is neither yes nor no")


_READ: Final[Mapping[FieldType, Callable[[str], object]]] = {
    FieldType.TEXT: str,
    FieldType.INT: int,
    FieldType.MS: int,
    FieldType.REAL: float,
    FieldType.BOOL: _flag,
    FieldType.DATE: lambda cell: date.fromisoformat(cell).isoformat(),
    FieldType.JSON: json.loads,
}
