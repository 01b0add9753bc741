"""What a viewer may use of the menu that stands on every page."""

from typing import Final

from starlette.requests import Request

from cloud.access.access import access_of
from device_registry.access.action import Action

MENU: Final = (
    ("live", Action.VIEW_SITE),
    ("registry", Action.VIEW_REGISTRY),
    ("expiry", Action.VIEW_REGISTRY),
    ("work", Action.ENROL),
    ("people", Action.VIEW_PEOPLE),
    ("audit", Action.VIEW_AUDIT),
)


def menu_of(request: Request) -> list[str]:
    """Return the names of the entries to show."""
    access = access_of(request)
    return [name for name, action in MENU if access.scopes_of(action)]
