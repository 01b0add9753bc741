"""The addresses of the web pages. Thin: reads a `PageSource`, picks, renders.

`cloud.compose` includes the router. Routes that may block are plain functions, which FastAPI
runs in worker threads.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Form, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from cloud.access.access import access_of
from cloud.access.door import see_other
from cloud.access.menu import menu_of
from cloud.access.refusals import local_path
from cloud.errors import UnavailableError
from cloud.pages import answers, live
from cloud.pages.source import PageSource
from cloud.pages.statics import static_files
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from cloud.pages.viewers import TooManyViewersError
from dashboards.models import (
    Acting,
    AlarmView,
    NoticePage,
    Overview,
    PageModel,
    PointPage,
    PointView,
    ProofPage,
    Series,
    SitePage,
    SiteView,
)
from dashboards.render import RANGES_S
from dashboards.series import for_chart
from device_registry.access.action import Action
from device_registry.access.scope import Scope

CHART_POINTS: Final = 1500
SHORT_S, USUAL_S = RANGES_S[:2]
"""A chart covers the usual time, or the short one while there are no older readings."""
MAX_SPAN_MS: Final = 400 * 86_400_000
"""Longest time that one chart covers."""
MAX_TIME_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


Field = Annotated[str, Form()]
NextField = Annotated[str, Form(alias="next")]


class _Place(NamedTuple):
    site: SiteView
    point: PointView


def pages_router(source: PageSource, now_ms: Callable[[], int]) -> APIRouter:
    """Return the routes of all pages, reading `source`."""
    router = APIRouter(include_in_schema=False)
    pages = _Pages(source, now_ms)
    data = _Data(source, now_ms)
    router.add_api_route("/", pages.sites)
    router.add_api_route("/sites/{site}", pages.site)
    router.add_api_route("/sites/{site}/acknowledge", pages.acknowledge, methods=["POST"])
    router.add_api_route("/points/{point}", pages.point)
    router.add_api_route("/proof/{point}", pages.proof)
    router.add_api_route("/static/{name:path}", pages.static)
    router.add_api_route("/api/points/{point}/series", data.series)
    router.add_api_route("/live", data.live)
    return router


class _Pages:
    """What people read."""

    def __init__(self, source: PageSource, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms

    def sites(self, request: Request) -> Response:
        overview = self._source.overview(access_of(request).scopes)
        zone = overview.sites[0].timezone if overview.sites else FALLBACK_ZONE
        acting = self._acting(request, overview.alarms)
        return _page(replace(overview, acting=acting), request, zone)

    def site(self, request: Request, site: str) -> Response:
        overview = self._source.site(site)
        found = next(iter(overview.sites), None)
        if found is None:
            return self._notice(request, "not_found", 404)
        model = SitePage(
            now_ms=overview.now_ms,
            site=found,
            alarms=overview.alarms,
            counts=overview.counts,
            acting=self._acting(request, overview.alarms),
        )
        return _page(model, request, found.timezone)

    def acknowledge(
        self, request: Request, site: str, alarm: Field = "", after: NextField = "/"
    ) -> Response:
        """Take an acknowledgement; one of an alarm that is not open here changes nothing."""
        access = access_of(request)
        if any(shown.id == alarm and shown.waits for shown in self._source.site(site).alarms):
            self._source.acknowledge(alarm, access.principal.account, access.at_ms)
        return see_other(local_path(after))

    def point(
        self, request: Request, point: str, range_s: Annotated[str, Query(alias="range")] = ""
    ) -> Response:
        overview = self._source.site(self._source.site_of(point))
        place = _place(overview, point)
        if place is None:
            return self._notice(request, "not_found", 404)
        model = _point_page(self._source, overview, place, _range_s(range_s))
        acting = self._acting(request, model.alarms)
        return _page(replace(model, acting=acting), request, place.site.timezone)

    def proof(self, request: Request, point: str, t: str = "") -> Response:
        overview = self._source.site(self._source.site_of(point))
        place = _place(overview, point)
        if place is None:
            return self._notice(request, "not_found", 404)
        if not (t.isascii() and t.isdecimal() and int(t) <= MAX_TIME_MS):
            return self._notice(request, "bad_request", 400)
        try:
            proof = self._source.proof(point, int(t))
        except UnavailableError:
            return self._notice(request, "unavailable", 503)
        if _wants_json(request):
            body = {"point": point, "t": int(t), "proof": asdict(proof) if proof else None}
            return answers.document(body, 200 if proof else 404)
        model = ProofPage(
            now_ms=overview.now_ms,
            site=place.site,
            point=place.point,
            t_ms=int(t),
            proof=proof,
        )
        return _page(model, request, place.site.timezone)

    def static(self, request: Request, name: str) -> Response:
        file = static_files().get(name)
        if file is None:
            return self._notice(request, "not_found", 404)
        compressed = "gzip" in request.headers.get("accept-encoding", "")
        return answers.static(file, compressed=compressed)

    def _acting(self, request: Request, alarms: Sequence[AlarmView]) -> Acting:
        """Return what the viewer may do with these alarms."""
        access = access_of(request)
        if not access.csrf or not access.scopes_of(Action.ACKNOWLEDGE_ALARM):
            return Acting()
        subjects = {name: self._source.belongs(name) for name in {a.site for a in alarms}}
        may = (
            name
            for name, subject in subjects.items()
            if subject is not None and access.may(Action.ACKNOWLEDGE_ALARM, subject)
        )
        return Acting(csrf=access.csrf, page=request.url.path, sites=frozenset(may))

    def _notice(self, request: Request, message: str, status: int) -> Response:
        model = NoticePage(now_ms=self._now_ms(), message=message)
        return answers.page(model, viewer_in(request), FALLBACK_ZONE, status)


class _Data:
    """What scripts read."""

    def __init__(self, source: PageSource, now_ms: Callable[[], int]) -> None:
        self._source = source
        self._now_ms = now_ms

    def series(
        self,
        point: str,
        t0_ms: Annotated[int, Query(alias="from", ge=0, le=MAX_TIME_MS)],
        t1_ms: Annotated[int, Query(alias="to", ge=0, le=MAX_TIME_MS)],
    ) -> Response:
        place = _place(self._source.site(self._source.site_of(point)), point)
        if place is None:
            return answers.document({"error": f"no point {point!r} is registered"}, 404)
        if not 0 < t1_ms - t0_ms <= MAX_SPAN_MS:
            error = "expected from < to, at most 400 days apart"
            return answers.document({"error": error}, 400)
        try:
            shown = _series(self._source, place.point, t0_ms, t1_ms)
        except UnavailableError as error:
            return answers.document({"error": str(error)}, 503)
        return answers.document({"point": point, "t": shown.times, "v": shown.values})

    async def live(self, request: Request, site: str = "", point: str = "") -> Response:
        scopes = access_of(request).scopes
        wanted = await run_in_threadpool(self._wanted, scopes, site, point)
        subscription = ExitStack()
        try:
            queue = subscription.enter_context(self._source.subscribe())
        except TooManyViewersError as error:
            return answers.document({"error": str(error)}, 503)
        events = live.events(queue, wanted, self._now_ms())
        return answers.LiveAnswer(events, subscription)

    def _wanted(self, scopes: Sequence[Scope], site: str, point: str) -> frozenset[str]:
        """Return the points of a stream; the gate has seen that `site` and `point` are ours."""
        if point:
            return frozenset({point})
        shown = self._source.site(site) if site else self._source.overview(scopes)
        return frozenset(p.id for s in shown.sites for p in s.points)


def _page(model: PageModel, request: Request, zone: str) -> Response:
    return answers.page(model, viewer_in(request), zone, menu=menu_of(request))


def _wants_json(request: Request) -> bool:
    if request.query_params.get("format") == "json":
        return True
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _place(overview: Overview, point: str) -> _Place | None:
    for site in overview.sites:
        for candidate in site.points:
            if candidate.id == point:
                return _Place(site, candidate)
    return None


def _range_s(text: str) -> int | None:
    return next((range_s for range_s in RANGES_S if str(range_s) == text), None)


def _series(source: PageSource, point: PointView, t0_ms: int, t1_ms: int) -> Series:
    raw = source.series(point.id, t0_ms, t1_ms, CHART_POINTS)
    return for_chart(raw, point.gap_ms, CHART_POINTS)


def _point_page(
    source: PageSource, overview: Overview, place: _Place, chosen_s: int | None
) -> PointPage:
    t1_ms = overview.now_ms + 1
    range_s = chosen_s or USUAL_S
    try:
        series = _series(source, place.point, t1_ms - range_s * 1000, t1_ms)
        if chosen_s is None and series.times and series.times[0] > t1_ms - SHORT_S * 1000:
            range_s = SHORT_S
        is_available = True
    except UnavailableError:
        series = Series(times=(), values=())
        is_available = False
    return PointPage(
        now_ms=overview.now_ms,
        site=place.site,
        point=place.point,
        alarms=_alarms_of(overview, place.point),
        range_s=range_s,
        series=series,
        is_available=is_available,
    )


def _alarms_of(overview: Overview, point: PointView) -> tuple[AlarmView, ...]:
    """Return the alarms of a point, and those of its gateway as a whole."""
    return tuple(
        alarm
        for alarm in overview.alarms
        if alarm.point == point.id or (not alarm.point and alarm.gateway == point.gateway)
    )
