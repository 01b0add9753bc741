"""Work orders 工单: a contractor may act at a site only while one is open.

Opening one gives the account the technician's role over the site's organisation, ending when
the order does; closing it early ends the role at once, in the same change. Nothing has to run
for an order to end: the grant itself carries the end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from device_registry.jobs.errors import WorkOrderError
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

TECHNICIAN: Final = "technician"
MAX_GRANTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOrder:
    """What is ordered: who may work where, from when to when."""

    id: str
    site: str
    account: str
    from_ms: int
    until_ms: int
    what: str


def open_order(store: RegistryStore, actor: Actor, order: WorkOrder, at_ms: int) -> Row:
    """Register a work order and the access that goes with it; return its row.

    Raises:
        WorkOrderError: the site does not exist, or an order with this id is closed.
        InvalidFieldsError: the account does not exist, or the order ends before it begins.
    """
    with store.change(actor, f"work order {order.id}: {order.what}"[:1000], at_ms) as change:
        site = change.get("site", order.site)
        if site is None:
            raise WorkOrderError(order.id, f"there is no site {order.site}")
        there = change.get("work_order", order.id)
        if there is not None and there.text("state") == "closed":
            raise WorkOrderError(order.id, "closed")
        row = change.put(
            "work_order",
            order.id,
            site=order.site,
            account=order.account,
            from_ms=order.from_ms,
            until_ms=order.until_ms,
            state="open",
            what=order.what,
        )
        change.put(
            "grant",
            grant_id(order.id),
            account=order.account,
            role=TECHNICIAN,
            organisation=site.text("organisation"),
            until_ms=order.until_ms,
            work_order=order.id,
        )
        return row


def close_order(store: RegistryStore, actor: Actor, work_order: str, at_ms: int) -> Row:
    """Close a work order and end its access now; closing it again changes nothing.

    Raises:
        WorkOrderError: there is no such order.
    """
    with store.change(actor, f"work order {work_order} closed", at_ms) as change:
        row = change.get("work_order", work_order)
        if row is None:
            raise WorkOrderError(work_order, "does not exist")
        _end_access(change, work_order, at_ms)
        return change.put("work_order", work_order, state="closed")


def close_overdue(store: RegistryStore, actor: Actor, at_ms: int) -> tuple[str, ...]:
    """Close every open order whose time is over and return their ids; runs once an hour."""
    is_open = {"state": "open"}
    overdue = overdue_orders(store.each("work_order", where=is_open), at_ms)
    if not overdue:
        return ()
    closed = []
    with store.change(actor, "work orders are over", at_ms) as change:
        for work_order in overdue:
            row = change.get("work_order", work_order)
            # It may have been extended or closed since it was read.
            if row is not None and overdue_orders([row], at_ms) and row.text("state") == "open":
                _end_access(change, work_order, at_ms)
                change.put("work_order", work_order, state="closed")
                closed.append(work_order)
    return tuple(closed)


def overdue_orders(orders: Iterable[Row], at_ms: int) -> tuple[str, ...]:
    """Return the ids of orders that are over; pure."""
    return tuple(row.id for row in orders if row.number("until_ms") <= at_ms)


def grant_id(work_order: str) -> str:
    """Return the id of the grant that a work order carries."""
    return f"wo-{work_order}"[:64]


def _end_access(change: Change, work_order: str, at_ms: int) -> None:
    for grant in change.find("grant", where={"work_order": work_order}, limit=MAX_GRANTS):
        until = grant.maybe("until_ms")
        if until is None or grant.number("until_ms") > at_ms:
            change.put("grant", grant.id, until_ms=at_ms)
