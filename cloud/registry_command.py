"""`coldwarden-cloud registry import | export`: the registry in files.

Hooked into `cloud.cli`. An import says first what it would do; `--apply` does it.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cloud.config import load_config
from cloud.opening import open_registry_store
from device_registry.errors import ImportProblem, ImportRefusedError
from device_registry.interchange.exporting import export_csv, export_json
from device_registry.interchange.importing import Outcome, import_lines
from device_registry.interchange.lines import Line, read_lines
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import Actor

DONE, FAILED = 0, 1
NOT_EXPORTED = frozenset({"claim", "api_token", "file"})
"""Of no use anywhere else: single-use, secret, or a mere reference to a stored file."""

Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add `registry import` and `registry export`."""
    parser = commands.add_parser("registry", help="import or export what the registry holds")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    one = add(actions, "import", _import, "say what files would change; --apply does it")
    one.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON, or KIND.csv")
    one.add_argument("--apply", action="store_true", help="change the registry")
    one = add(actions, "export", _export, "write the registry as JSON, or CSV per kind")
    one.add_argument("--csv", type=Path, metavar="DIR", help="write DIR/KIND.csv instead")
    one.add_argument("--kind", action="append", choices=tuple(KINDS), help="only this kind")


def _import(arguments: argparse.Namespace) -> int:
    problems: list[ImportProblem] = []
    lines = [line for file in arguments.files for line in read_lines(file, problems)]
    if problems:
        return _refused(arguments, ImportRefusedError(tuple(problems)))
    try:
        outcome = _imported(arguments, lines)
    except ImportRefusedError as error:
        return _refused(arguments, error)
    if arguments.json:
        print(json.dumps({"applied": arguments.apply, **_as_document(outcome)}))
        return DONE
    for name, counts in _as_document(outcome).items():
        print(f"{name:8} {_spelled(counts)}")
    print("Done." if arguments.apply else "Nothing was changed. Again with --apply to do it.")
    return DONE


def _imported(arguments: argparse.Namespace, lines: Sequence[Line]) -> Outcome:
    def on_progress(done: int) -> None:
        if sys.stderr.isatty() and (done % 500 == 0 or done == len(lines)):
            print(f"\r{done} of {len(lines)} rows", end="", file=sys.stderr)

    store = open_registry_store(load_config(arguments.config))
    try:
        actor = Actor(account="operator", role="operator", via="cli")
        return import_lines(store, lines, actor, apply=arguments.apply, on_progress=on_progress)
    finally:
        store.close()


def _refused(arguments: argparse.Namespace, error: ImportRefusedError) -> int:
    if arguments.json:
        found = [
            {"file": p.file, "row": p.row, "what": p.what, "remedy": p.remedy}
            for p in error.problems
        ]
        print(json.dumps({"applied": False, "problems": found}, ensure_ascii=False))
    else:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
    return FAILED


def _export(arguments: argparse.Namespace) -> int:
    kinds = arguments.kind or [kind for kind in KINDS if kind not in NOT_EXPORTED]
    store = open_registry_store(load_config(arguments.config))
    try:
        if arguments.csv is None:
            export_json(store, kinds, None, sys.stdout)
            return DONE
        rows = export_csv(store, kinds, None, arguments.csv)
    finally:
        store.close()
    print(json.dumps({"rows": rows}) if arguments.json else f"{rows} rows in {arguments.csv}")
    return DONE


def _as_document(outcome: Outcome) -> dict[str, Mapping[str, int]]:
    return {"read": outcome.read, "written": outcome.written}


def _spelled(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "nothing"
