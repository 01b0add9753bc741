"""Imports a package of certificates into the registry, in one change; a dry run writes nothing.

Only sensors that the scopes of the person cover are known to it: others are unknown, whether
they exist or not. Importing the same package again changes nothing.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from device_registry.certificates_import.errors import PackageError
from device_registry.certificates_import.package import Package
from device_registry.certificates_import.plan import (
    ImportPlan,
    KnownSensor,
    PlannedCertificate,
    RowProblem,
    plan_import,
)
from device_registry.certificates_import.spreadsheet import SheetRow, read_rows
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.query import Within
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from domain.gsp.phrases import Phrases

PHRASES: Final = Phrases("device_registry.certificates_import")
AT_ONCE: Final = 500
MEDIA_TYPE: Final = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What was found, and whether it was written."""

    plan: ImportPlan
    applied: bool

    @property
    def problems(self) -> tuple[RowProblem, ...]:
        """Every mistake, by row; nothing is written while there is one."""
        return self.plan.problems


def told(problem: RowProblem, lang: str) -> str:
    """Return a mistake as a sentence, without its row."""
    section = "package" if problem.row == 0 else "row"
    return PHRASES.say(f"{section}.{problem.key}", lang, **problem.args)


def check_certificates(
    store: RegistryStore, package: Package, within: Within | None, at_ms: int
) -> Imported:
    """Return what an import would do (dry run); a package that cannot be read is a problem."""
    return Imported(plan=_plan(store, package, within, at_ms), applied=False)


def import_certificates(
    store: RegistryStore,
    actor: Actor,
    package: Package,
    keep: Callable[[bytes], str],
    within: Within | None,
    at_ms: int,
) -> Imported:
    """Import a package if every row is good.

    Args:
        store: the registry.
        actor: who imports.
        package: as `package.read_zip` or `read_folder` gave it.
        keep: stores a PDF and returns its SHA-256; called before the change, so that a row
            never names bytes that are not there.
        within: scopes of the person; None does not ask (the operator's command).
        at_ms: now.

    Raises:
        InvalidFieldsError, IllegalTransitionError: the registry refuses a row; nothing changed.
    """
    plan = _plan(store, package, within, at_ms)
    if plan.problems or not plan.certificates:
        return Imported(plan=plan, applied=False)
    named = {c.file.lower() for c in plan.certificates if c.file}
    hashes = {name: keep(package.pdfs[name]) for name in sorted(named)}
    with store.change(actor, f"certificates {package.sheet_name}"[:1000], at_ms) as change:
        _write(change, package, plan.certificates, hashes)
    return Imported(plan=plan, applied=True)


def _plan(
    store: RegistryStore, package: Package, within: Within | None, at_ms: int
) -> ImportPlan:
    try:
        rows = read_rows(package.sheet)
    except PackageError as error:
        problem = RowProblem(
            row=0, key=error.key.removeprefix("package."), args=error.args_of_text
        )
        return ImportPlan(certificates=(), problems=(problem,), unused=())
    today = datetime.fromtimestamp(at_ms / 1000, tz=UTC).date()
    return plan_import(rows, _known_sensors(store, rows, within), package.pdfs, today)


def _known_sensors(
    store: RegistryStore, rows: Sequence[SheetRow], within: Within | None
) -> list[KnownSensor]:
    names = sorted({row.cells.get("sensor", "") for row in rows} - {""})
    found: dict[str, Row] = {}
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        for field in ("id", "serial"):
            rows_found = store.find(
                "sensor", where={field: some}, within=within, limit=10 * AT_ONCE
            )
            found |= {row.id: row for row in rows_found if row.text("state") != "retired"}
    packs = _packs(store, sorted(found))
    return [
        KnownSensor(
            id=row.id,
            serial=row.text("serial"),
            site=row.text("site"),
            state=row.text("state"),
            rule_packs=packs.get(row.id, ()),
        )
        for row in found.values()
    ]


def _packs(store: RegistryStore, sensors: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(sensors), AT_ONCE):
        some = list(sensors[start : start + AT_ONCE])
        for point in store.each("point", where={"sensor": some}):
            names = tuple(str(name) for name in point.items("rule_packs"))
            found[point.text("sensor")] = found.get(point.text("sensor"), ()) + names
    return found


def _write(
    change: Change,
    package: Package,
    certificates: Sequence[PlannedCertificate],
    hashes: Mapping[str, str],
) -> None:
    files = {
        hashes[c.file.lower()]: {
            "id": hashes[c.file.lower()],
            "media_type": MEDIA_TYPE,
            "size_bytes": len(package.pdfs[c.file.lower()]),
            "name": c.file,
            "site": c.sensor.site,
        }
        for c in certificates
        if c.file
    }
    change.put_many("file", list(files.values()))
    change.put_many(
        "calibration",
        [
            # Without a file the row keeps the one it may have from an earlier import.
            {**c.fields, "id": c.id, **({"file": hashes[c.file.lower()]} if c.file else {})}
            for c in certificates
        ],
    )
    change.put_many(
        "sensor",
        [
            {"id": c.sensor.id, "state": c.next_state, "spare": c.next_state == "stock"}
            for c in certificates
            if c.next_state != c.sensor.state
        ],
    )
    change.put_many("task", [_task(c) for c in certificates if _needs_task(c)])


def _needs_task(certificate: PlannedCertificate) -> bool:
    return certificate.fields["result"] == "fail" and certificate.sensor.state == "in_service"


def _task(certificate: PlannedCertificate) -> Mapping[str, object]:
    """A probe on duty that failed is not taken off by a file: somebody replaces it."""
    sensor = certificate.sensor
    words = {
        lang: PHRASES.say("task.failed", lang, sensor=sensor.serial or sensor.id)
        for lang in ("zh-CN", "en")
    }
    digest = hashlib.sha256(certificate.id.encode()).hexdigest()[:24]
    return {
        "id": f"failed-{digest}",
        "site": sensor.site,
        "task_kind": "calibration",
        "title_zh": words["zh-CN"],
        "title_en": words["en"],
        "state": "open",
        "about": f"sensor:{sensor.id}",
        "reason": "calibration.failed",
    }
