"""Answers of the registry's pages: as the other pages, out of their own models."""

from typing import Final

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from cloud.access.menu import menu_of
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, YEAR_S
from cloud.pages.viewer import LANG_COOKIE, Viewer, viewer_of
from dashboards.registry.models import RegistryPage
from dashboards.registry.rendering import render_registry
from dashboards.registry.work_models import WorkPage

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


def viewer_in(request: Request) -> Viewer:
    """Return in which language and zone to write."""
    accepted = request.headers.get("accept-language", "")
    return viewer_of(request.query_params, request.cookies, accepted)
