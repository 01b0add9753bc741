"""Gateways are told what changed of them, and people what hinders it.

Whoever changes what a configured gateway measures has it offered with the same request. What
cannot be offered undoes nothing: the pages of the gateway and of its jobs say what is wrong
until it is put right.
"""

import logging
from collections.abc import Iterable
from typing import Final

from dashboards.registry.models import Cell, Tone
from device_registry.configuring.errors import CannotConfigureError
from device_registry.configuring.publishing import hindrance, is_configured, publish_all
from device_registry.errors import RegistryError
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

MOST: Final = 1000
"""Points of a sensor or a site that are looked at."""
OVER: Final = frozenset({"retired"})

_log = logging.getLogger(__name__)


def tell(
    store: RegistryStore, gateways: Iterable[str], actor: Actor, *, why: str, at_ms: int
) -> None:
    """Offer what the registry says now to those of some gateways that were ever configured."""
    names = sorted(name for name in set(gateways) if name and is_configured(store, name))
    try:
        publish_all(store, names, actor, why=why, at_ms=at_ms)
    except RegistryError as error:
        _log.warning("new configurations of %s must be sent by hand: %s", names, error)


def gateways_of(store: RegistryStore, row: Row) -> list[str]:
    """Return the gateways that measure what a row of the registry tells how to measure."""
    match row.kind:
        case "gateway":
            return [row.id]
        case "point":
            return [row.text("gateway")]
        case "sensor":
            points = store.find("point", where={"sensor": row.id}, limit=MOST)
            return sorted({point.text("gateway") for point in points})
        case _:
            return []


def gateways_at(store: RegistryStore, site: str) -> list[str]:
    """Return the gateways of a site that are in use."""
    rows = store.find("gateway", where={"site": site}, limit=MOST)
    return [row.id for row in rows if row.text("state") not in OVER]


def hindrances(store: RegistryStore, gateways: Iterable[str]) -> tuple[Cell, ...]:
    """Return what keeps configured gateways from being told what the registry says now."""
    found = (hindrance(store, name) for name in gateways if is_configured(store, name))
    return tuple(cell for error in found if error is not None for cell in told(error))


def told(error: CannotConfigureError) -> tuple[Cell, ...]:
    """Return the sentences for people."""
    head = Cell(word="configuring.refused", values=(("gateway", error.gateway),), tone=Tone.BAD)
    problems = (
        Cell(
            word=f"configuring.problem_{problem.key}",
            values=tuple(problem.values.items()),
            tone=Tone.BAD,
        )
        for problem in error.problems
    )
    return (head, *problems)
