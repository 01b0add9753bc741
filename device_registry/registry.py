"""The registry as its readers see it.

Used by ingest (whose key is this), by projections (which point is this channel) and by pages.
`device_registry.serving` answers from the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from device_registry.access.scope import Scope
from device_registry.records import GatewayRecord, PointRecord, SiteRecord, TenantRecord
from evidence.keys import PublicKey


class Registry(Protocol):
    """Who has which site, gateway, key and point, now. Safe from several threads."""

    def tenant(self, tenant: str) -> TenantRecord | None:
        """Return the organisation with this id."""
        ...

    def site(self, site: str) -> SiteRecord | None:
        """Return the site with this id."""
        ...

    def gateway(self, gateway: str) -> GatewayRecord | None:
        """Return the gateway with this id."""
        ...

    def gateway_by_kid(self, kid: bytes) -> tuple[GatewayRecord, PublicKey] | None:
        """Return the gateway for which the key with this id signs, and the key."""
        ...

    def point(self, gateway: str, channel: int) -> PointRecord | None:
        """Return what a channel of a gateway measures, or measured last."""
        ...

    def point_by_id(self, point: str) -> PointRecord | None:
        """Return the point with this id."""
        ...

    def points_by_id(self, points: Sequence[str]) -> Mapping[str, PointRecord]:
        """Return those of many points that there are, by id."""
        ...

    def former(self, point: str) -> Sequence[PointRecord]:
        """Return a point as it was on each channel that it had before, the last one first."""
        ...

    @property
    def tenants(self) -> Sequence[TenantRecord]:
        """All organisations that hold sites."""
        ...

    @property
    def sites(self) -> Sequence[SiteRecord]:
        """All sites."""
        ...

    def sites_within(self, within: Sequence[Scope], limit: int) -> Sequence[SiteRecord]:
        """Return the sites that one of the scopes covers, by id, at most `limit`."""
        ...

    def site_count(self, within: Sequence[Scope]) -> int:
        """Return how many sites the scopes cover."""
        ...

    @property
    def gateways(self) -> Iterable[GatewayRecord]:
        """All gateways, one after the other: there may be a hundred thousand."""
        ...

    @property
    def gateway_count(self) -> int:
        """How many gateways there are."""
        ...

    def gateways_of(self, site: str) -> Sequence[GatewayRecord]:
        """Return the gateways of a site."""
        ...

    def points(self, site: str) -> Sequence[PointRecord]:
        """Return the points of a site."""
        ...

    def points_of(self, gateway: str) -> Sequence[PointRecord]:
        """Return the points of a gateway."""
        ...
