"""Ends a commissioning: the report is made, signed and kept, and the gateway goes to work.

A report that refuses something is kept too, and says so; the gateway then stays as it is.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cloud.registry_pages.checklists import Standing
from cloud.registry_pages.drafts import put_draft
from cloud.registry_pages.errors import BadStepError
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.steps import Draft, step_id, step_time
from cloud.registry_pages.telling import tell
from device_registry.commissioning.document import Document, Signature, sha256_of
from device_registry.commissioning.report import DoneStep, Heading, build
from device_registry.commissioning.service import REPORT_KIND, commission
from device_registry.store.audit import Actor
from device_registry.store.change import Change

WHY: Final = "调试验收报告"
NAME_CHARS: Final = 64
PNG: Final = "image/png"
_PREFIX: Final = "data:image/png;base64,"
_MAGIC: Final = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What the customer signed with on the screen."""

    id: str
    customer: str
    at_ms: int
    picture: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """The technician."""

    actor: Actor
    name: str


def report_id(id_: str) -> str:
    """Return the id of the report that a phone's signature with this id makes."""
    return f"cr-{id_}"


def parse_signed(body: bytes) -> Signed:
    """Return what the phone sends at the end.

    Raises:
        BadStepError: not a signature.
    """
    try:
        raw = json.loads(body)
        text = str(raw["signature"])
        picture = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        customer = str(raw["customer"]).strip()
        id_, at_ms = step_id(raw["id"]), step_time(raw["at_ms"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadStepError("expected a signature") from error
    if not text.startswith(_PREFIX) or not picture.startswith(_MAGIC):
        raise BadStepError("expected a picture of the signature")
    if not customer.isprintable() or not 0 < len(customer) <= NAME_CHARS:
        raise BadStepError("expected the name of who signs")
    return Signed(id=id_, customer=customer, at_ms=at_ms, picture=picture)


def finish(
    sources: Sources, now: Standing, signer: Signer, signed: Signed, order: str = ""
) -> str:
    """Make the report and return its id; the same signature again changes nothing.

    Raises:
        CommissioningError: the gateway was never enrolled, or its points have just changed.
    """
    id_ = report_id(signed.id)
    if sources.store.get("report", id_) is not None:
        return id_
    at_ms = sources.now_ms()
    heading = Heading(
        id=id_,
        at_ms=at_ms,
        technician=signer.name,
        account=signer.actor.account,
        work_order=order,
    )
    document = build(heading, now.gathered.facts, now.review, _done(now.draft))
    image = sources.files.put(signed.picture)
    signatures = _signatures(document, signer, signed, image, at_ms)
    with sources.store.change(signer.actor, WHY, at_ms) as change:
        put_file(change, image, PNG, len(signed.picture), now.gathered.site.id)
        if not now.review.passed:
            _keep(change, now, document, signatures)
    if now.review.passed:
        commission(sources.store, signer.actor, document, signatures, at_ms)
    with sources.store.change(signer.actor, WHY, at_ms) as change:
        put_draft(change, now.gateway, Draft())
    tell(sources.store, [now.gateway.id], signer.actor, why=WHY, at_ms=at_ms)
    sources.changed()
    return id_


def _keep(
    change: Change, now: Standing, document: Document, signatures: Sequence[Signature]
) -> None:
    """Keep a report that refuses something: it was signed, and puts nothing into service."""
    change.put(
        "report",
        str(document["id"]),
        site=now.gathered.site.id,
        gateway=now.gateway.id,
        report_kind=REPORT_KIND,
        document=dict(document),
        sha256=sha256_of(document),
        signed_by=[signature.document() for signature in signatures],
        signature=next(s.image for s in signatures if s.image),
    )


def put_file(change: Change, sha256: str, media_type: str, size: int, site: str) -> None:
    """Register stored bytes; the same file again keeps its first place."""
    if change.get("file", sha256) is None:
        change.put("file", sha256, media_type=media_type, size_bytes=size, site=site)


def _signatures(
    document: Document, signer: Signer, signed: Signed, image: str, at_ms: int
) -> tuple[Signature, ...]:
    digest = sha256_of(document)
    return (
        Signature(
            part="technician",
            name=signer.name,
            account=signer.actor.account,
            at_ms=at_ms,
            meaning="signature.performed",
            document_sha256=digest,
        ),
        Signature(
            part="customer",
            name=signed.customer,
            at_ms=signed.at_ms,
            meaning="signature.accepted",
            image=image,
            document_sha256=digest,
        ),
    )


def _done(draft: Draft) -> tuple[DoneStep, ...]:
    return tuple(
        DoneStep(
            key=str(step["kind"]),
            about=str(step.get("point") or step.get("name") or ""),
            at_ms=int(str(step["at_ms"])),
            by=str(step["by"]),
            photos=(str(step["file"]),) if "file" in step else (),
        )
        for step in draft.steps
    )
