"""The pages' source over the projections: what `cloud.compose` puts behind the routes.

Thin: keeps a fresh overview for a moment, asks the time series store, and brings the evidence
of a reading together. Everything it needs is handed in.
"""

import threading
from asyncio import Queue
from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Protocol, TypeVar

from cloud.pages.proofs import Pinned, ProofEvidence, proof_view
from cloud.pages.source import ALARMS_SHOWN, SITES_SHOWN
from cloud.pages.viewers import Viewers
from cloud.pages.views import Standing, alarms_within, overview
from cloud.projections.timeseries.store import Buckets, SeriesKey, TimeSeriesStore
from dashboards.models import AlarmView, ChangedUpdate, LiveUpdate, Overview, ProofView, Series
from device_registry.access.scope import EVERYWHERE, Scope, Subject
from device_registry.records import SiteRecord
from device_registry.registry import Registry

KEPT_MS: Final = 500
"""How long one look serves every page: many pages refresh at the same event."""
RAW_READINGS: Final = 100_000
"""More than a week at 10 s: up to it a chart is drawn from every reading."""

K = TypeVar("K", bound=Hashable)


class EvidenceFinder(Protocol):
    """Finds what proves a reading; called from worker threads."""

    def find(
        self, gateway: str, channel: int, t_ms: int
    ) -> tuple[ProofEvidence, Pinned] | None:
        """Return the archived batch with the newest reading of a channel at or before `t_ms`.

        None while no checkpoint covers it. Raises UnavailableError when it cannot be read now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the pages read."""

    registry: Registry
    standing: Callable[[], Standing]
    """How everything stands now; may be called from any thread."""
    store: TimeSeriesStore
    evidence: EvidenceFinder
    viewers: Viewers
    acknowledge: Callable[[str, str, int], None]
    """Records that an account has seen an alarm, if it still waits for that."""


class ProjectedPages:
    """A `PageSource` over the projections. Safe from several threads."""

    def __init__(self, sources: Sources, now_ms: Callable[[], int]) -> None:
        self._sources = sources
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._kept: dict[Hashable, Overview] = {}
        self._standing: Standing | None = None

    def overview(self, within: Sequence[Scope]) -> Overview:
        """Return the sites within some scopes as they stood at most `KEPT_MS` ago."""
        return self._shown(tuple(within), self._within)

    def site(self, site: str) -> Overview:
        """Return one site as it stood at most `KEPT_MS` ago."""
        return self._shown(site, self._one)

    def belongs(self, site: str) -> Subject | None:
        """Return where a site belongs, for who may do what there."""
        record = self._sources.registry.site(site)
        return None if record is None else record.subject

    def acknowledge(self, alarm: str, who: str, at_ms: int) -> None:
        """Record that an account has seen an alarm; it counts once the archive has it."""
        self._sources.acknowledge(alarm, who, at_ms)

    def site_of(self, point: str) -> str:
        """Return the site of a point, empty when there is no such point."""
        record = self._sources.registry.point_by_id(point)
        return record.site if record else ""

    def changed(self) -> None:
        """Tell the open pages that alarms, links or counts are not what they were."""
        with self._lock:
            self._forget()
        self._sources.viewers.publish(ChangedUpdate())

    def _shown(self, what: K, look: Callable[[K, Standing], Overview]) -> Overview:
        with self._lock:
            standing, now_ms = self._standing, self._now_ms()
            if standing is None or not 0 <= now_ms - standing.now_ms <= KEPT_MS:
                self._forget()
                standing = self._standing = self._sources.standing()
            kept = self._kept.get(what)
            if kept is None:
                kept = self._kept[what] = look(what, standing)
            return kept

    def _forget(self) -> None:
        self._kept.clear()
        self._standing = None

    def _within(self, within: tuple[Scope, ...], standing: Standing) -> Overview:
        registry = self._sources.registry
        alarms = alarms_within(registry, standing.alarms, within)
        sites = registry.sites_within(within, SITES_SHOWN)
        more = 0
        if len(sites) == SITES_SHOWN:
            more = registry.site_count(within) - SITES_SHOWN
            sites = self._with_alarms_first(sites, alarms)
        shown = overview(registry, standing, sites, alarms[:ALARMS_SHOWN])
        return replace(shown, more=more, more_alarms=max(len(alarms) - ALARMS_SHOWN, 0))

    def _with_alarms_first(
        self, sites: Sequence[SiteRecord], alarms: Sequence[AlarmView]
    ) -> list[SiteRecord]:
        """Return as many sites, those with the most urgent alarms before the others."""
        names = islice(dict.fromkeys(alarm.site for alarm in alarms if alarm.site), len(sites))
        found = map(self._sources.registry.site, names)
        first = {site.id: site for site in found if site is not None}
        return list((first | {site.id: site for site in sites}).values())[: len(sites)]

    def _one(self, site: str, standing: Standing) -> Overview:
        record = self._sources.registry.site(site)
        alarms = alarms_within(self._sources.registry, standing.alarms, (EVERYWHERE,))
        return overview(
            self._sources.registry,
            standing,
            () if record is None else (record,),
            [alarm for alarm in alarms if alarm.site and alarm.site == site],
        )

    def series(self, point: str, t0_ms: int, t1_ms: int, max_points: int) -> Series:
        """Return a point's readings; lowest and highest of each interval when too many."""
        record = self._sources.registry.point_by_id(point)
        if record is None:
            return Series(times=(), values=())
        key = SeriesKey(record.site, record.id, record.quantity.value)
        span = self._sources.store.range(key, t0_ms, t1_ms, RAW_READINGS + 1)
        if len(span) <= RAW_READINGS:
            return Series(times=span.ts.tolist(), values=span.value.tolist())
        step_ms = max((t1_ms - t0_ms) * 2 // max_points, 1)
        return _of_buckets(self._sources.store.buckets(key, t0_ms, t1_ms, step_ms), step_ms)

    def proof(self, point: str, t_ms: int) -> ProofView | None:
        """Return the proof of the newest reading of a point at or before `t_ms`."""
        record = self._sources.registry.point_by_id(point)
        if record is None:
            return None
        # A probe that was replaced told the point on another channel, maybe of another gateway.
        for held in (record, *self._sources.registry.former(point)):
            found = self._sources.evidence.find(held.gateway, held.channel, t_ms)
            if found is not None:
                return proof_view(*found, held.channel, t_ms)
        return None

    def subscribe(self) -> AbstractContextManager[Queue[LiveUpdate | None]]:
        """Return a queue of what changes from now on."""
        return self._sources.viewers.subscribe()


def _of_buckets(buckets: Buckets, step_ms: int) -> Series:
    """Return lowest and highest of each interval, a quarter and three quarters into it."""
    times: list[int] = []
    values: list[float | None] = []
    rows = zip(
        buckets.start_ms.tolist(), buckets.low.tolist(), buckets.high.tolist(), strict=True
    )
    for start_ms, low, high in rows:
        times += (start_ms + step_ms // 4, start_ms + step_ms * 3 // 4)
        values += (low, high)
    return Series(times=times, values=values)
