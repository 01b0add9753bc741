"""Answers of the pages of people and the audit trail."""

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from cloud.access.answering import viewer_in
from cloud.access.menu import menu_of
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, YEAR_S
from cloud.pages.viewer import LANG_COOKIE
from cloud.registry_pages.answers import FALLBACK_ZONE
from dashboards.people.models import TrailPage
from dashboards.people.rendering import render_people


def page(model: TrailPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page; remembers the language when the viewer chose one."""
    viewer = viewer_in(request)
    html = render_people(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request))
    headers = {**SECURITY_HEADERS, **NEVER_CACHED, "Vary": "Accept-Language, Cookie"}
    answer = HTMLResponse(html, status_code=status, headers=headers)
    if viewer.chose_lang:
        answer.set_cookie(LANG_COOKIE, viewer.lang.value, max_age=YEAR_S, samesite="lax")
    return answer
