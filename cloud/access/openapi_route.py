"""`GET /api/openapi.json`: what programs may ask of this server, for everybody to read."""

from collections.abc import Iterable
from importlib.metadata import version

from fastapi import APIRouter
from fastapi.responses import Response
from fastapi.routing import APIRoute

from cloud.access.openapi import PATH, openapi_document
from cloud.pages import answers


def openapi_router(routers: Iterable[APIRouter]) -> APIRouter:
    """Return the route of the document of all `routers`; hand it to `guarded_app` too."""
    router = APIRouter(include_in_schema=False)

    def show() -> Response:
        return answers.document(document)

    router.add_api_route(PATH, show, methods=["GET"])
    every = (router, *routers)
    routes = [route for one in every for route in one.routes if isinstance(route, APIRoute)]
    document = openapi_document(routes, version("coldwarden"))
    return router
