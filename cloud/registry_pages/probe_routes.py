"""The page on which a technician adds a probe to a gateway. Thin."""

from collections.abc import Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import access_of
from cloud.pages.answers import NEVER_CACHED
from cloud.registry_pages.answers import page
from cloud.registry_pages.bodies import form_of
from cloud.registry_pages.cells import name_of
from cloud.registry_pages.probes import NAMES, NEW, BadProbe, There, next_unit, plan_probe
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.telling import tell
from cloud.registry_pages.viewing import Viewing
from dashboards.models import Name
from dashboards.registry.models import Cell, Choice
from dashboards.registry.work_models import ProbeForm
from device_registry.access.action import Action
from device_registry.channels import channels_ever
from device_registry.errors import IllegalTransitionError, InvalidFieldsError
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from domain.profiles.load import profile_names
from domain.rules.load import pack_names, rule_pack

Form = Annotated[Mapping[str, str], Depends(form_of)]
WHY: Final = "现场添加探头"
MOST: Final = 1000
"""Sensors, points and places of a site that are looked at."""


def add_probe_routes(router: APIRouter, sources: Sources) -> None:
    """Add the routes of the page."""
    pages = _Probes(sources)
    router.add_api_route("/work/gateways/{gateway}/probes", pages.show, methods=["GET"])
    router.add_api_route("/work/gateways/{gateway}/probes", pages.add, methods=["POST"])


class _Probes:
    """See the module."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def show(self, request: Request, gateway: str) -> Response:
        return page(self._model(request, gateway, {}, ()), request)

    def add(self, request: Request, gateway: str, form: Form) -> Response:
        row = Viewing(sources=self._sources, access=access_of(request)).get("gateway", gateway)
        plan = plan_probe(self._there(row), form)
        if isinstance(plan, BadProbe):
            return page(self._model(request, gateway, form, plan.problems), request, 422)
        access = access_of(request)
        role = access.role(Action.COMMISSION, row.subject)
        actor = Actor(account=access.principal.account, role=role, via="web")
        try:
            with self._sources.store.change(actor, WHY, access.at_ms) as change:
                for kind, id_, fields in plan:
                    change.put(kind, id_, **fields)
        except (InvalidFieldsError, IllegalTransitionError):
            problems = ("work.problem_serial",)
            return page(self._model(request, gateway, form, problems), request, 422)
        tell(self._sources.store, [gateway], actor, why=WHY, at_ms=access.at_ms)
        self._sources.changed()
        return RedirectResponse(f"/work/gateways/{gateway}", 303, headers=dict(NEVER_CACHED))

    def _there(self, gateway: Row) -> There:
        def at_site(kind: str) -> list[Row]:
            where = {"site": gateway.text("site")}
            return self._sources.store.find(kind, where=where, limit=MOST)

        ever = channels_ever(self._sources.store, [gateway.id])
        return There(
            gateway=gateway,
            places=at_site("place"),
            sensors=at_site("sensor"),
            channels=ever[gateway.id],
        )

    def _model(
        self, request: Request, id_: str, given: Mapping[str, str], problems: tuple[str, ...]
    ) -> ProbeForm:
        viewing = Viewing(sources=self._sources, access=access_of(request))
        gateway = viewing.get("gateway", id_)
        there = self._there(gateway)
        return ProbeForm(
            now_ms=viewing.now_ms,
            csrf=viewing.access.csrf,
            gateway=id_,
            site=gateway.text("site"),
            site_name=name_of(viewing.maybe("site", gateway.text("site"))),
            devices=tuple(Choice(value=n, cell=Cell(text=n)) for n in profile_names()),
            places=_places(there),
            packs=tuple(_pack(name) for name in pack_names()),
            unit=next_unit(there),
            given=dict(given),
            problems=tuple(Cell(word=problem) for problem in problems),
        )


def _places(there: There) -> tuple[Choice, ...]:
    known = [Choice(value=row.id, cell=Cell(name=name_of(row))) for row in there.places]
    new = [
        Choice(value=f"{NEW}{kind}", cell=Cell(word=f"work.new_place_{kind}")) for kind in NAMES
    ]
    return (*known, *new)


def _pack(name: str) -> Choice:
    pack = rule_pack(name)
    return Choice(value=name, cell=Cell(name=Name(zh=pack.title_zh, en=pack.title_en)))
