"""The page on which two people revoke a key: what it shows, and its HTML."""

from collections.abc import Collection
from dataclasses import dataclass

from dashboards.catalogue import catalogue
from dashboards.models import Lang
from dashboards.registry.models import Cell, Crumb, Fact
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokePage:
    """A key, how far its revocation is, and what the viewer can do about it."""

    now_ms: int
    heading: Cell
    crumbs: tuple[Crumb, ...]
    states: tuple[Cell, ...]
    facts: tuple[Fact, ...]
    notice: str
    """Message key: what comes next."""
    csrf: str
    request_href: str = ""
    """Where the request goes, "" when the viewer cannot ask."""
    decide_href: str = ""
    """Where approval and refusal go, "" when the viewer cannot decide."""
    problem: str = ""
    query: str = ""


def render_revocation(model: RevokePage, lang: Lang, tz: str, menu: Collection[str]) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    more = {"query": model.query, "tab": "registry", "menu": menu}
    return render_template("registry/revoke.html", model, wording, tz, more)
