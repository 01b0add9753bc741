"""A registry that never changes, in memory: the `Registry` over records."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from device_registry.access.scope import Scope
from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from evidence.keys import PublicKey

T = TypeVar("T")


class FixedRegistry:
    """Answers by id in constant time; built from records that agree with each other."""

    __slots__ = (
        "_by_channel",
        "_by_kid",
        "_gateways",
        "_gateways_of",
        "_points",
        "_points_at",
        "_points_of",
        "_sites",
        "_tenants",
    )

    def __init__(
        self,
        tenants: Iterable[TenantRecord] = (),
        sites: Iterable[SiteRecord] = (),
        gateways: Iterable[GatewayRecord] = (),
        points: Iterable[PointRecord] = (),
    ) -> None:
        """Index the records; the caller has made sure that ids are unique and exist."""
        self._tenants = MappingProxyType({t.id: t for t in tenants})
        self._sites = MappingProxyType({s.id: s for s in sites})
        self._gateways = MappingProxyType({g.id: g for g in gateways})
        self._points = MappingProxyType({p.id: p for p in points})
        self._by_channel = {(p.gateway, p.channel): p for p in self._points.values()}
        self._gateways_of = _grouped(self._gateways.values(), lambda g: g.site)
        self._points_at = _grouped(self._points.values(), lambda p: p.site)
        self._points_of = _grouped(self._points.values(), lambda p: p.gateway)
        self._by_kid = {k.kid: (g, k) for g in self._gateways.values() for k in g.keys}

    def tenant(self, tenant: str) -> TenantRecord | None:
        """Return the tenant with this id."""
        return self._tenants.get(tenant)

    def site(self, site: str) -> SiteRecord | None:
        """Return the site with this id."""
        return self._sites.get(site)

    def gateway(self, gateway: str) -> GatewayRecord | None:
        """Return the gateway with this id."""
        return self._gateways.get(gateway)

    def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
        """Return the gateway for which the key with this id signs, and the key."""
        return self._by_kid.get(kid)

    def point(self, gateway: str, channel: int) -> PointRecord | None:
        """Return what a channel of a gateway measures."""
        return self._by_channel.get((gateway, channel))

    def point_by_id(self, point: str) -> PointRecord | None:
        """Return the point with this id."""
        return self._points.get(point)

    def points_by_id(self, points: Sequence[str]) -> Mapping[str, PointRecord]:
        """Return those of many points that there are, by id."""
        found = ((point, self.point_by_id(point)) for point in points)
        return {point: record for point, record in found if record is not None}

    def former(self, point: str) -> Sequence[PointRecord]:  # noqa: ARG002 - nothing changes
        """Return nothing: every point has the channel that it always had."""
        return ()

    @property
    def tenants(self) -> tuple[TenantRecord, ...]:
        """All tenants, in the order of the file."""
        return tuple(self._tenants.values())

    @property
    def sites(self) -> tuple[SiteRecord, ...]:
        """All sites, in the order of the file."""
        return tuple(self._sites.values())

    def sites_within(self, within: Sequence[Scope], limit: int) -> Sequence[SiteRecord]:
        """Return the sites that one of the scopes covers, by id, at most `limit`."""
        return self._within(within)[:limit]

    def site_count(self, within: Sequence[Scope]) -> int:
        """Return how many sites the scopes cover."""
        return len(self._within(within))

    def _within(self, within: Sequence[Scope]) -> list[SiteRecord]:
        return [
            site
            for site in sorted(self._sites.values(), key=lambda site: site.id)
            if any(scope.covers(site.subject) for scope in within)
        ]

    @property
    def gateways(self) -> tuple[GatewayRecord, ...]:
        """All gateways, in the order of the file."""
        return tuple(self._gateways.values())

    @property
    def gateway_count(self) -> int:
        """How many gateways there are."""
        return len(self._gateways)

    def gateways_of(self, site: str) -> tuple[GatewayRecord, ...]:
        """Return the gateways of a site."""
        return self._gateways_of.get(site, ())

    def points(self, site: str) -> tuple[PointRecord, ...]:
        """Return the points of a site, in the order of the file."""
        return self._points_at.get(site, ())

    def points_of(self, gateway: str) -> tuple[PointRecord, ...]:
        """Return the points of a gateway, in the order of the file."""
        return self._points_of.get(gateway, ())


def _grouped(records: Iterable[T], by: Callable[[T], str]) -> dict[str, tuple[T, ...]]:
    groups: dict[str, list[T]] = {}
    for record in records:
        groups.setdefault(by(record), []).append(record)
    return {key: tuple(group) for key, group in groups.items()}
