"""Answers of the registry's pages: as the other pages, out of their own models."""

from fastapi import Request
from fastapi.responses import Response

from cloud.access.menu import menu_of
from cloud.pages.answers import html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from dashboards.registry.models import RegistryPage
from dashboards.registry.rendering import render_registry
from dashboards.registry.work_models import WorkPage


def page(model: RegistryPage | WorkPage, request: Request, status: int = 200) -> Response:
    """Return a rendered page."""
    viewer = viewer_in(request)
    html = render_registry(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request))
    return html_page(html, viewer, status)
