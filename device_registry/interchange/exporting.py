"""Exports what the registry holds now: JSON that can be imported again, or CSV for each kind.

Secrets (hashes of passwords, tokens) never leave.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from device_registry.access.scope import Scope
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import FieldType, Kind
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore


def export_json(
    store: RegistryStore, kinds: Sequence[str], within: Sequence[Scope] | None, out: TextIO
) -> int:
    """Write one JSON document of the kinds and return how many rows it has."""
    written = 0
    document: dict[str, list[dict[str, object]]] = {}
    for name in kinds:
        rows = [_exported(KINDS[name], row) for row in store.each(name, within=within)]
        written += len(rows)
        if rows:
            document[name] = rows
    json.dump(document, out, ensure_ascii=False, indent=1)
    out.write("\n")
    return written


def export_csv(
    store: RegistryStore, kinds: Sequence[str], within: Sequence[Scope] | None, folder: Path
) -> int:
    """Write KIND.csv into the folder for each kind that has rows; return how many rows."""
    written = 0
    folder.mkdir(parents=True, exist_ok=True)
    for name in kinds:
        kind = KINDS[name]
        rows = [_exported(kind, row) for row in store.each(name, within=within)]
        if not rows:
            continue
        fields = ["id", *(field.name for field in kind.fields if not field.secret)]
        with (folder / f"{name}.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.DictWriter(out, fields)
            writer.writeheader()
            writer.writerows(_as_cells(kind, row) for row in rows)
        written += len(rows)
    return written


def _exported(kind: Kind, row: Row) -> dict[str, object]:
    values = {
        field.name: row.maybe(field.name)
        for field in kind.fields
        if not field.secret and row.maybe(field.name) is not None
    }
    return {"id": row.id, **values}


def _as_cells(kind: Kind, row: dict[str, object]) -> dict[str, object]:
    nested = {field.name for field in kind.fields if field.type is FieldType.JSON}
    return {
        name: json.dumps(value, ensure_ascii=False) if name in nested else value
        for name, value in row.items()
    }
