"""Every kind the registry holds, by name; an import reads them in this order.

Pure. Used by the store, and by whoever lists kinds: import, export, forms, the audit trail.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from device_registry.errors import UnknownKindError
from device_registry.kinds.devices import DEVICES
from device_registry.kinds.field import Kind
from device_registry.kinds.papers import FILE, PAPERS
from device_registry.kinds.people import PEOPLE
from device_registry.kinds.places import AUTHORITY, ORGANISATION, PLACES, REGION, SITE

_FIRST = (REGION, ORGANISATION, AUTHORITY, SITE, FILE)
"""What the others refer to stands before them."""

KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {kind.name: kind for kind in (*_FIRST, *PLACES, *DEVICES, *PEOPLE, *PAPERS)}
)


def kind_named(name: str) -> Kind:
    """Return a kind; `UnknownKindError` names those that exist."""
    kind = KINDS.get(name)
    if kind is None:
        raise UnknownKindError(name, tuple(KINDS))
    return kind


def referrers(name: str) -> tuple[tuple[Kind, str], ...]:
    """Return every (kind, field) that refers to rows of the kind `name`."""
    return tuple((k, f.name) for k in KINDS.values() for f in k.fields if f.refers == name)


def owner_chain(kind: Kind) -> tuple[tuple[str, str], ...]:
    """Return the (field, kind) steps from `kind` up to the site or organisation it belongs to.

    A calibration: (("sensor", "sensor"), ("site", "site")). A site or an organisation has its
    own place in the world, so its chain is empty.
    """
    steps: list[tuple[str, str]] = []
    while kind.name not in {SITE.name, ORGANISATION.name} and kind.owner:
        steps.append((kind.owner, kind.owner_kind))
        kind = KINDS[kind.owner_kind]
    return tuple(steps)
