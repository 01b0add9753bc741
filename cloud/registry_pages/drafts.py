"""Keeps the steps of a commissioning in the registry, each once."""

from collections.abc import Callable
from typing import Final

from cloud.registry_pages.sources import Sources
from cloud.registry_pages.steps import Draft, Step, draft_of
from device_registry.commissioning.document import sha256_of
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

KIND: Final = "commissioning_steps"
WHY: Final = "调试验收步骤"

Also = Callable[[Change], None]


def draft_id(gateway: str) -> str:
    """Return the id of the row that holds a gateway's steps."""
    return f"steps-{gateway}"


def read_draft(store: RegistryStore, gateway: str) -> Draft:
    """Return what was sent so far for a gateway."""
    row = store.get("report", draft_id(gateway))
    return draft_of(row.maybe("document")) if row else Draft()


def keep_step(
    sources: Sources, actor: Actor, gateway: Row, step: Step, also: Also | None = None
) -> None:
    """Add a step, with what changes along with it; one that is there changes nothing.

    Raises:
        BadStepError: there are too many.
    """
    with sources.store.change(actor, WHY, sources.now_ms()) as change:
        row = change.get("report", draft_id(gateway.id))
        draft = draft_of(row.maybe("document")) if row else Draft()
        if draft.has(str(step["id"])):
            return
        if also:
            also(change)
        put_draft(change, gateway, draft.plus(step))


def put_draft(change: Change, gateway: Row, draft: Draft) -> None:
    """Write the steps of a gateway."""
    document = draft.document()
    change.put(
        "report",
        draft_id(gateway.id),
        site=gateway.text("site"),
        gateway=gateway.id,
        report_kind=KIND,
        document=document,
        sha256=sha256_of(document),
    )
