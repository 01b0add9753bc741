"""Builds the pages on which the technician finds the site, and follows a claim."""

from collections.abc import Sequence
from typing import Final

from cloud.registry_pages.cells import name_of, state
from cloud.registry_pages.devices import COMMISSIONABLE
from cloud.registry_pages.network_form import network_cells
from cloud.registry_pages.qr import qr_code
from cloud.registry_pages.viewing import Viewing
from dashboards.registry.models import Cell
from dashboards.registry.work_models import (
    ClaimPage,
    GatewayStep,
    OrderView,
    PlaceToWork,
    WorkHome,
    WorkSite,
)
from device_registry.access.action import Action
from device_registry.enrolment.boot_file import boot_file
from device_registry.store.row import Row
from evidence.enrolment.claim import Claim

SITES: Final = 10
WAITING: Final = frozenset({"open", "bound"})
MAX_ID_CHARS: Final = 32
"""A gateway's id is the name in its certificate."""


def work_home(viewing: Viewing, search: str, after: str) -> WorkHome:
    """Return the technician's first page."""
    scopes = viewing.access.scopes_of(Action.ENROL)
    sites = viewing.sources.store.find(
        "site", within=scopes, search=search, after=after, limit=SITES + 1
    )
    more = f"/work?q={search}&after={sites[SITES - 1].id}" if len(sites) > SITES else ""
    orders = _orders(viewing)
    return WorkHome(
        now_ms=viewing.now_ms,
        person=viewing.access.principal.name,
        csrf=viewing.access.csrf,
        orders=orders,
        sites=tuple(
            PlaceToWork(site=row.id, site_name=name_of(row), address=row.text("address"))
            for row in sites[:SITES]
        ),
        search=search,
        next_href=more,
    )


def order_at(viewing: Viewing, site: str) -> str:
    """Return the person's work order at a site, "" when there is none now."""
    return next((row.id for row in _held(viewing) if row.text("site") == site), "")


def _orders(viewing: Viewing) -> tuple[OrderView, ...]:
    return tuple(_order(viewing, row) for row in sorted(_held(viewing), key=_until))


def _held(viewing: Viewing) -> list[Row]:
    where = {"account": viewing.access.principal.account, "state": "open"}
    return [
        row
        for row in viewing.sources.store.find("work_order", where=where)
        if row.number("from_ms") <= viewing.now_ms < row.number("until_ms")
        and viewing.may(Action.ENROL, row.subject)
    ]


def _until(row: Row) -> int:
    return row.number("until_ms")


def _order(viewing: Viewing, row: Row) -> OrderView:
    site = viewing.maybe("site", row.text("site"))
    return OrderView(
        id=row.id,
        site=row.text("site"),
        site_name=name_of(site, row.text("site")),
        address=site.text("address") if site else "",
        what=row.text("what"),
        until_ms=_until(row),
    )


def work_site(
    viewing: Viewing,
    site: str,
    order: str,
    given: dict[str, str] | None = None,
    problems: tuple[str, ...] = (),
) -> WorkSite:
    """Return the page of a site, with the form as it was given where it was refused."""
    row = viewing.get("site", site)
    gateways = viewing.sources.store.find("gateway", where={"site": site})
    shown = {k: v for k, v in (given or {}).items() if k != "wifi_password"}
    return WorkSite(
        now_ms=viewing.now_ms,
        csrf=viewing.access.csrf,
        site=site,
        site_name=name_of(row),
        order=order,
        gateways=tuple(_step(viewing, g) for g in gateways if g.text("state") != "retired"),
        proposed=_proposed(viewing, site, gateways),
        given=shown,
        problems=tuple(Cell(word=problem) for problem in problems),
        query=f"order={order}&" if order else "",
    )


def _step(viewing: Viewing, gateway: Row) -> GatewayStep:
    label, href = _next(viewing, gateway)
    return GatewayStep(
        id=gateway.id, state=state(gateway.text("state")), label=label, href=href
    )


def _next(viewing: Viewing, gateway: Row) -> tuple[str, str]:
    store, now = viewing.sources.store, gateway.text("state")
    if now == "claimed":
        where = {"gateway": gateway.id, "state": ["open", "bound"]}
        claims = store.find("claim", where=where, limit=1)
        return ("work.next_wait", f"/work/claims/{claims[0].id}") if claims else ("", "")
    if now in COMMISSIONABLE and viewing.may(Action.COMMISSION, gateway.subject):
        reports = store.find(
            "report", where={"gateway": gateway.id, "report_kind": "commissioning"}
        )
        again = "work.next_again" if reports else "work.next_commission"
        return again, f"/work/gateways/{gateway.id}"
    return "", ""


def _proposed(viewing: Viewing, site: str, gateways: Sequence[Row]) -> str:
    """Return the gateway that was ordered for the site, or an id that nobody has."""
    waiting = [row.id for row in gateways if row.text("state") == "ordered"]
    if waiting:
        return waiting[0]
    stem = "gw-" + "".join(c if c.isalnum() or c == "-" else "-" for c in site.lower())
    for number in range(1, 1000):
        end = f"-{number}"
        proposed = f"{stem[: MAX_ID_CHARS - len(end)]}{end}"
        if viewing.sources.store.get("gateway", proposed) is None:
            return proposed
    return ""


def claim_page(viewing: Viewing, row: Row, claim: Claim | None = None) -> ClaimPage:
    """Return the page of a claim; with the `claim` itself while its maker may see it."""
    site = viewing.maybe("site", row.text("site"))
    network = row.maybe("network")
    plain = network if isinstance(network, dict) else {}
    now = claim_state(row, viewing.now_ms)
    if now not in WAITING:
        claim = None
    return ClaimPage(
        now_ms=viewing.now_ms,
        csrf=viewing.access.csrf,
        id=row.id,
        site=row.text("site"),
        site_name=name_of(site, row.text("site")),
        gateway=row.text("gateway"),
        state=now,
        until_ms=row.number("until_ms"),
        text=claim.text() if claim else "",
        qr=qr_code(claim.text()) if claim else None,
        card=boot_file(claim, plain) if claim else "",
        networks=network_cells(plain),
    )


def claim_state(row: Row, now_ms: int) -> str:
    """Return the state of a claim; one that nobody used in time has expired."""
    is_late = row.text("state") == "open" and now_ms >= row.number("until_ms")
    return "expired" if is_late else row.text("state")
