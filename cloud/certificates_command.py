"""`coldwarden-cloud certificates PACKAGE`: calibration certificates in bulk.

Hooked into `cloud.cli`. The package is a zip or a folder with one spreadsheet and the PDFs that
it names. It says first what it would do; `--apply` does it, all rows or none.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cloud.config import load_config
from cloud.opening import open_registry_store
from cloud.registry_pages.files import FileFolder
from device_registry.certificates_import.errors import PackageError
from device_registry.certificates_import.package import Package, read_folder, read_zip
from device_registry.certificates_import.service import (
    PHRASES,
    Imported,
    check_certificates,
    import_certificates,
    told,
)
from device_registry.certificates_import.spreadsheet import template
from device_registry.errors import RegistryError
from device_registry.store.audit import Actor

DONE, FAILED = 0, 1
OPERATOR: Final = Actor(account="operator", role="operator", via="cli")

Add = Callable[..., argparse.ArgumentParser]


def add_to(commands: Any, add: Add) -> None:  # noqa: ANN401 - argparse names no type for it
    """Add `certificates`."""
    one = add(commands, "certificates", _run, "take in calibration certificates in bulk")
    one.add_argument(
        "package", type=Path, metavar="PACKAGE", help="zip or folder: one .xlsx and its PDFs"
    )
    one.add_argument("--apply", action="store_true", help="change the registry")
    one.add_argument(
        "--template", action="store_true", help="write an empty spreadsheet to PACKAGE instead"
    )


def _run(arguments: argparse.Namespace) -> int:
    if arguments.template:
        arguments.package.write_bytes(template())
        return DONE
    try:
        package = _read(arguments.package)
    except PackageError as error:
        what = PHRASES.say(error.key, "en", **error.args_of_text)
        return _refused(arguments, [{"row": 0, "what": what}])
    try:
        found = _imported(arguments, package)
    except RegistryError as error:
        return _refused(arguments, [{"row": 0, "what": str(error)}])
    if found.problems:
        problems = [{"row": p.row, "what": told(p, "en")} for p in found.problems]
        return _refused(arguments, problems)
    return _tell(arguments, found)


def _read(path: Path) -> Package:
    return read_folder(path) if path.is_dir() else read_zip(path.read_bytes())


def _imported(arguments: argparse.Namespace, package: Package) -> Imported:
    config = load_config(arguments.config)
    store = open_registry_store(config)
    now_ms = time.time_ns() // 1_000_000
    try:
        if not arguments.apply:
            return check_certificates(store, package, None, now_ms)
        files = FileFolder(config.state_dir / "files")
        return import_certificates(store, OPERATOR, package, files.put, None, now_ms)
    finally:
        store.close()


def _tell(arguments: argparse.Namespace, found: Imported) -> int:
    count = len(found.plan.certificates)
    if arguments.json:
        told_as = {"applied": found.applied, "certificates": count}
        print(json.dumps({**told_as, "unused": found.plan.unused}, ensure_ascii=False))
        return DONE
    for name in found.plan.unused:
        print(f"no row names {name}")
    print(f"{count} certificates")
    print("Done." if found.applied else "Nothing was changed. Again with --apply to do it.")
    return DONE


def _refused(arguments: argparse.Namespace, problems: list[dict[str, object]]) -> int:
    if arguments.json:
        print(json.dumps({"applied": False, "problems": problems}, ensure_ascii=False))
        return FAILED
    for problem in problems:
        print(f"{arguments.package}:{problem['row']}: {problem['what']}", file=sys.stderr)
    print("Nothing was changed.", file=sys.stderr)
    return FAILED
