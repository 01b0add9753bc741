"""Builds the page and the PDF of a signed commissioning report, from the document alone."""

from collections.abc import Mapping
from typing import Any

from cloud.registry_pages.findings import shown
from cloud.registry_pages.viewing import Viewing
from dashboards.models import Lang, Name
from dashboards.registry.work_models import Finding, ReportPage, ReportPoint
from device_registry.commissioning.document import Signature
from device_registry.commissioning.pdf import report_pdf
from device_registry.commissioning.sheet import Printing
from device_registry.store.row import Row
from domain.gsp.finding import Words, finding_of
from domain.quantity import Quantity

OF_POINTS = frozenset({"points", "checks", "devices"})
"""Sections of the report whose findings stand beside a point."""


def report_page(viewing: Viewing, id_: str) -> ReportPage:
    """Return the page of a report."""
    row = viewing.get("report", id_)
    document = _document(row)
    technician, customer = (_signer(row, part) for part in ("technician", "customer"))
    site, gateway = document["site"], document["gateway"]
    return ReportPage(
        now_ms=viewing.now_ms,
        id=id_,
        gateway=gateway["id"],
        site=site["id"],
        site_name=_name(site["name"]),
        signed_ms=document["at_ms"],
        technician=technician,
        customer=customer,
        signature=row.text("signature"),
        sha256=row.text("sha256"),
        is_passed=document["passed"] is True,
        points=tuple(_point(document, point) for point in document["points"]),
        findings=_of_the_whole(document),
    )


def report_file(viewing: Viewing, id_: str, lang: Lang) -> bytes:
    """Return the PDF of a report."""
    row = viewing.get("report", id_)
    document = _document(row)
    signatures = tuple(
        Signature(**signature)
        for signature in row.items("signed_by")
        if isinstance(signature, dict)
    )
    names = [s.image for s in signatures if s.image]
    names += [photo for step in document["steps"] for photo in step["photos"]]
    names += [point["photo"] for point in document["points"] if point["photo"]]
    files = viewing.sources.files
    pictures = {name: data for name in names if (data := files.get(name)) is not None}
    printing = Printing(
        lang=lang.value, timezone=str(document["site"]["timezone"]), pictures=pictures
    )
    return report_pdf(document, signatures, printing)


def _document(row: Row) -> dict[str, Any]:
    document = row.maybe("document")
    assert isinstance(document, dict)  # noqa: S101 - our own document
    return document


def _signer(row: Row, part: str) -> str:
    signatures = [s for s in row.items("signed_by") if isinstance(s, dict)]
    return next((str(s["name"]) for s in signatures if s["part"] == part), "")


def _name(words: Mapping[str, str]) -> Name:
    return Name(zh=words["zh"] or words["en"], en=words["en"] or words["zh"])


def _point(document: Mapping[str, Any], point: Mapping[str, Any]) -> ReportPoint:
    proof = point["proof"] or {}
    about = {point["id"], point["sensor"]}
    found = [
        finding_of(finding)
        for section in document["sections"]
        if section["section"] in OF_POINTS
        for finding in section["findings"]
        if finding["about"] in about
    ]
    value = proof.get("shown") or point["value"]
    return ReportPoint(
        name=_name(point["name"]),
        unit=point["unit"],
        quantity=Quantity(point["quantity"]),
        decimals=max(len(str(value).partition(".")[2]), 0),
        value=_number(value),
        reference=_number(proof.get("reference")),
        findings=shown(found),
        photo=point["photo"],
    )


def _number(value: object) -> float | None:
    return float(str(value)) if value not in (None, "") else None


def _of_the_whole(document: Mapping[str, Any]) -> tuple[Finding, ...]:
    names = {p["id"]: Words(**p["name"]) for p in document["places"]}
    found = [
        finding_of(finding)
        for section in document["sections"]
        if section["section"] not in OF_POINTS
        for finding in section["findings"]
    ]
    return shown(found, names)
