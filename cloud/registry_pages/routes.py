"""The addresses of the registry's pages. Thin: the gate has let the viewer through.

`cloud.access.rules` says who may come; `cloud.access.guarded` serves the router.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import access_of
from cloud.access.errors import NotVisibleError
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS
from cloud.registry_pages.answers import page
from cloud.registry_pages.asking import clean_prefix
from cloud.registry_pages.bodies import asked, form_of
from cloud.registry_pages.cells import named
from cloud.registry_pages.devices import gateway_page, sensor_page
from cloud.registry_pages.editing import FOLDERS, Refusal, form_fields, read_form
from cloud.registry_pages.expiry_view import expiry_page
from cloud.registry_pages.organisations import organisation_page
from cloud.registry_pages.places import place_page, site_page
from cloud.registry_pages.region_counts import RegionCounts
from cloud.registry_pages.regions import Asked, region_page
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.telling import gateways_of, tell
from cloud.registry_pages.viewing import Viewing
from dashboards.registry.models import DetailPage, EditPage
from device_registry.access.action import Action
from device_registry.channels import renumbered
from device_registry.errors import IllegalTransitionError, InvalidFieldsError
from device_registry.expiry.term import STEPS
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Form = Annotated[Mapping[str, str], Depends(form_of)]
_SHOWN: Final = frozenset({"organisations", "sites"})
_OFFERED: Final[Mapping[str, tuple[str, ...]]] = {"point": ("place", "sensor")}
"""Kinds from which a field of a form is chosen: those of the same site."""
_DISPOSITION: Final = "inline"


def add_registry_routes(router: APIRouter, sources: Sources) -> None:
    """Add the routes of the registry's pages."""
    pages = _Pages(sources)
    router.add_api_route("/registry", pages.region)
    router.add_api_route("/registry/expiry", pages.expiry)
    router.add_api_route("/registry/organisations/{organisation}", pages.organisation)
    _detail(router, pages, "sites", site_page)
    _detail(router, pages, "places", place_page)
    _detail(router, pages, "gateways", gateway_page)
    _detail(router, pages, "sensors", sensor_page)
    router.add_api_route("/registry/files/{file}", pages.file)
    for folder, kind in FOLDERS.items():
        path = f"/registry/{folder}/{{{kind}}}/edit"
        form = _Form(sources, folder, kind)
        router.add_api_route(path, form.show, methods=["GET"])
        router.add_api_route(path, form.take, methods=["POST"])


def _detail(
    router: APIRouter,
    pages: "_Pages",
    folder: str,
    build: Callable[[Viewing, str], DetailPage],
) -> None:
    kind = FOLDERS[folder]
    router.add_api_route(f"/registry/{folder}/{{{kind}}}", partial(pages.detail, kind, build))


class _Pages:
    """What people read."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._counts = RegionCounts(sources.store)

    def region(
        self, request: Request, region: str = "", show: str = "", q: str = "", after: str = ""
    ) -> Response:
        access = access_of(request)
        wanted = Asked(
            prefix=clean_prefix(region),
            shown=show if show in _SHOWN else "organisations",
            search=asked(q),
            after=asked(after),
        )
        model = region_page(self._counts, access.scopes, wanted, access.at_ms)
        return page(model, request)

    def expiry(self, request: Request, days: int = STEPS[0]) -> Response:
        return page(expiry_page(self._viewing(request), days), request)

    def organisation(self, request: Request, organisation: str, after: str = "") -> Response:
        return page(
            organisation_page(self._viewing(request), organisation, asked(after)), request
        )

    def detail(
        self, kind: str, build: Callable[[Viewing, str], DetailPage], request: Request
    ) -> Response:
        return page(build(self._viewing(request), request.path_params[kind]), request)

    def file(self, request: Request, file: str) -> Response:
        row = access_of(request).see(Action.VIEW_REGISTRY, "file", file)
        data = self._sources.files.get(file)
        if data is None:
            raise NotVisibleError
        headers = {
            **SECURITY_HEADERS,
            "Cache-Control": "private, max-age=86400",
            "Content-Disposition": _DISPOSITION,
        }
        return Response(data, media_type=row.text("media_type"), headers=headers)

    def _viewing(self, request: Request) -> Viewing:
        return Viewing(sources=self._sources, access=access_of(request))


class _Form:
    """The form for the common fields of one kind."""

    def __init__(self, sources: Sources, folder: str, kind: str) -> None:
        self._sources = sources
        self._folder = folder
        self._kind = KINDS[kind]

    def show(self, request: Request) -> Response:
        return self._page(request, None, {})

    def take(self, request: Request, form: Form) -> Response:
        row = self._row(request)
        read = read_form(self._kind, form)
        if isinstance(read, Refusal):
            return self._page(request, form, read.problems)
        problems = self._write(request, row, read, form.get("why", ""))
        if problems:
            return self._page(request, form, problems)
        self._sources.changed()
        return RedirectResponse(self._back(row), 303, headers=dict(NEVER_CACHED))

    def _write(
        self, request: Request, row: Row, values: Mapping[str, object], why: str
    ) -> Mapping[str, str]:
        access = access_of(request)
        role = access.role(Action.EDIT_REGISTRY, row.subject)
        actor = Actor(account=access.principal.account, role=role, via="web")
        try:
            with self._sources.store.change(actor, why, access.at_ms) as change:
                change.put(row.kind, row.id, **values, **renumbered(change, row, values))
        except InvalidFieldsError as error:
            return {p.field: "registry.problem_field" for p in error.problems}
        except IllegalTransitionError:
            return {"state": "registry.problem_state"}
        gateways = gateways_of(self._sources.store, row)
        tell(self._sources.store, gateways, actor, why=why, at_ms=access.at_ms)
        return {}

    def _page(
        self, request: Request, given: Mapping[str, str] | None, problems: Mapping[str, str]
    ) -> Response:
        row = self._row(request)
        access = access_of(request)
        model = EditPage(
            now_ms=access.at_ms,
            kind=f"registry.kind_{row.kind}",
            heading=named(row),
            back_href=self._back(row),
            fields=form_fields(row, given, problems, self._offered(row)),
            csrf=access.csrf,
            problem="registry.problem_fields" if problems else "",
        )
        return page(model, request, 422 if problems else 200)

    def _row(self, request: Request) -> Row:
        id_ = request.path_params[self._kind.name]
        return access_of(request).see(Action.EDIT_REGISTRY, self._kind.name, id_)

    def _offered(self, row: Row) -> Mapping[str, list[Row]]:
        where = {"site": row.values.get("site")}
        return {
            kind: self._sources.store.find(kind, where=where, limit=500)
            for kind in _OFFERED.get(row.kind, ())
        }

    def _back(self, row: Row) -> str:
        if row.kind == "point":
            return f"/registry/gateways/{row.text('gateway')}"
        if row.kind == "licence":
            return f"/registry/organisations/{row.text('organisation')}"
        return f"/registry/{self._folder}/{row.id}"
