"""Answers of the pages of people and the audit trail."""

from fastapi import Request
from fastapi.responses import Response

from cloud.access.menu import menu_of
from cloud.pages.answers import html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from dashboards.people.models import TrailPage
from dashboards.people.rendering import render_people


def page(model: TrailPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page."""
    viewer = viewer_in(request)
    html = render_people(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request))
    return html_page(html, viewer, status)
