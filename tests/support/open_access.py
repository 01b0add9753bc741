"""Pages without the gate: whoever asks may see everything, for tests of the pages."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud.access.access import Access
from cloud.access.rules import RULES
from device_registry.access.policy import Grant, Principal
from device_registry.access.scope import EVERYWHERE

EVERYBODY = Principal(account="tester", name="Tester", grants=(Grant(role="operator"),))


class _Open:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        access = Access(
            principal=EVERYBODY,
            session=None,
            rule=RULES["GET /"],
            scopes=(EVERYWHERE,),
            at_ms=0,
            find=lambda _kind, _id: None,
        )
        scope.setdefault("state", {}).update(access=access, principal=EVERYBODY)
        await self._app(scope, receive, send)


def open_to_everybody(app: FastAPI) -> FastAPI:
    """Return `app`, each request made as somebody who may see everything."""
    app.add_middleware(_Open)
    return app
