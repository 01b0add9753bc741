"""Makes configurations durable and follows what gateways say of them.

Every change is one transaction of the registry with its audit entry. A configuration is offered
until its gateway has applied it or rolled it back; a newer one supersedes it.
"""

import json
from collections.abc import Iterator
from typing import Final

from device_registry.configuring.document import Content, Rows, content_of
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row, canonical_json
from device_registry.store.store import RegistryStore
from evidence.configuration import ConfigurationDocument, Stage, Standing, document_hash

KIND: Final = "configuration"
BY_GATEWAY: Final = Actor(account="gateway", role="gateway", via="system")
MAX_POINTS: Final = 10_000
OPEN: Final = ["draft", "offered"]


def publish(
    store: RegistryStore, gateway: str, actor: Actor, *, why: str, at_ms: int
) -> Row | None:
    """Offer a gateway what the registry says now; None when it has been told already.

    Raises:
        CannotConfigureError: the rows do not say how to read every point.
        InvalidFieldsError: there is no such gateway.
        StoreUnavailableError: the database cannot be reached or written.
    """
    with store.change(actor, why, at_ms) as change:
        found = change.get("gateway", gateway)
        if found is None:
            # `put` refuses it with the store's own words.
            return change.put(KIND, f"{gateway}:1", gateway=gateway)
        content = content_of(_rows(change, found))
        newest = newest_of(list(_versions(change, gateway)))
        if newest is not None and newest.text("state") != "rolled_back":
            before = document_of(newest)
            if Content(sources=before.sources, profiles=before.profiles) == content:
                return None
        version = newest.number("version") + 1 if newest is not None else 1
        return _offer(change, gateway, version, content)


def acknowledge(
    store: RegistryStore, gateway: str, standing: Standing, *, at_ms: int, is_live: bool
) -> Row | None:
    """Note what a gateway says of a version; None when it changes nothing.

    Saying it again changes nothing. A live gateway that runs by an older version than it once
    applied (a new card, a copy put back) is offered the newest again.

    Raises:
        StoreUnavailableError: the database cannot be reached or written.
    """
    row = store.get(KIND, configuration_id(gateway, standing.version))
    if row is None or row.text("sha256") != standing.sha256.hex():
        return None
    newest = newest_of(store.find(KIND, where={"gateway": gateway}, limit=MAX_POINTS))
    is_newest = newest is not None and newest.id == row.id
    match standing.stage, row.text("state"):
        case Stage.APPLIED, "draft" | "offered":
            return _move(store, row, at_ms, state="applied", reason=None)
        case Stage.ROLLED_BACK, "draft" | "offered":
            return _move(store, row, at_ms, state="rolled_back", reason=standing.reason)
        case Stage.APPLIED, "superseded" if is_live and newest is not None and not is_newest:
            if newest.text("state") == "applied":
                return _move(store, newest, at_ms, state="offered", reason=None)
    return None


def first_document(store: RegistryStore, gateway: str) -> ConfigurationDocument | None:
    """Return what a gateway is to run by: the newest that was not rolled back."""
    rows = store.find(KIND, where={"gateway": gateway}, limit=MAX_POINTS)
    newest = newest_of([row for row in rows if row.text("state") in {"offered", "applied"}])
    return document_of(newest) if newest is not None else None


def newest_of(rows: list[Row]) -> Row | None:
    """Return the row with the highest version."""
    return max(rows, key=lambda row: row.number("version"), default=None)


def document_of(row: Row) -> ConfigurationDocument:
    """Return the document of a row."""
    held = json.loads(row.text("document"))
    return ConfigurationDocument(
        version=row.number("version"),
        gateway=row.text("gateway"),
        sources=held["sources"],
        profiles=held["profiles"],
        issued_ms=held["issued_ms"],
    )


def configuration_id(gateway: str, version: int) -> str:
    """Return the id of a configuration's row."""
    return f"{gateway}:{version}"


def _offer(change: Change, gateway: str, version: int, content: Content) -> Row:
    document = ConfigurationDocument(
        version=version,
        gateway=gateway,
        sources=content.sources,
        profiles=content.profiles,
        issued_ms=change.at_ms,
    )
    for row in _versions(change, gateway, state=OPEN):
        change.put(KIND, row.id, state="superseded")
    return change.put(
        KIND,
        configuration_id(gateway, version),
        gateway=gateway,
        version=version,
        document=canonical_json(
            {
                "sources": document.sources,
                "profiles": dict(document.profiles),
                "issued_ms": document.issued_ms,
            }
        ),
        sha256=document_hash(document).hex(),
        state="offered",
    )


def _move(store: RegistryStore, row: Row, at_ms: int, *, state: str, reason: str | None) -> Row:
    gateway = row.text("gateway")
    why = f"the gateway answered: {state}" if state != "offered" else "the gateway lost it"
    with store.change(BY_GATEWAY, why, at_ms) as change:
        if state == "applied":
            for other in _versions(change, gateway, state="applied"):
                if other.number("version") < row.number("version"):
                    change.put(KIND, other.id, state="superseded")
        return change.put(KIND, row.id, state=state, reason=reason)


def _versions(change: Change, gateway: str, **where: object) -> Iterator[Row]:
    yield from change.find(KIND, where={"gateway": gateway, **where}, limit=MAX_POINTS)


def _rows(change: Change, gateway: Row) -> Rows:
    points = change.find("point", where={"gateway": gateway.id}, limit=MAX_POINTS)
    ids = sorted({p.text("sensor") for p in points} - {""})
    sensors = {i: row for i in ids if (row := change.get("sensor", i)) is not None}
    refs = sorted({s.text("profile") for s in sensors.values()} - {""})
    profiles = {ref: row for ref in refs if (row := change.get("profile", ref)) is not None}
    return Rows(gateway=gateway, points=points, sensors=sensors, profiles=profiles)
