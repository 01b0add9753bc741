"""Log-in pages as answers: in the viewer's language, never cached."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cloud.access.refusals import ZONE
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, YEAR_S
from cloud.pages.viewer import LANG_COOKIE, Viewer, viewer_of
from dashboards.access.models import AccessPage
from dashboards.access.rendering import render_access


def page(model: AccessPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page; remembers the language when the viewer chose one."""
    viewer = viewer_in(request)
    html = render_access(model, viewer.lang, viewer.tz or ZONE)
    headers = {**SECURITY_HEADERS, **NEVER_CACHED, "Vary": "Accept-Language, Cookie"}
    answer = HTMLResponse(html, status_code=status, headers=headers)
    if viewer.chose_lang:
        answer.set_cookie(LANG_COOKIE, viewer.lang.value, max_age=YEAR_S, samesite="lax")
    return answer


def viewer_in(request: Request) -> Viewer:
    """Return who is looking."""
    accepted = request.headers.get("accept-language", "")
    return viewer_of(request.query_params, request.cookies, accepted)
