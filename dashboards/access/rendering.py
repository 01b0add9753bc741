"""Turns a model of the log-in pages into HTML."""

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


def render_access(model: AccessPage, lang: Lang, tz: str) -> str:
    """Return the whole page for `model`; times are in the IANA time zone `tz`."""
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    return render_template(_TEMPLATES[type(model)], model, wording, tz, {"query": model.query})
