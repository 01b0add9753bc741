"""Turns a page model into HTML, in one language and one time zone.

Used by the cloud's routes. Everything is escaped by default and there is no inline script or
style, so that the pages work under a strict content security policy.
"""

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final, assert_never

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from dashboards.assets import asset_url, static_dir
from dashboards.catalogue import catalogue
from dashboards.models import (
    GatewayView,
    Lang,
    NoticePage,
    Overview,
    PageModel,
    PointPage,
    ProofPage,
    SitePage,
)
from dashboards.wording import Wording, zone_or_utc

RANGES_S: Final = (300, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600)
"""Lengths of the chart that a viewer can choose."""
POINTS_SHOWN: Final = 12
"""How many points of a site the first page shows."""
RECENT_SHOWN: Final = 12
"""How many readings are listed under the chart."""


def render(model: PageModel, lang: Lang, tz: str, menu: Collection[str] = ()) -> str:
    """Return the whole page for `model`, with what the viewer may use in its `menu`.

    Times are in the IANA time zone `tz`.
    """
    wording = Wording(catalogue(lang), zone_or_utc(tz), model.now_ms)
    name, more = _page(model, wording)
    return render_template(
        name, model, wording, tz, {"query": _query(model), "menu": menu, **more}
    )


def render_template(
    name: str, model: object, wording: Wording, tz: str, more: Mapping[str, object]
) -> str:
    """Return a page out of a template; `more["query"]` stays when the language changes."""
    other = Lang.EN if wording.lang is Lang.ZH else Lang.ZH
    context = {
        "model": model,
        "w": wording,
        "zone": tz,
        "zone_html": Markup('<span id="zone">{}</span>').format(tz),
        "other_language": other,
        "other_language_href": f"?{more.get('query', '')}lang={other}",
    }
    return _environment().get_template(name).render({**context, **more})


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(static_dir().parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        auto_reload=False,
    )
    environment.globals["asset"] = asset_url
    return environment


def _page(model: PageModel, wording: Wording) -> tuple[str, Mapping[str, object]]:
    match model:
        case Overview():
            return "overview.html", {"points_shown": POINTS_SHOWN}
        case SitePage():
            return "site.html", {}
        case PointPage():
            return "point.html", _point_context(model, wording)
        case ProofPage():
            return "proof.html", {}
        case NoticePage():
            return "notice.html", {}
        case _:
            assert_never(model)


def _point_context(model: PointPage, wording: Wording) -> Mapping[str, object]:
    readings = zip(model.series.times, model.series.values, strict=True)
    known = [(at_ms, value) for at_ms, value in readings if value is not None]
    return {
        "chart": chart_data(model, wording),
        "gateway": _gateway_of(model),
        "ranges": [(range_s, _range_text(range_s, wording)) for range_s in RANGES_S],
        "recent": known[: -RECENT_SHOWN - 1 : -1],
    }


def chart_data(model: PointPage, wording: Wording) -> dict[str, object]:
    """Return what the chart's script needs."""
    point = model.point
    return {
        "point": point.id,
        "name": wording.name(point.name),
        "quantity": point.quantity.value,
        "unit": wording.unit(point.quantity, point.unit),
        "decimals": max(point.decimals, 0),
        "gapMs": point.gap_ms,
        "rangeS": model.range_s,
        "limits": [
            {"direction": x.direction.value, "severity": x.severity.value, "value": x.value}
            for x in point.limits
        ],
        "times": list(model.series.times),
        "values": list(model.series.values),
    }


def _gateway_of(model: PointPage) -> tuple[GatewayView, ...]:
    return tuple(g for g in model.site.gateways if g.id == model.point.gateway)


def _range_text(range_s: int, wording: Wording) -> str:
    hours = range_s // 3600
    if not hours:
        return wording.t("chart.minutes", n=range_s // 60)
    if hours <= 24:
        return wording.t("chart.hours", n=hours)
    return wording.t("chart.days", n=hours // 24)


def _query(model: PageModel) -> str:
    match model:
        case PointPage():
            return f"range={model.range_s}&"
        case ProofPage():
            return f"t={model.t_ms}&"
        case _:
            return ""
