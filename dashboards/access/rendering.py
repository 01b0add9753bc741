"""Turns a model of the log-in pages into HTML."""

from collections.abc import Collection
from typing import Final

from dashboards.access.models import (
    AccessPage,
    AgainPage,
    HandoverPage,
    LoginPage,
    MePage,
    SmsPage,
    StationPage,
)
from dashboards.catalogue import catalogue
from dashboards.models import Lang
from dashboards.render import render_template
from dashboards.wording import Wording, zone_or_utc

_TEMPLATES: Final[dict[type[AccessPage], str]] = {
    LoginPage: "access/login.html",
    SmsPage: "access/sms.html",
    AgainPage: "access/again.html",
    MePage: "access/me.html",
    StationPage: "access/station.html",
    HandoverPage: "access/handover.html",
}


def render_access(model: AccessPage, lang: Lang, tz: str, menu: Collection[str] = ()) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    more = {"query": model.query, "menu": menu}
    return render_template(_TEMPLATES[type(model)], model, wording, tz, more)
