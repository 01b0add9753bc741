"""The application of all pages, each route behind the gate; the only way to serve one."""

from collections.abc import Iterable, Mapping

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud.access.errors import UnruledRouteError
from cloud.access.gate import Gate
from cloud.access.refusals import notice_page
from cloud.access.rule import RouteRule
from cloud.access.rules import RULES
from device_registry.errors import StoreUnavailableError


class _Guarded:
    """One route behind the gate."""

    def __init__(self, gate: Gate, rule: RouteRule, inner: ASGIApp) -> None:
        self._gate = gate
        self._rule = rule
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._gate.pass_through(self._rule, self._inner, scope, receive, send)


def guarded_app(
    gate: Gate, routers: Iterable[APIRouter], rules: Mapping[str, RouteRule] = RULES
) -> FastAPI:
    """Return an application of every route of `routers`.

    Raises:
        UnruledRouteError: a route has no rule, or is of a kind that cannot be guarded.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router.redirect_slashes = False  # a redirection would tell which addresses exist

    async def not_found(request: Request, _error: Exception) -> Response:
        return await run_in_threadpool(notice_page, "not_found", request, gate.now_ms())

    async def unavailable(request: Request, _error: Exception) -> Response:
        return await run_in_threadpool(notice_page, "unavailable", request, gate.now_ms())

    app.add_exception_handler(404, not_found)
    app.add_exception_handler(StoreUnavailableError, unavailable)
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise UnruledRouteError(
                    f"{route} cannot be guarded; add it to a router with add_api_route"
                )
            route.app = _Guarded(gate, _rule_of(route, rules), route.app)
            app.router.routes.append(route)
    return app


def _rule_of(route: APIRoute, rules: Mapping[str, RouteRule]) -> RouteRule:
    methods = sorted(route.methods or ())
    if len(methods) != 1:
        raise UnruledRouteError(
            f"{route.path} has the methods {methods}; give each its own route"
        )
    rule = rules.get(f"{methods[0]} {route.path}")
    if rule is None:
        raise UnruledRouteError(
            f"{methods[0]} {route.path} has no rule; add one to cloud/access/rules.py"
        )
    return rule
