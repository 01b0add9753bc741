"""Offers gateways what the registry says: makes documents of rows, and rows of documents.

Every change is one transaction of the registry with its audit entries. A configuration is
offered until its gateway has applied it or rolled it back
(`device_registry.configuring.following`); a newer one supersedes it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from device_registry.configuring.document import Content, Rows, content_of
from device_registry.configuring.errors import CannotConfigureError, Problem
from device_registry.store.audit import Actor
from device_registry.store.row import Row, canonical_json
from device_registry.store.store import RegistryStore
from evidence.configuration import ConfigurationDocument, document_hash

KIND: Final = "configuration"
MAX_ROWS: Final = 1_000_000
AT_ONCE: Final = 500
"""Ids in one question; every engine takes as many."""
OPEN: Final = frozenset({"draft", "offered"})
Outcome = Row | None | CannotConfigureError
"""The row that is offered, None for a gateway that has been told already, or why not."""


def publish(
    store: RegistryStore, gateway: str, actor: Actor, *, why: str, at_ms: int
) -> Row | None:
    """Offer a gateway what the registry says now; None when it has been told already.

    Raises:
        CannotConfigureError: the rows do not say how to read every point, or there is no such
            gateway.
        StoreUnavailableError: the database cannot be reached or written.
    """
    outcome = publish_all(store, [gateway], actor, why=why, at_ms=at_ms)[gateway]
    if isinstance(outcome, CannotConfigureError):
        raise outcome
    return outcome


def publish_all(
    store: RegistryStore, gateways: Sequence[str], actor: Actor, *, why: str, at_ms: int
) -> Mapping[str, Outcome]:
    """Offer several gateways what the registry says now, in one change; errors are returned.

    Raises:
        StoreUnavailableError: the database cannot be reached or written; nobody is told.
    """
    with store.change(actor, why, at_ms) as change:
        held = _read(change, gateways)
        outcomes = {gateway: _new(held, gateway, at_ms) for gateway in gateways}
        offers = [made for made in outcomes.values() if isinstance(made, ConfigurationDocument)]
        named = {offer.gateway for offer in offers}
        superseded = [
            {"id": row.id, "state": "superseded"}
            for gateway in named
            for row in held.versions.get(gateway, ())
            if row.text("state") in OPEN
        ]
        change.put_many(KIND, superseded)
        rows = change.put_many(KIND, map(_fields, offers))
        put = {row.text("gateway"): row for row in rows}
    return {
        gateway: put[gateway] if isinstance(made, ConfigurationDocument) else made
        for gateway, made in outcomes.items()
    }


def hindrance(store: RegistryStore, gateway: str) -> CannotConfigureError | None:
    """Return why a gateway cannot be told what the registry says now; None when it can."""
    made = _new(_read(store, [gateway]), gateway, 0)
    return made if isinstance(made, CannotConfigureError) else None


def is_configured(store: RegistryStore, gateway: str) -> bool:
    """Return whether a gateway was ever offered a configuration."""
    return bool(store.find(KIND, where={"gateway": gateway}, limit=1))


def first_document(store: RegistryStore, gateway: str) -> ConfigurationDocument | None:
    """Return what a gateway is to run by: the newest that was not rolled back."""
    rows = store.find(KIND, where={"gateway": gateway}, limit=MAX_ROWS)
    newest = newest_of([row for row in rows if row.text("state") in {"offered", "applied"}])
    return document_of(newest) if newest is not None else None


def newest_of(rows: Iterable[Row]) -> Row | None:
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


class Finder(Protocol):
    """What both the store and a change of it can do."""

    def find(
        self, kind: str, *, where: Mapping[str, object] | None = None, limit: int = 200
    ) -> list[Row]:
        """Return current rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What the registry holds of some gateways, by gateway; sensors and profiles by id."""

    gateways: Mapping[str, Row]
    points: Mapping[str, Sequence[Row]]
    versions: Mapping[str, Sequence[Row]]
    sensors: Mapping[str, Row]
    profiles: Mapping[str, Row]


def _read(change: Finder, gateways: Sequence[str]) -> _Held:
    points = change.find("point", where={"gateway": list(gateways)}, limit=MAX_ROWS)
    sensors = _by_id(change, "sensor", (p.text("sensor") for p in points))
    profiles = _by_id(change, "profile", (s.text("profile") for s in sensors.values()))
    return _Held(
        gateways=_by_id(change, "gateway", gateways),
        points=_by_gateway(points),
        versions=_by_gateway(
            change.find(KIND, where={"gateway": list(gateways)}, limit=MAX_ROWS)
        ),
        sensors=sensors,
        profiles=profiles,
    )


def _by_id(change: Finder, kind: str, ids: Iterable[str]) -> dict[str, Row]:
    wanted = sorted({identity for identity in ids if identity})
    found: dict[str, Row] = {}
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        rows = change.find(kind, where={"id": some}, limit=len(some))
        found.update((row.id, row) for row in rows)
    return found


def _by_gateway(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.text("gateway"), []).append(row)
    return found


def _new(held: _Held, gateway: str, at_ms: int) -> ConfigurationDocument | Outcome:
    """Return what to offer a gateway, None for nothing new, or why it cannot be."""
    found = held.gateways.get(gateway)
    if found is None:
        said = "there is no such gateway; register it first"
        return CannotConfigureError(gateway, [Problem(key="no_gateway", said=said)])
    points = held.points.get(gateway, ())
    sensors = {p.text("sensor") for p in points}
    try:
        content = content_of(
            Rows(
                gateway=found,
                points=points,
                sensors={i: row for i, row in held.sensors.items() if i in sensors},
                profiles=held.profiles,
            )
        )
    except CannotConfigureError as error:
        return error
    newest = newest_of(held.versions.get(gateway, ()))
    if newest is not None and newest.text("state") != "rolled_back":
        before = document_of(newest)
        if Content(sources=before.sources, profiles=before.profiles) == content:
            return None
    return ConfigurationDocument(
        version=newest.number("version") + 1 if newest is not None else 1,
        gateway=gateway,
        sources=content.sources,
        profiles=content.profiles,
        issued_ms=at_ms,
    )


def _fields(document: ConfigurationDocument) -> Mapping[str, object]:
    held = {
        "sources": document.sources,
        "profiles": dict(document.profiles),
        "issued_ms": document.issued_ms,
    }
    return {
        "id": configuration_id(document.gateway, document.version),
        "gateway": document.gateway,
        "version": document.version,
        "document": canonical_json(held),
        "sha256": document_hash(document).hex(),
        "state": "offered",
    }
