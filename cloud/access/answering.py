"""Log-in pages as answers: in the viewer's language, never cached."""

from starlette.requests import Request
from starlette.responses import Response

from cloud.access.access import access_of
from cloud.access.menu import menu_of
from cloud.pages.answers import html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from dashboards.access.models import AccessPage
from dashboards.access.rendering import render_access


def page(model: AccessPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page."""
    viewer = viewer_in(request)
    menu = menu_of(request) if access_of(request).session else ()  # none before the log-in
    html = render_access(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu)
    return html_page(html, viewer, status)
