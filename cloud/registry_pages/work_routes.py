"""The addresses of the technician's pages. Thin: the gate has let the technician through."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import access_of
from cloud.access.errors import NotVisibleError
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, document
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from cloud.registry_pages.answers import page
from cloud.registry_pages.bodies import asked, form_of, json_of, photo_of
from cloud.registry_pages.checklists import checklist, points_to_check, spaces, standing, whole
from cloud.registry_pages.drafts import Also, keep_step
from cloud.registry_pages.errors import BadStepError
from cloud.registry_pages.finishing import Signer, finish, parse_signed, put_file
from cloud.registry_pages.fresh_claims import FreshClaims
from cloud.registry_pages.network_form import BadNetwork, read_network
from cloud.registry_pages.pwa import manifest, service_worker
from cloud.registry_pages.reports import report_file, report_page
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.steps import parse_step, photo_step
from cloud.registry_pages.viewing import Viewing
from cloud.registry_pages.work_views import (
    claim_page,
    claim_state,
    order_at,
    work_home,
    work_site,
)
from dashboards.models import Lang
from dashboards.registry.rendering import render_findings
from dashboards.registry.work_models import Finding
from device_registry.access.action import Action
from device_registry.commissioning.errors import CommissioningError
from device_registry.enrolment.boot_file import FILE_NAME
from device_registry.enrolment.claims import Wish, make_claim
from device_registry.enrolment.errors import ClaimRefusedError
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from evidence.enrolment.claim import Claim
from evidence.enrolment.errors import ClaimError

Form = Annotated[Mapping[str, str], Depends(form_of)]
JsonBody = Annotated[bytes, Depends(json_of)]
PhotoBody = Annotated[bytes, Depends(photo_of)]
_GATEWAY: Final = re.compile(r"[a-z0-9-]{4,32}")
_CLAIM_TEXT: Final = re.compile(r"cw1:[A-Za-z0-9_-]+")
_JPEG: Final = b"\xff\xd8\xff"


def add_work_routes(router: APIRouter, sources: Sources) -> None:
    """Add the routes of the technician's pages."""
    finding, doing = _Finding(sources), _Doing(sources)
    add = router.add_api_route
    add("/work/manifest.webmanifest", _manifest)
    add("/work/service-worker.js", service_worker)
    add("/work", finding.home)
    add("/work/sites/{site}", finding.site)
    add("/work/sites/{site}/claims", finding.make, methods=["POST"])
    add("/work/claims/{claim}", finding.claim)
    add("/work/claims/{claim}/state", finding.state)
    add("/work/claims/{claim}/card", finding.card, methods=["POST"])
    add("/work/gateways/{gateway}", doing.checklist)
    add("/work/gateways/{gateway}/now", doing.now)
    add("/work/gateways/{gateway}/steps", doing.step, methods=["POST"])
    add("/work/gateways/{gateway}/photos", doing.photo, methods=["POST"])
    add("/work/gateways/{gateway}/report", doing.report, methods=["POST"])
    add("/work/reports/{report}", doing.show_report)
    add("/work/reports/{report}/pdf", doing.pdf)


def _manifest(request: Request) -> Response:
    return manifest(viewer_in(request).lang)


class _Finding:
    """From the work order to a gateway that is enrolled."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._fresh = FreshClaims()

    def home(self, request: Request, q: str = "", after: str = "") -> Response:
        viewing = _viewing(self._sources, request)
        return page(work_home(viewing, asked(q), asked(after)), request)

    def site(self, request: Request, site: str, order: str = "") -> Response:
        return page(work_site(_viewing(self._sources, request), site, asked(order)), request)

    def make(self, request: Request, site: str, form: Form) -> Response:
        viewing = _viewing(self._sources, request)
        row = viewing.get("site", site)
        network = read_network(form)
        problems = network.problems if isinstance(network, BadNetwork) else ()
        problems += self._id_problems(form.get("gateway", ""), site)
        if not problems and isinstance(network, dict):
            wish = Wish(site=site, gateway=form["gateway"], network=network)
            actor = _actor(request, Action.ENROL, row)
            claim = self._claim(wish, actor)
            if claim is not None:
                self._fresh.put(claim, actor.account, viewing.now_ms)
                here = f"/work/claims/{claim.id.hex()}"
                return RedirectResponse(here, 303, headers=dict(NEVER_CACHED))
            problems = ("work.problem_refused",)
        model = work_site(viewing, site, asked(form.get("order", "")), dict(form), problems)
        return page(model, request, 422)

    def claim(self, request: Request, claim: str) -> Response:
        viewing = _viewing(self._sources, request)
        account = viewing.access.principal.account
        made = self._fresh.get(claim, account, viewing.now_ms)
        return page(claim_page(viewing, viewing.get("claim", claim), made), request)

    def state(self, request: Request, claim: str) -> Response:
        viewing = _viewing(self._sources, request)
        return document({"state": claim_state(viewing.get("claim", claim), viewing.now_ms)})

    def card(self, request: Request, claim: str, form: Form) -> Response:
        row = _viewing(self._sources, request).get("claim", claim)
        card = form.get("card", "").replace("\r\n", "\n")
        if not _is_of(row, card):
            raise NotVisibleError
        headers = {
            **SECURITY_HEADERS,
            **NEVER_CACHED,
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
        }
        return Response(card, media_type="application/octet-stream", headers=headers)

    def _id_problems(self, gateway: str, site: str) -> tuple[str, ...]:
        if not _GATEWAY.fullmatch(gateway):
            return ("work.problem_gateway",)
        row = self._sources.store.get("gateway", gateway)
        is_taken = row is not None and (
            row.text("site") != site or row.text("state") == "retired"
        )
        return ("work.problem_taken",) if is_taken else ()

    def _claim(self, wish: Wish, actor: Actor) -> Claim | None:
        sources = self._sources
        if sources.server is None:
            return None
        try:
            return make_claim(sources.store, actor, wish, sources.server, sources.now_ms())
        except ClaimRefusedError:
            return None


class _Doing:
    """From an enrolled gateway to the signed report."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def checklist(self, request: Request, gateway: str) -> Response:
        return page(checklist(_viewing(self._sources, request), gateway), request)

    def now(self, request: Request, gateway: str) -> Response:
        viewing = _viewing(self._sources, request)
        stands = standing(viewing, viewing.get("gateway", gateway))
        return document(
            {
                "points": [
                    {
                        "id": point.id,
                        "value": point.value,
                        "at_ms": point.at_ms,
                        "permitted_error": point.permitted_error,
                        "findings": _html(request, viewing, point.findings),
                    }
                    for point in points_to_check(viewing, stands)
                ],
                "findings": _html(request, viewing, whole(stands)),
                "spaces": _html(request, viewing, spaces(stands)),
            }
        )

    def step(self, request: Request, gateway: str, body: JsonBody) -> Response:
        viewing = _viewing(self._sources, request)
        row = viewing.get("gateway", gateway)
        actor = _actor(request, Action.COMMISSION, row)
        try:
            step = parse_step(body, self._points(gateway), actor.account)
            keep_step(self._sources, actor, row, step, _height(step))
        except BadStepError as error:
            return document({"error": str(error)}, 422)
        return document({"kept": True})

    def photo(
        self,
        request: Request,
        gateway: str,
        body: PhotoBody,
        point: str,
        id_: Annotated[str, Query(alias="id")],
        at_ms: int,
    ) -> Response:
        row = _viewing(self._sources, request).get("gateway", gateway)
        actor = _actor(request, Action.COMMISSION, row)
        if point not in self._points(gateway) or not body.startswith(_JPEG):
            return document({"error": "expected a JPEG photo of a point"}, 422)
        file = self._sources.files.put(body)

        def also(change: Change) -> None:
            put_file(change, file, "image/jpeg", len(body), row.text("site"))
            change.put("point", point, photo=file)

        try:
            step = photo_step(id_, point, at_ms, actor.account, file)
            keep_step(self._sources, actor, row, step, also)
        except BadStepError as error:
            return document({"error": str(error)}, 422)
        return document({"kept": True, "file": file})

    def report(self, request: Request, gateway: str, body: JsonBody) -> Response:
        viewing = _viewing(self._sources, request)
        row = viewing.get("gateway", gateway)
        actor = _actor(request, Action.SIGN_REPORT, row)
        signer = Signer(actor=actor, name=viewing.access.principal.name or actor.account)
        try:
            signed = parse_signed(body)
            order = order_at(viewing, row.text("site"))
            report = finish(self._sources, standing(viewing, row), signer, signed, order)
        except (BadStepError, CommissioningError) as error:
            return document({"error": str(error)}, 422)
        return document({"report": report})

    def show_report(self, request: Request, report: str) -> Response:
        return page(report_page(_viewing(self._sources, request), report), request)

    def pdf(self, request: Request, report: str) -> Response:
        lang = viewer_in(request).lang
        data = report_file(_viewing(self._sources, request), report, lang)
        headers = {
            **SECURITY_HEADERS,
            **NEVER_CACHED,
            "Content-Disposition": f'attachment; filename="{report}.pdf"',
        }
        return Response(data, media_type="application/pdf", headers=headers)

    def _points(self, gateway: str) -> frozenset[str]:
        rows = self._sources.store.find("point", where={"gateway": gateway}, limit=1000)
        return frozenset(row.id for row in rows)


def _viewing(sources: Sources, request: Request) -> Viewing:
    return Viewing(sources=sources, access=access_of(request))


def _actor(request: Request, action: Action, row: Row) -> Actor:
    access = access_of(request)
    role = access.role(action, row.subject)
    return Actor(account=access.principal.account, role=role, via="web")


def _height(step: Mapping[str, object]) -> Also | None:
    """Return what a step changes besides itself: how high a point hangs."""
    if step["kind"] != "height":
        return None

    def also(change: Change) -> None:
        change.put("point", str(step["point"]), height_m=float(str(step["height_m"])))

    return also


def _is_of(row: Row, card: str) -> bool:
    """Say whether a card's file holds this very claim, which only its maker can know."""
    found = _CLAIM_TEXT.search(card)
    try:
        claim = Claim.parse(found[0]) if found else None
    except ClaimError:
        return False
    if claim is None:
        return False
    return (claim.id.hex(), claim.secret_hash.hex()) == (row.id, row.text("secret_hash"))


def _html(request: Request, viewing: Viewing, findings: tuple[Finding, ...]) -> str:
    viewer = viewer_in(request)
    lang: Lang = viewer.lang
    return render_findings(findings, lang, viewer.tz or FALLBACK_ZONE, viewing.now_ms)
