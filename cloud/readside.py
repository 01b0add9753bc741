"""The read side: projections behind the archive, and the pages over them.

Made by `cloud.compose`. Every projection has a thread of its own; one that is down delays only
itself. The sequencer's commit groups come in through `offer`.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastapi import APIRouter

from cloud.config import TimeSeriesConfig
from cloud.core import Core, wall_ms
from cloud.pages.alarm_views import alarm_view
from cloud.pages.archive_evidence import ArchiveEvidence, LogKey
from cloud.pages.batch_times import BatchTimes
from cloud.pages.projected import ProjectedPages, Sources
from cloud.pages.routes import pages_router
from cloud.pages.viewers import Viewers
from cloud.pages.views import Latest, Link, Standing
from cloud.plausibility.watching import PlausibilityWatch
from cloud.projections.alarms.engine import AlarmPolicy
from cloud.projections.alarms.projection import AlarmProjection, UnknownAlarmError
from cloud.projections.feed import CommitGroup
from cloud.projections.latest import LatestProjection
from cloud.projections.live import LiveProjection
from cloud.projections.runner import Projection, Runner
from cloud.projections.series import SeriesIndex
from cloud.projections.state_file import drop_futures
from cloud.projections.timeseries.projection import TimeSeriesProjection
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import TimeSeriesStore
from cloud.projections.traffic import TrafficProjection
from cloud.projections.webhook import WebhookSender
from cloud.projections.webhook_queue import WebhookQueue, address_of
from cloud.registry_pages.sources import GatewayNow, Newest
from dashboards.models import AlarmView, ChangedUpdate, LiveUpdate

_log = logging.getLogger(__name__)

TIMESERIES_FILE = "timeseries.db"
PACK_AFTER_MS = 3 * 86_400_000  # late data mostly comes within a weekend
PACK_DAYS_AT_ONCE = 500  # (series, day) an hour: a few seconds of work


class Closable(Projection, Protocol):
    """A projection with a file of its own."""

    def close(self) -> None:
        """Let go of it."""


def open_store(config: TimeSeriesConfig, folder: Path) -> TimeSeriesStore:
    """Return the store that the configuration names; nothing is asked of a server yet."""
    if config.kind == "sqlite":
        return SqliteStore(folder / "timeseries")
    # The client's library takes longer to load than everything else of a small installation.
    from cloud.projections.timeseries.influx import InfluxStore  # noqa: PLC0415
    from cloud.projections.timeseries.line_writer import Endpoint  # noqa: PLC0415
    from cloud.projections.timeseries.victoria import VictoriaStore  # noqa: PLC0415

    endpoint = Endpoint(
        url=config.url, database=config.database, user=config.user, password=config.password
    )
    return InfluxStore(endpoint) if config.kind == "influx" else VictoriaStore(endpoint)


def open_alarms(core: Core, series: SeriesIndex, folder: Path) -> AlarmProjection:
    """Return the alarm projection of a running server."""
    policy = core.config.policy
    return AlarmProjection(
        folder / "alarms.db",
        series,
        core.sequencer.record,
        core.reader.next_index,
        AlarmPolicy(silent_periods=policy.silent_periods, backup_every_h=policy.backup_every_h),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The projections, each with what it is asked for."""

    store: TimeSeriesStore
    timeseries: TimeSeriesProjection
    alarms: AlarmProjection
    latest: LatestProjection
    traffic: TrafficProjection
    times: BatchTimes
    webhooks: WebhookQueue

    def all(self) -> Sequence[Closable]:
        """Return every projection."""
        kept = (self.timeseries, self.alarms, self.latest, self.traffic, self.times)
        return (*kept, self.webhooks)


class ReadSide:
    """See the module."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._viewers = Viewers()
        series = SeriesIndex(core.registry)
        core.registry.listeners.append(series.forget)
        self._parts = _open_parts(core, series, self._wake)
        self._senders = _senders(core, self._parts.webhooks)
        self._watch = PlausibilityWatch(
            core.registry, self._parts.store, core.sequencer.report, wall_ms
        )
        live = LiveProjection(
            series, core.reader.next_index, self._publish, lambda: bool(self._viewers.count)
        )
        followers: Sequence[Projection] = (*self._parts.all(), live)
        self._runners = [Runner(projection, core.reader) for projection in followers]
        self._seen: object = None
        self._pages = ProjectedPages(
            Sources(
                registry=core.registry,
                standing=self.standing,
                store=self._parts.store,
                evidence=self._evidence(),
                viewers=self._viewers,
                acknowledge=self._acknowledge,
            ),
            wall_ms,
        )

    @property
    def router(self) -> APIRouter:
        """Return the pages."""
        return pages_router(self._pages, wall_ms)

    def start(self) -> None:
        """Begin to follow the archive."""
        self._core.sequencer.listeners.append(self.offer)
        for runner in self._runners:
            runner.start()
        for sender in self._senders:
            sender.start()
        self._watch.start()

    def stop(self) -> None:
        """Finish what is being applied, and let go of the files."""
        self._watch.stop()
        for sender in self._senders:
            sender.stop()
        for runner in self._runners:
            runner.stop()
        for projection in self._parts.all():
            with closing(projection):
                pass

    def offer(self, group: CommitGroup) -> None:
        """Hand a commit group to every projection; never blocks."""
        for runner in self._runners:
            runner.offer(group)
        if not group.records:  # about once a second: have alarms, links or counts changed?
            self._tell_if_changed()

    def standing(self) -> Standing:
        """Return how everything stands now."""
        alarms, registry = self._parts.alarms, self._core.registry
        return Standing(
            now_ms=wall_ms(),
            latest={
                name: Latest(value=newest.value, at_ms=newest.at_ms, exp=newest.exp)
                for name, newest in self._parts.latest.all().items()
            },
            links={
                name: Link(
                    heard_ms=h.at_ms or None,
                    is_silent=alarms.is_silent(name),
                    backlog=h.backlog,
                    batches=h.batches,
                    readings=h.readings,
                    lost=h.lost,
                    duplicates=self._core.sequencer.duplicates[name],
                    refused=self._core.quarantine.by_gateway[name],
                )
                for name, h in self._parts.traffic.gateways.copy().items()
            },
            alarms=[alarm_view(a, registry) for a in alarms.open_alarms()],
        )

    def newest(self, point: str) -> Newest | None:
        """Return a point's newest reading, for the technician's checks."""
        found = self._parts.latest.all().get(point)
        if found is None:
            return None
        return Newest(value=found.value, at_ms=found.at_ms, decimals=max(-found.exp, 0))

    def gateway_now(self, gateway: str) -> GatewayNow:
        """Return what was seen of a gateway, for the technician's checks."""
        heard = self._parts.traffic.gateways.get(gateway)
        if heard is None:
            return GatewayNow()
        return GatewayNow(
            heard_ms=heard.at_ms or None,
            clock_offset_ms=heard.clock_offset_ms,
            power_lost_ms=heard.power_lost_ms,
            software=heard.software,
        )

    def open_alarms_at(self, sites: Collection[str]) -> Sequence[AlarmView]:
        """Return the alarms of some sites that are not cleared."""
        registry = self._core.registry
        shown = (alarm_view(a, registry) for a in self._parts.alarms.open_alarms())
        return [alarm for alarm in shown if alarm.site in sites]

    def open_alarms_of(self, site: str) -> tuple[AlarmView, ...]:
        """Return the alarms of a site that are not cleared."""
        return tuple(self.open_alarms_at({site}))

    def status(self) -> Mapping[str, object]:
        """Return the server in numbers, for scripts and for people in a hurry."""
        counts, core = self._parts.traffic.counts, self._core
        return {
            "records": core.reader.next_index,
            "batches": counts["batches"],
            "readings": counts["readings"],
            "lost": counts["lost"],
            "duplicates_refused": core.sequencer.counts["duplicates"],
            "refused": sum(core.quarantine.counts.values()),
            "alarms": len(self._parts.alarms.open_alarms()),
            "fault": core.sequencer.fault or core.registry_log.fault,
            "webhooks": self._parts.webhooks.counts(),
            "projections": {
                p.name: {
                    "cursor": p.cursor,
                    "state": p.state,
                    "failures": p.failures,
                    "error": p.error,
                }
                for p in (runner.progress for runner in self._runners)
            },
        }

    def _acknowledge(self, alarm: str, who: str, at_ms: int) -> None:
        with suppress(UnknownAlarmError):  # somebody was faster, or it has cleared
            self._parts.alarms.acknowledge(alarm, who, at_ms)

    def _evidence(self) -> ArchiveEvidence:
        keys = self._core.keys
        key = LogKey(signer=keys.log, public=keys.log.public, now_s=lambda: wall_ms() // 1000)
        return ArchiveEvidence(self._core.stream, self._parts.times, self._core.registry, key)

    def _wake(self) -> None:
        for sender in self._senders:
            sender.wake()

    def _publish(self, update: LiveUpdate) -> None:
        if isinstance(update, ChangedUpdate):
            self._pages.changed()
        else:
            self._viewers.publish(update)

    def _tell_if_changed(self) -> None:
        if not self._viewers.count:
            return
        seen = (dict(self._parts.traffic.counts), self._core.sequencer.counts["duplicates"])
        if seen != self._seen:
            self._seen = seen
            self._pages.changed()


def _open_parts(core: Core, series: SeriesIndex, woken: Callable[[], None]) -> Parts:
    folder = core.config.state_dir / "projections"
    if dropped := drop_futures(folder, core.reader.next_index):
        _log.warning("the archive has lost its end; made anew: %s", ", ".join(dropped))
    store = open_store(core.config.timeseries, folder)
    return Parts(
        store=store,
        timeseries=open_timeseries(core, store, series, folder),
        alarms=open_alarms(core, series, folder),
        latest=LatestProjection(folder / "latest.db", series),
        traffic=TrafficProjection(folder / "traffic.db"),
        times=BatchTimes(folder / "batch-times.db"),
        webhooks=WebhookQueue(
            folder / "webhook.db",
            [address_of(url) for url in core.config.webhook_urls],
            core.reader.next_index,
            woken,
        ),
    )


def _senders(core: Core, queue: WebhookQueue) -> list[WebhookSender]:
    return [
        WebhookSender(url, queue, core.sequencer.record, wall_ms)
        for url in core.config.webhook_urls
    ]


def open_timeseries(
    core: Core, store: TimeSeriesStore, series: SeriesIndex, folder: Path
) -> TimeSeriesProjection:
    """Return the projection into `store`; the embedded one packs its closed days at leisure."""
    file = folder / TIMESERIES_FILE
    if isinstance(store, SqliteStore):
        return TimeSeriesProjection(
            file, store, series, core.reader, lambda now_ms: _pack(store, now_ms)
        )
    return TimeSeriesProjection(file, store, series, core.reader)


def _pack(store: SqliteStore, now_ms: int) -> None:
    store.seal(now_ms - PACK_AFTER_MS, PACK_DAYS_AT_ONCE)
