"""Answers of the registry's pages: as the other pages, out of their own models."""

from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from cloud.access.access import access_of
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, YEAR_S
from cloud.pages.viewer import LANG_COOKIE, Viewer, viewer_of
from dashboards.registry.models import RegistryPage
from dashboards.registry.rendering import render_registry
from dashboards.registry.work_models import WorkPage
from device_registry.access.action import Action

MENU: Final = (
    ("live", Action.VIEW_SITE),
    ("registry", Action.VIEW_REGISTRY),
    ("expiry", Action.VIEW_REGISTRY),
    ("work", Action.ENROL),
    ("people", Action.VIEW_PEOPLE),
    ("audit", Action.VIEW_AUDIT),
)
FALLBACK_ZONE: Final = "Asia/Shanghai"
"""Until the viewer's browser has said where it is."""


def page(model: RegistryPage | WorkPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page; remembers the language when the viewer chose one."""
    viewer = viewer_in(request)
    html = render_registry(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request))
    headers = {**SECURITY_HEADERS, **NEVER_CACHED, "Vary": "Accept-Language, Cookie"}
    answer = HTMLResponse(html, status_code=status, headers=headers)
    if viewer.chose_lang:
        answer.set_cookie(LANG_COOKIE, viewer.lang.value, max_age=YEAR_S, samesite="lax")
    return answer


def menu_of(request: Request) -> list[str]:
    """Return what the viewer may use of the menu."""
    access = access_of(request)
    return [name for name, action in MENU if access.scopes_of(action)]


def viewer_in(request: Request) -> Viewer:
    """Return in which language and zone to write."""
    accepted = request.headers.get("accept-language", "")
    return viewer_of(request.query_params, request.cookies, accepted)
