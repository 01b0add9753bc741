"""What a commissioning is judged on besides the registry: readings, and the phone's answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from cloud.registry_pages.sources import Sources
from cloud.registry_pages.steps import Draft
from device_registry.commissioning.facts import (
    AlarmFacts,
    Compared,
    Facts,
    Proof,
    ReadingFacts,
    Recipient,
    Warmed,
)
from device_registry.commissioning.gathering import MAX_ROWS, Seen, alive, gather
from device_registry.store.row import Row

DAY_MS: Final = 86_400_000
PHONE_MS: Final = 90 * DAY_MS
"""A phone number counts as verified for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The facts, and the rows that the page shows beside them."""

    facts: Facts
    site: Row
    points: tuple[Row, ...]
    people: tuple[Row, ...]


def gathered(sources: Sources, gateway: Row, draft: Draft, at_ms: int) -> Gathered:
    """Return everything about a gateway as it stands.

    Raises:
        CommissioningError: its site or organisation is not registered.
    """
    store = sources.store
    points = alive(store.find("point", where={"gateway": gateway.id}, limit=MAX_ROWS))
    points.sort(key=lambda row: row.number("channel"))
    site = store.get("site", gateway.text("site"))
    assert site is not None  # noqa: S101 - the registry keeps what is referred to
    people = _people(sources, site)
    alarm = AlarmFacts(
        recipients=tuple(_recipient(account, draft, at_ms) for account in people),
        local=draft.ticked("local") or None,
        designated=draft.ticked("designated") or None,
    )
    seen = replace(_seen(sources, gateway, points, draft, at_ms), alarm=alarm)
    facts = gather(store, gateway.id, seen, at_ms)
    return Gathered(facts=facts, site=site, points=tuple(points), people=tuple(people))


def is_verified(account: Row, at_ms: int) -> bool:
    """Say whether an account's phone number counts as verified."""
    verified_ms = account.maybe("phone_verified_ms")
    return isinstance(verified_ms, int) and at_ms < verified_ms + PHONE_MS


def _seen(
    sources: Sources, gateway: Row, points: Sequence[Row], draft: Draft, at_ms: int
) -> Seen:
    now = sources.gateway_now(gateway.id)
    was_lost = now.power_lost_ms is not None and at_ms - now.power_lost_ms < DAY_MS
    readings = {row.id: _reading(sources, row, at_ms) for row in points}
    proofs = {row.id: _proof(draft, row.id) for row in points}
    return Seen(
        readings={id_: reading for id_, reading in readings.items() if reading},
        proofs={id_: proof for id_, proof in proofs.items() if proof},
        clock_offset_ms=now.clock_offset_ms,
        power_loss_noticed=True if was_lost else draft.ticked("power") or None,
        software=now.software,
    )


def _people(sources: Sources, site: Row) -> list[Row]:
    """Return those of the site's organisation and of those above it who have a phone."""
    path = site.subject.org_path.split("/") if site.subject else []
    where = {"organisation": path, "state": "active"}
    found = sources.store.find("account", where=where) if path else []
    return [account for account in found if account.text("phone")]


def _recipient(account: Row, draft: Draft, at_ms: int) -> Recipient:
    return Recipient(
        name=account.text("name"),
        phone_verified=is_verified(account, at_ms),
        reached=draft.ticked(f"reached.{account.id}"),
    )


def _reading(sources: Sources, point: Row, at_ms: int) -> ReadingFacts | None:
    newest = sources.newest(point.id)
    if newest is None:
        return None
    return ReadingFacts(
        quantity=point.text("quantity"),
        unit=point.text("unit"),
        value=Decimal(f"{newest.value or 0:.{max(newest.decimals, 0)}f}"),
        age_s=max(at_ms - newest.at_ms, 0) // 1000,
        good=newest.value is not None,
    )


def _proof(draft: Draft, point: str) -> Proof | None:
    step = draft.latest("reference", "warmed", point=point)
    if step is None:
        return None
    if step["kind"] == "warmed":
        before, after = draft.number(step, "before"), draft.number(step, "after")
        return Warmed(before=before or Decimal(0), after=after or Decimal(0))
    photo = draft.latest("photo", point=point)
    return Compared(
        reference=draft.number(step, "reference") or Decimal(0),
        shown=draft.number(step, "value") or Decimal(0),
        photo=str(photo["file"]) if photo else "",
    )
