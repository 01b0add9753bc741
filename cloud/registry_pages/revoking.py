"""A key is revoked: one person asks, another one agrees, the log makes it effective.

`cloud.access.rules` says who may ask and who may agree, and that both have just proven who
they are; that they are two is decided by `device_registry.revoking`.
"""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import Access, access_of
from cloud.access.menu import menu_of
from cloud.pages.answers import NEVER_CACHED, html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from cloud.registry_pages.bodies import form_of
from cloud.registry_pages.cells import moment, named, state, text, word
from cloud.registry_pages.sources import Sources
from dashboards.registry.models import NOTHING, Cell, Crumb, Fact
from dashboards.registry.revoking import RevokePage, render_revocation
from device_registry import revoking
from device_registry.access.action import Action
from device_registry.errors import InvalidFieldsError, RevocationRefusedError
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Form = Annotated[Mapping[str, str], Depends(form_of)]
REFUSED: Final = 422
_OPEN: Final = ("approved", "requested")


def add_revoking_routes(router: APIRouter, sources: Sources) -> None:
    """Add the routes by which keys are revoked."""
    pages = _Revoking(sources)
    of_key = "/registry/keys/{key}/revocation"
    router.add_api_route(of_key, pages.show, methods=["GET"])
    router.add_api_route(of_key, pages.ask, methods=["POST"])
    one = "/registry/revocations/{revocation}"
    router.add_api_route(f"{one}/approve", pages.approve, methods=["POST"])
    router.add_api_route(f"{one}/decline", pages.decline, methods=["POST"])


class _Revoking:
    """See the module."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._store = sources.store

    def show(self, request: Request, key: str) -> Response:
        return self._page(request, access_of(request).see(Action.VIEW_REGISTRY, "key", key))

    def ask(self, request: Request, key: str, form: Form) -> Response:
        access = access_of(request)
        row = access.see(Action.REVOKE_REQUEST, "key", key)
        actor = _actor(access, Action.REVOKE_REQUEST, row)
        try:
            revoking.request(self._store, actor, key, form.get("why", ""), access.at_ms)
        except (RevocationRefusedError, InvalidFieldsError):
            return self._page(request, row, "revoking.problem_request")
        return self._back(row)

    def approve(self, request: Request, revocation: str) -> Response:
        access = access_of(request)
        row = access.see(Action.REVOKE_APPROVE, "revocation", revocation)
        actor, key = _actor(access, Action.REVOKE_APPROVE, row), self._key_of(row)
        try:
            revoking.approve(self._store, actor, revocation, access.at_ms)
        except RevocationRefusedError:
            return self._page(request, key, "revoking.problem_approve")
        return self._back(key)

    def decline(self, request: Request, revocation: str, form: Form) -> Response:
        access = access_of(request)
        row = access.see(Action.REVOKE_APPROVE, "revocation", revocation)
        actor, key = _actor(access, Action.REVOKE_APPROVE, row), self._key_of(row)
        why = form.get("why", "")
        try:
            revoking.decline(self._store, actor, revocation, why, access.at_ms)
        except (RevocationRefusedError, InvalidFieldsError):
            return self._page(request, key, "revoking.problem_decline")
        return self._back(key)

    def _key_of(self, row: Row) -> Row:
        key = self._store.get("key", row.text("kid"))
        if key is None:
            raise AssertionError(f"revocation {row.id} is of no key")
        return key

    def _back(self, key: Row) -> Response:
        self._sources.changed()
        href = f"/registry/keys/{key.id}/revocation"
        return RedirectResponse(href, 303, headers=dict(NEVER_CACHED))

    def _page(self, request: Request, key: Row, problem: str = "") -> Response:
        access, viewer = access_of(request), viewer_in(request)
        model = self._model(access, key, problem)
        html = render_revocation(
            model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request)
        )
        return html_page(html, viewer, REFUSED if problem else 200)

    def _model(self, access: Access, key: Row, problem: str) -> RevokePage:
        rows = self._store.find("revocation", where={"kid": key.id}, limit=1000)
        newest = max(rows, key=lambda row: row.valid_from_ms, default=None)
        is_open = newest is not None and newest.text("state") in _OPEN
        revocation = newest if is_open or key.text("state") == "revoked" else None
        return RevokePage(
            now_ms=access.at_ms,
            heading=text(key.id, is_code=True),
            crumbs=self._crumbs(key),
            states=(state(key.text("state")),),
            facts=_facts(key, revocation),
            notice=f"revoking.notice_{_stage(access, key, revocation)}",
            csrf=access.csrf,
            request_href=_request_href(access, key, revocation),
            decide_href=_decide_href(access, revocation),
            problem=problem,
        )

    def _crumbs(self, key: Row) -> tuple[Crumb, ...]:
        gateway = self._store.get("gateway", key.text("gateway"))
        site = self._store.get("site", gateway.text("site")) if gateway else None
        steps = [Crumb(cell=Cell(word="registry.all_regions", href="/registry"))]
        if site is not None:
            steps.append(Crumb(cell=named(site, f"/registry/sites/{site.id}")))
        href = f"/registry/gateways/{key.text('gateway')}"
        return (*steps, Crumb(cell=text(key.text("gateway"), href)))


def _actor(access: Access, action: Action, row: Row) -> Actor:
    role = access.role(action, row.subject)
    return Actor(account=access.principal.account, role=role, via="web")


def _facts(key: Row, revocation: Row | None) -> tuple[Fact, ...]:
    known = [
        ("key_kind", word("key_kind", key.text("key_kind"))),
        ("since", moment(key.valid_from_ms)),
        ("logged", _index(key, "logged_index")),
    ]
    if revocation is not None:
        known += [
            ("progress", state(revocation.text("state"))),
            ("reason", text(revocation.text("reason"))),
            ("requested_by", text(revocation.text("requested_by"))),
            ("approved_by", text(revocation.text("approved_by"))),
            ("effective", _index(revocation, "effective_index")),
        ]
    return tuple(Fact(label=f"revoking.field_{name}", cell=cell) for name, cell in known)


def _index(row: Row, field: str) -> Cell:
    value = row.maybe(field)
    return Cell(count=value) if isinstance(value, int) else NOTHING


def _stage(access: Access, key: Row, revocation: Row | None) -> str:
    if key.text("state") == "revoked":
        return "revoked"
    if revocation is None:
        return "none"
    if revocation.text("state") == "approved":
        return "approved"
    mine = revocation.text("requested_by") == access.principal.account
    return "other_person" if mine else "requested"


def _request_href(access: Access, key: Row, revocation: Row | None) -> str:
    can = access.may(Action.REVOKE_REQUEST, key.subject) and access.session is not None
    is_due = revocation is None and key.text("state") != "revoked"
    return f"/registry/keys/{key.id}/revocation" if can and is_due else ""


def _decide_href(access: Access, revocation: Row | None) -> str:
    if revocation is None or revocation.text("state") != "requested":
        return ""
    mine = revocation.text("requested_by") == access.principal.account
    can = access.may(Action.REVOKE_APPROVE, revocation.subject) and access.session is not None
    return f"/registry/revocations/{revocation.id}" if can and not mine else ""
