"""A gateway is sent its configuration by hand, from its page. Thin."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import access_of
from cloud.pages.answers import NEVER_CACHED
from cloud.registry_pages.answers import page
from cloud.registry_pages.devices import gateway_page
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.telling import told
from cloud.registry_pages.viewing import Viewing
from device_registry.access.action import Action
from device_registry.configuring.errors import CannotConfigureError
from device_registry.configuring.publishing import publish
from device_registry.store.audit import Actor

WHY = "下发配置"
REFUSED = 422


def add_configuring_routes(router: APIRouter, sources: Sources) -> None:
    """Add the route of the button."""

    def send(request: Request, gateway: str) -> Response:
        access = access_of(request)
        row = access.see(Action.CONFIGURE, "gateway", gateway)
        role = access.role(Action.CONFIGURE, row.subject)
        actor = Actor(account=access.principal.account, role=role, via="web")
        try:
            publish(sources.store, gateway, actor, why=WHY, at_ms=access.at_ms)
        except CannotConfigureError as error:
            viewing = Viewing(sources=sources, access=access)
            return page(gateway_page(viewing, gateway, told(error)), request, REFUSED)
        sources.changed()
        href = f"/registry/gateways/{gateway}#configurations"
        return RedirectResponse(href, 303, headers=dict(NEVER_CACHED))

    path = "/registry/gateways/{gateway}/configuration"
    router.add_api_route(path, send, methods=["POST"])
