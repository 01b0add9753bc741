"""The commissioning report: what was there, what was found, what was done, who signed.

Pure. `build` gives the document (canonical JSON, hashed); technician and customer sign its
hash; `pdf.report_pdf` prints it. The document is never changed after it was signed.
"""

from dataclasses import dataclass
from typing import Final

from device_registry.commissioning.document import (
    Document,
    Signature,
    check_signatures,
    sha256_of,
)
from device_registry.commissioning.errors import NotPassedError
from device_registry.commissioning.facts import Compared, Facts, PointFacts, Proof, Warmed
from device_registry.commissioning.review import Review
from domain.gsp.finding import Words

FORMAT: Final = "coldwarden.commissioning.v1"
PARTS: Final = ("technician", "customer")
"""Who signs a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoneStep:
    """One step as it was done on the phone."""

    key: str
    about: str = ""
    """Point, sensor or place; empty for a step of the whole site."""
    at_ms: int
    by: str
    """Account."""
    photos: tuple[str, ...] = ()
    """SHA-256 of each."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What identifies a report."""

    id: str
    at_ms: int
    technician: str
    """Printed name."""
    account: str
    work_order: str = ""


def build(
    heading: Heading, facts: Facts, review: Review, steps: tuple[DoneStep, ...] = ()
) -> Document:
    """Return the document of a review, also of one that did not pass."""
    site, gateway = facts.site, facts.gateway
    return {
        "format": FORMAT,
        "id": heading.id,
        "at_ms": heading.at_ms,
        "technician": heading.technician,
        "account": heading.account,
        "work_order": heading.work_order,
        "site": {
            "id": site.id,
            "name": _words(site.name),
            "organisation": _words(site.organisation),
            "subject_class": site.subject_class,
            "address": site.address,
            "timezone": site.timezone,
        },
        "gateway": {
            "id": gateway.id,
            "model": gateway.model,
            "serial": gateway.serial,
            "software": gateway.software,
            "clock_offset_ms": gateway.clock_offset_ms,
            "power_loss_noticed": gateway.power_loss_noticed,
            "has_ups": gateway.has_ups,
        },
        "places": [{"id": p.id, "name": _words(p.name)} for p in facts.places],
        "points": [_point(point) for point in facts.points],
        "sections": [
            {"section": str(section), "findings": [f.document() for f in findings]}
            for section, findings in review.sections
        ],
        "steps": [_step(step) for step in steps],
        "passed": review.passed,
    }


def complete(document: Document, signatures: tuple[Signature, ...]) -> str:
    """Return the hash of a report that is passed and signed by both parts.

    Raises:
        NotPassedError: something in it is refused.
        NotSignedError: a part has not signed, or signed another document.
    """
    if document["passed"] is not True:
        raise NotPassedError(tuple(refused_keys(document)))
    check_signatures(document, signatures, PARTS)
    return sha256_of(document)


def refused_keys(document: Document) -> list[str]:
    """Return the text keys of what a report refuses."""
    sections = document["sections"]
    assert isinstance(sections, list)  # noqa: S101 - our own document
    return [
        finding["key"]
        for section in sections
        for finding in section["findings"]
        if finding["level"] == "refuse"
    ]


def _point(point: PointFacts) -> dict[str, object]:
    position, reading, sensor = point.position, point.reading, point.sensor
    return {
        "id": point.id,
        "channel": point.channel,
        "name": _words(point.name),
        "place": point.place,
        "quantity": str(point.quantity),
        "unit": point.unit,
        "class": str(point.point_class),
        "rule_packs": [f"{pack.name}@{pack.version}" for pack in point.rule_packs],
        "x_m": _text(position.x_m),
        "y_m": _text(position.y_m),
        "height_m": _text(position.height_m),
        "photo": point.photo,
        "sensor": sensor.id if sensor else "",
        "model": sensor.model if sensor else "",
        "serial": sensor.serial if sensor else "",
        "certificate": sensor.certificate.number if sensor and sensor.certificate else "",
        "value": _text(reading.value) if reading else "",
        "proof": _proof(point.proof),
    }


def _proof(proof: Proof | None) -> dict[str, object] | None:
    match proof:
        case None:
            return None
        case Warmed():
            return {"how": "warmed", "before": str(proof.before), "after": str(proof.after)}
        case Compared():
            return {
                "how": "compared",
                "reference": str(proof.reference),
                "shown": str(proof.shown),
                "photo": proof.photo,
                "instrument": proof.instrument,
            }


def _step(step: DoneStep) -> dict[str, object]:
    return {
        "key": step.key,
        "about": step.about,
        "at_ms": step.at_ms,
        "by": step.by,
        "photos": list(step.photos),
        "note": step.note,
    }


def _words(words: Words) -> dict[str, str]:
    return {"zh": words.zh, "en": words.en}


def _text(value: object) -> str:
    return "" if value is None else str(value)
