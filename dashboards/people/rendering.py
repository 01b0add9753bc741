"""Turns a model of the pages of people and the audit trail into HTML."""

from collections.abc import Collection
from typing import Final

from dashboards.catalogue import catalogue
from dashboards.models import Lang
from dashboards.people.models import (
    AuditEntryPage,
    AuditPage,
    NewPersonPage,
    PeoplePage,
    PersonPage,
    TrailPage,
)
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc

_TEMPLATES: Final[dict[type[TrailPage], tuple[str, str]]] = {
    PeoplePage: ("people/list.html", "people"),
    PersonPage: ("people/person.html", "people"),
    NewPersonPage: ("people/new.html", "people"),
    AuditPage: ("people/audit.html", "audit"),
    AuditEntryPage: ("people/entry.html", "audit"),
}


def render_people(model: TrailPage, lang: Lang, tz: str, menu: Collection[str]) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    name, tab = _TEMPLATES[type(model)]
    known = catalogue(lang).keys

    def field(name: str) -> str:
        shared = f"registry.field_{name}"
        return wording.t(shared if shared in known else f"people.field_{name}")

    more = {"query": model.query, "tab": tab, "menu": menu, "field_name": field}
    return render_template(name, model, wording, tz, more)
