"""The registry over its database: asked once, then remembered until somebody changes it.

What a batch needs (whose key, which points) is read when it is first asked for and kept, so
that a hundred thousand gateways cost memory only for those that are heard. `refresh` forgets
what changed; it is called about once a second and costs one small query.

Keys that were superseded or revoked are answered too: what they signed in their time stays
valid, and what comes after a revocation is the archive's to refuse (it knows the order).
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import RowMapping, Select, bindparam, func, select

from device_registry.access.scope import Scope
from device_registry.kinds.catalogue import KINDS
from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from device_registry.serving.rows import (
    gateway_record,
    point_record,
    site_record,
    tenant_record,
)
from device_registry.store.audit import AuditEntry
from device_registry.store.engine import for_single_reads, reading
from device_registry.store.query import matching
from device_registry.store.store import RegistryStore
from device_registry.store.tables import TABLES
from evidence.keys import PublicKey

REMEMBERED: Final = 200_000
"""Entries kept of each sort; beyond it everything is forgotten, and asked for again."""
PAGE: Final = 5_000
PORTION: Final = 500
SIGNING: Final = ("active", "superseded", "revoked")
_BY_GATEWAY: Final = frozenset({"gateway", "key", "point"})
_BY_SITE: Final = frozenset({"organisation", "site", "region", "authority"})

V = TypeVar("V")


def _by_kid() -> Select[Any]:
    key, gateway = TABLES["key"], TABLES["gateway"]
    about = (gateway.c.id, gateway.c.site, gateway.c.heartbeat_s, gateway.c.state)
    return (
        select(*about, key.c.public)
        .join(gateway, gateway.c.id == key.c.gateway)
        .where(key.c.id == bindparam("kid"), key.c.valid_to_ms.is_(None))
        .where(gateway.c.valid_to_ms.is_(None), key.c.state.in_(SIGNING))
    )


_BY_KID: Final = _by_kid()
"""Made once: to make the question takes longer than to answer it."""


class _Changed(NamedTuple):
    """What differs from the revision before; of sites only that some do."""

    gateways: frozenset[str]
    points: frozenset[str]
    has_sites: bool


class StoredRegistry:
    """A `device_registry.registry.Registry`. Safe from several threads.

    `listeners` are told which gateways changed: none of them when it was something else.
    """

    def __init__(self, store: RegistryStore) -> None:
        self.store = store
        self.listeners: list[Callable[[frozenset[str]], None]] = []
        self._engine = for_single_reads(store.engine)
        self._lock = threading.Lock()
        self._revision = store.revision()
        self._forgotten = 0
        self._gateways: dict[str, GatewayRecord | None] = {}
        self._points_of: dict[str, tuple[PointRecord, ...]] = {}
        self._channels: dict[str, Mapping[int, PointRecord]] = {}
        self._points: dict[str, PointRecord | None] = {}
        self._sites: dict[str, SiteRecord | None] = {}

    def refresh(self) -> None:
        """Forget what was changed since the last time, and tell the listeners.

        When this or a listener fails, the next call tells everybody again.
        """
        newest = self.store.revision()
        if newest == self._revision:
            return
        changed = self._changed(self._revision)
        with self._lock:  # never while the database is asked: others wait for it
            self._forget(changed)
        for listener in self.listeners:
            listener(changed.gateways)
        self._revision = newest

    # -- the interface

    def tenant(self, tenant: str) -> TenantRecord | None:
        """Return the organisation with this id."""
        row = self._one("organisation", id=tenant)
        return None if row is None else tenant_record(row)

    def site(self, site: str) -> SiteRecord | None:
        """Return the site with this id."""
        return self._remembered(self._sites, site, self._read_site)

    def gateway(self, gateway: str) -> GatewayRecord | None:
        """Return the gateway with this id."""
        return self._remembered(self._gateways, gateway, self._read_gateway)

    def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
        """Return the gateway for which the key with this id signs or signed, and the key."""
        with reading(self._engine) as connection:
            row = connection.execute(_BY_KID, {"kid": kid.hex()}).mappings().first()
        if row is None:
            return None
        public = PublicKey.from_text(row["public"])
        return gateway_record(row, (public,)), public

    def point(self, gateway: str, channel: int) -> PointRecord | None:
        """Return what a channel of a gateway measures, or measured last.

        A point that moved to another gateway is still what the old channel measured: batches
        that come late, and rebuilds, need it.
        """
        return self._remembered(self._channels, gateway, self._read_channels).get(channel)

    def point_by_id(self, point: str) -> PointRecord | None:
        """Return the point with this id."""
        return self._remembered(self._points, point, self._read_point)

    def points_by_id(self, points: Sequence[str]) -> Mapping[str, PointRecord]:
        """Return those of many points that there are, by id; nothing of it is remembered."""
        found: dict[str, PointRecord] = {}
        for start in range(0, len(points), PORTION):
            rows = self._current("point", id=list(points[start : start + PORTION]))
            found |= {row["id"]: point_record(row) for row in rows}
        return found

    def former(self, point: str) -> Sequence[PointRecord]:
        """Return a point as it was on each channel that it had before, the last one first."""
        table = TABLES["point"]
        wanted = select(table).where(table.c.id == point).order_by(table.c.row_id.desc())
        versions = [point_record(row) for row in self._read(wanted)]
        places = {(v.gateway, v.channel): v for v in reversed(versions)}
        now = [(v.gateway, v.channel) for v in versions if not v.is_former]
        return [v for place, v in reversed(places.items()) if place not in now]

    @property
    def tenants(self) -> Sequence[TenantRecord]:
        """All organisations that hold sites."""
        return [tenant_record(row) for row in self._pages("organisation")]

    @property
    def sites(self) -> Sequence[SiteRecord]:
        """All sites."""
        return [site_record(row) for row in self._pages("site")]

    def sites_within(self, within: Sequence[Scope], limit: int) -> Sequence[SiteRecord]:
        """Return the sites that one of the scopes covers, by id, at most `limit`."""
        table = TABLES["site"]
        wanted = select(table).where(matching(KINDS["site"], None, within))
        return [
            site_record(row) for row in self._read(wanted.order_by(table.c.id).limit(limit))
        ]

    def site_count(self, within: Sequence[Scope]) -> int:
        """Return how many sites the scopes cover."""
        return self.store.count("site", within=within)

    @property
    def gateways(self) -> Iterable[GatewayRecord]:
        """All gateways, one after the other."""
        for rows in self._paged("gateway"):
            keys = self._keys_of([row["id"] for row in rows])
            for row in rows:
                yield gateway_record(row, tuple(keys.get(row["id"], ())))

    @property
    def gateway_count(self) -> int:
        """How many gateways there are."""
        table = TABLES["gateway"]
        wanted = select(func.count().label("n")).where(table.c.valid_to_ms.is_(None))
        return int(next(iter(self._read(wanted)))["n"])

    def gateways_of(self, site: str) -> Sequence[GatewayRecord]:
        """Return the gateways of a site."""
        rows = list(self._current("gateway", site=site))
        keys = self._keys_of([row["id"] for row in rows])
        return [gateway_record(row, tuple(keys.get(row["id"], ()))) for row in rows]

    def points(self, site: str) -> Sequence[PointRecord]:
        """Return the points of a site."""
        return [point_record(row) for row in self._current("point", site=site)]

    def points_of(self, gateway: str) -> Sequence[PointRecord]:
        """Return the points of a gateway."""
        return self._remembered(self._points_of, gateway, self._read_points)

    # -- reading

    def _read_site(self, site: str) -> SiteRecord | None:
        row = self._one("site", id=site)
        return None if row is None else site_record(row)

    def _read_gateway(self, gateway: str) -> GatewayRecord | None:
        row = self._one("gateway", id=gateway)
        keys = self._keys_of([gateway])
        return None if row is None else gateway_record(row, tuple(keys.get(gateway, ())))

    def _read_point(self, point: str) -> PointRecord | None:
        row = self._one("point", id=point)
        return None if row is None else point_record(row)

    def _read_points(self, gateway: str) -> tuple[PointRecord, ...]:
        return tuple(point_record(row) for row in self._current("point", gateway=gateway))

    def _read_channels(self, gateway: str) -> Mapping[int, PointRecord]:
        """Return every channel's point: the one in use, else the last one."""
        point = TABLES["point"]
        wanted = select(point).where(point.c.gateway == gateway)
        wanted = wanted.order_by(point.c.valid_from_ms, point.c.row_id)
        versions = [point_record(row) for row in self._read(wanted)]
        versions.sort(key=lambda now: not now.is_former and now.state != "retired")
        return {version.channel: version for version in versions}

    def _keys_of(self, gateways: Sequence[str]) -> dict[str, list[PublicKey]]:
        key = TABLES["key"]
        wanted = (
            select(key.c.gateway, key.c.public)
            .where(key.c.gateway.in_(gateways), key.c.valid_to_ms.is_(None))
            .where(key.c.state.in_(SIGNING))
            .order_by(key.c.id)
        )
        found: dict[str, list[PublicKey]] = {}
        for row in self._read(wanted):
            found.setdefault(row["gateway"], []).append(PublicKey.from_text(row["public"]))
        return found

    def _one(self, kind: str, **where: object) -> RowMapping | None:
        return next(iter(self._current(kind, **where)), None)

    def _current(self, kind: str, **where: object) -> Sequence[RowMapping]:
        table = TABLES[kind]
        wanted = select(table).where(table.c.valid_to_ms.is_(None)).order_by(table.c.id)
        for name, value in where.items():
            column = table.c[name]
            wanted = wanted.where(
                column.in_(value) if isinstance(value, list) else column == value
            )
        return self._read(wanted)

    def _pages(self, kind: str) -> Iterator[RowMapping]:
        for page in self._paged(kind):
            yield from page

    def _paged(self, kind: str) -> Iterator[Sequence[RowMapping]]:
        table, after = TABLES[kind], ""
        while True:
            page = self._read(
                select(table)
                .where(table.c.valid_to_ms.is_(None), table.c.id > after)
                .order_by(table.c.id)
                .limit(PAGE)
            )
            if not page:
                return
            yield page
            after = page[-1]["id"]

    def _read(self, wanted: Select[Any]) -> Sequence[RowMapping]:
        with reading(self._engine) as connection:
            return connection.execute(wanted).mappings().all()

    # -- remembering

    def _remembered(self, kept: dict[str, V], key: str, read: Callable[[str], V]) -> V:
        try:
            return kept[key]
        except KeyError:
            pass
        forgotten = self._forgotten
        value = read(key)
        with self._lock:
            if len(kept) >= REMEMBERED:
                kept.clear()
            # An answer from before a change must not outlive it.
            if forgotten == self._forgotten:
                kept[key] = value
        return value

    def _changed(self, after_seq: int) -> _Changed:
        """Return what entries of the audit trail since then are about."""
        gateways: set[str] = set()
        points: set[str] = set()
        has_sites = False
        while entries := self.store.audit(after_seq=after_seq, limit=1000):
            for entry in entries:
                after_seq = entry.seq
                has_sites = has_sites or entry.kind in _BY_SITE
                if entry.kind == "point":
                    points.add(entry.id)
                if entry.kind in _BY_GATEWAY:
                    gateways.update(self._gateways_in(entry))
        return _Changed(frozenset(gateways), frozenset(points), has_sites)

    def _gateways_in(self, entry: AuditEntry) -> Iterator[str]:
        if entry.kind == "gateway":
            yield entry.id
            return
        named = [v["gateway"] for v in (entry.old, entry.new) if v and v.get("gateway")]
        if named:
            yield from map(str, named)
            return
        # The trail tells what differs: the gateway stayed the same.
        table = TABLES[entry.kind]
        wanted = select(table.c.gateway).where(table.c.id == entry.id).distinct()
        yield from (row["gateway"] for row in self._read(wanted))

    def _forget(self, changed: _Changed) -> None:
        self._forgotten += 1
        if changed.has_sites:
            self._sites.clear()
        for point in changed.points:
            self._points.pop(point, None)
        for gateway in changed.gateways:
            for kept in (self._gateways, self._points_of, self._channels):
                kept.pop(gateway, None)
