"""Puts a commissioned gateway into service: points, gateway, report and tasks in one change.

The document was reviewed, built and signed before; here the signatures are checked once more
and the points must still be those of the report. Sent twice, it is applied once.
"""

from collections.abc import Mapping
from typing import Final

from device_registry.commissioning.document import Document, Signature, sha256_of
from device_registry.commissioning.errors import CommissioningError
from device_registry.commissioning.gathering import MAX_ROWS, alive
from device_registry.commissioning.report import complete
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from domain.gsp.finding import Level, finding_of
from domain.gsp.phrases import Phrases

REPORT_KIND: Final = "commissioning"
_TO_SERVICE: Final = {
    "enrolled": ("commissioned", "in_service"),
    "planned": ("commissioned", "in_service"),
    "commissioned": ("in_service",),
    "suspended": ("in_service",),
    "out_of_service": ("in_service",),
    "in_service": (),
}
"""Which states follow until service, for gateways and points alike."""


def commission(
    store: RegistryStore,
    actor: Actor,
    document: Document,
    signatures: tuple[Signature, ...],
    at_ms: int,
) -> Row:
    """Put the gateway of a passed, signed report into service and return the report's row.

    Raises:
        NotPassedError, NotSignedError: as `report.complete`.
        CommissioningError: the gateway has other points now than those in the report, or it
            never enrolled.
        InvalidFieldsError: the registry refuses a row; nothing changed.
    """
    digest = complete(document, signatures)
    report_id = str(document["id"])
    with store.change(actor, f"commissioning {report_id}", at_ms) as change:
        there = change.get("report", report_id)
        if there is not None and there.text("sha256") == digest:
            return there
        gateway = _part(document, "gateway")
        for point in _same_points(change, gateway, document):
            _advance(change, "point", point)
        row = change.get("gateway", gateway)
        if row is None or row.text("state") not in _TO_SERVICE:
            raise CommissioningError(f"gateway {gateway} is not enrolled; enrol it first")
        _advance(change, "gateway", row)
        _open_tasks(change, document)
        return _keep(change, document, signatures)


def _advance(change: Change, kind: str, row: Row) -> None:
    for state in _TO_SERVICE[row.text("state")]:
        change.put(kind, row.id, state=state)


def _same_points(change: Change, gateway: str, document: Document) -> list[Row]:
    points = alive(change.find("point", where={"gateway": gateway}, limit=MAX_ROWS))
    listed = document["points"]
    assert isinstance(listed, list)  # noqa: S101 - our own document, its hash was checked
    if {row.id for row in points} != {point["id"] for point in listed}:
        raise CommissioningError(
            f"gateway {gateway} has other points now than those in the report; review again"
        )
    return points


def _open_tasks(change: Change, document: Document) -> None:
    """Every warning of the report becomes a task of the site."""
    phrases = Phrases("domain.gsp", "device_registry.commissioning")
    sections = document["sections"]
    assert isinstance(sections, list)  # noqa: S101 - our own document, its hash was checked
    found = [finding_of(f) for section in sections for f in section["findings"]]
    for number, finding in enumerate(f for f in found if f.level is Level.WARN):
        change.put(
            "task",
            f"{str(document['id'])[:50]}-{number}",
            site=_part(document, "site"),
            task_kind=REPORT_KIND,
            title_zh=phrases.finding(finding, "zh-CN"),
            title_en=phrases.finding(finding, "en"),
            state="open",
            about=finding.about,
            reason=finding.key,
        )


def _keep(change: Change, document: Document, signatures: tuple[Signature, ...]) -> Row:
    drawn = next((s.image for s in signatures if s.part == "customer" and s.image), "")
    is_kept = bool(drawn) and change.get("file", drawn) is not None
    return change.put(
        "report",
        str(document["id"]),
        site=_part(document, "site"),
        gateway=_part(document, "gateway"),
        report_kind=REPORT_KIND,
        document=dict(document),
        sha256=sha256_of(document),
        signed_by=[s.document() for s in signatures],
        signature=drawn if is_kept else None,
    )


def _part(document: Document, name: str) -> str:
    part = document[name]
    assert isinstance(part, Mapping)  # noqa: S101 - our own document, its hash was checked
    return str(part["id"])
