"""Turns a model of the registry's or the technician's pages into HTML."""

from collections.abc import Collection, Iterable
from typing import Final, assert_never

from dashboards.catalogue import catalogue
from dashboards.models import Lang
from dashboards.registry.models import (
    DetailPage,
    EditPage,
    ExpiryPage,
    RegionPage,
    RegistryPage,
)
from dashboards.registry.words import words_of_work
from dashboards.registry.work_models import (
    Checklist,
    ClaimPage,
    Finding,
    ProbeForm,
    ReportPage,
    WorkHome,
    WorkPage,
    WorkSite,
)
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc

MENU: Final = ("live", "registry", "expiry", "work")
"""Everything that the menu can lead to."""


def render_registry(
    model: RegistryPage | WorkPage, lang: Lang, tz: str, menu: Collection[str] = MENU
) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    name = _template(model)
    tab = "expiry" if isinstance(model, ExpiryPage) else name.split("/")[0]
    more = {
        "query": model.query,
        "tab": tab,
        "menu": menu,
        "words": words_of_work(catalogue(lang)),
    }
    return render_template(name, model, wording, tz, more)


def _template(model: RegistryPage | WorkPage) -> str:
    match model:
        case DetailPage():
            return "registry/detail.html"
        case RegionPage():
            return "registry/region.html"
        case ExpiryPage():
            return "registry/expiry.html"
        case EditPage():
            return "registry/edit.html"
        case _:
            return _work_template(model)


def _work_template(model: WorkPage) -> str:
    match model:
        case WorkHome():
            return "work/home.html"
        case WorkSite():
            return "work/site.html"
        case ClaimPage():
            return "work/claim.html"
        case Checklist():
            return "work/checklist.html"
        case ProbeForm():
            return "work/probe.html"
        case ReportPage():
            return "work/report.html"
        case _:
            assert_never(model)


def render_findings(findings: Iterable[Finding], lang: Lang, tz: str, now_ms: int) -> str:
    """Return the findings of a check as the lines of a list, for a page that is open."""
    wording = Wording(catalogue(lang), zone_or_utc(tz), now_ms)
    return render_template("work/finding_lines.html", findings, wording, tz, {})
