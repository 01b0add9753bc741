"""Shared stations: the person changes by PIN or badge; a browser becomes one."""

from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from cloud.access.access import Access, access_of
from cloud.access.answering import page
from cloud.access.door import STATION_COOKIE, YEAR_S, see_other, set_cookie
from cloud.access.login_pages import REFUSED, told
from cloud.access.ways import Ways
from dashboards.access.models import StationPage
from dashboards.models import Name
from device_registry.access.action import Action
from device_registry.accounts.outcome import Accepted
from device_registry.accounts.station import Station
from device_registry.store.row import Row

Field = Annotated[str, Form()]
MAX_LABEL_CHARS = 64


class StationPages:
    """See the module."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._sessions = ways.accounts.sessions

    def show(self, request: Request, site: str = "") -> Response:
        """Show the station, or how this browser becomes one."""
        return self._page(request, "", None, site)

    def switch(
        self, request: Request, badge: Field = "", login: Field = "", pin: Field = ""
    ) -> Response:
        """Change to the person of a badge, or of a login and PIN."""
        station = self._station(request)
        if station is None:
            return see_other("/station")
        at_ms = self._ways.now_ms()
        log_ins = self._ways.accounts.log_ins
        if badge.strip():
            outcome = log_ins.by_badge(badge, station, at_ms)
        else:
            outcome = log_ins.by_pin(login, pin, station, at_ms)
        if isinstance(outcome, Accepted):
            target = f"/sites/{station.site}"
            return self._ways.door.admit(request, outcome, target, at_ms, station.id)
        problem, until_ms = told(outcome)
        shown = "station" if problem == "refused" else problem
        return self._page(request, shown, until_ms)

    def register(self, request: Request, site: Field = "", label: Field = "") -> Response:
        """Make this browser the shared station of a site; its present session ends."""
        access = access_of(request)
        access.see(Action.EDIT_PEOPLE, "site", site)
        cookie = self._sessions.make_station(
            site,
            label.replace("\0", "").strip()[:MAX_LABEL_CHARS] or site,
            access.principal.account,
            self._ways.now_ms(),
        )
        self._ways.door.leave(request)
        answer = see_other("/station")
        set_cookie(answer, request, STATION_COOKIE, cookie, YEAR_S)
        return answer

    def end(self, request: Request) -> Response:
        """Let this browser be shared no more."""
        station = self._station(request)
        if station is not None:
            access_of(request).see(Action.EDIT_PEOPLE, "site", station.site)
            cookie = request.cookies.get(STATION_COOKIE, "")
            self._sessions.end_station(cookie, self._ways.now_ms())
        answer = see_other("/station")
        answer.delete_cookie(STATION_COOKIE)
        return answer

    def _station(self, request: Request) -> Station | None:
        cookie = request.cookies.get(STATION_COOKIE, "")
        return self._sessions.station(cookie) if cookie else None

    def _page(
        self, request: Request, problem: str, until_ms: int | None, site: str = ""
    ) -> Response:
        access = access_of(request)
        station = self._station(request)
        place = self._ways.accounts.store.get("site", station.site) if station else None
        model = StationPage(
            now_ms=self._ways.now_ms(),
            csrf=access.csrf,
            label=station.label if station else "",
            site_name=_name(place),
            person=access.principal.name,
            can_register=_can_register(access),
            site=site,
            problem=problem,
            until_ms=until_ms,
        )
        return page(model, request, REFUSED if problem else 200)


def _can_register(access: Access) -> bool:
    return access.session is not None and bool(access.scopes_of(Action.EDIT_PEOPLE))


def _name(row: Row | None) -> Name | None:
    if row is None:
        return None
    return Name(zh=row.text("name_zh"), en=row.text("name_en"))
