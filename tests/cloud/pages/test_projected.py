"""The pages' source over a store, the state of the projections and the archive."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from cloud.pages import projected
from cloud.pages.projected import KEPT_MS, ProjectedPages, Sources
from cloud.pages.proofs import Pinned, ProofEvidence
from cloud.pages.source import ALARMS_SHOWN, SITES_SHOWN
from cloud.pages.viewers import Viewers
from cloud.pages.views import Latest, Standing
from cloud.projections.timeseries.reduce import in_buckets
from cloud.projections.timeseries.store import Buckets, SeriesKey, Span
from dashboards.models import AlarmKind, AlarmView, ChangedUpdate, Name
from device_registry.access.scope import EVERYWHERE, Scope, Subject
from device_registry.records import PointRecord, SiteRecord, TenantRecord
from device_registry.registry import Registry
from domain.alarms.state import AlarmState
from domain.rules.model import Severity
from tests.cloud.pages.test_proofs import PINNED, T0_MS, evidence
from tests.support.fixed_registry import FixedRegistry
from tests.support.small_registry import REGISTRY


@pytest.fixture
def registry() -> Registry:
    return REGISTRY


class FakeStore:
    """Readings of one series; the rest of the port is not what pages use."""

    def __init__(self, key: SeriesKey, readings: int) -> None:
        self._key = key
        ts = np.arange(readings, dtype=np.int64) * 10_000
        self._span = Span(
            ts=ts, value=ts % 70_000 / 10_000, q=np.zeros(readings, dtype=np.uint8)
        )

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        assert key == self._key
        kept = np.flatnonzero((self._span.ts >= t0_ms) & (self._span.ts < t1_ms))[:limit]
        return Span(ts=self._span.ts[kept], value=self._span.value[kept], q=self._span.q[kept])

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        return in_buckets(self.range(key, t0_ms, t1_ms, len(self._span)), step_ms)


class FakeEvidence:
    """One batch, of channel 1."""

    def find(
        self, gateway: str, channel: int, t_ms: int
    ) -> tuple[ProofEvidence, Pinned] | None:
        is_known = gateway == "gw-chs-001" and channel == 1 and t_ms >= T0_MS
        return (evidence(), PINNED) if is_known else None


class Clock:
    now_ms = 50_000

    def __call__(self) -> int:
        return self.now_ms


def pages(
    registry: Registry,
    clock: Clock,
    readings: int = 0,
    value: Callable[[], float] = lambda: 5.0,
    alarms: Sequence[AlarmView] = (),
    acknowledged: list[tuple[str, str, int]] | None = None,
) -> ProjectedPages:
    key = SeriesKey("chs-001", "fridge-1-t", "temperature")
    seen_by = [] if acknowledged is None else acknowledged
    sources = Sources(
        registry=registry,
        standing=lambda: Standing(
            now_ms=clock(),
            latest={"fridge-1-t": Latest(value=value(), at_ms=clock(), exp=-1)},
            links={},
            alarms=alarms,
        ),
        store=FakeStore(key, readings),  # type: ignore[arg-type]
        evidence=FakeEvidence(),
        viewers=Viewers(),
        acknowledge=lambda *seen: seen_by.append(seen),
    )
    return ProjectedPages(sources, clock)


def test_an_overview_is_kept_for_a_moment_and_not_longer(registry: Registry) -> None:
    clock = Clock()
    values = iter([5.0, 6.0, 7.0])
    source = pages(registry, clock, value=lambda: next(values))

    def shown() -> float | None:
        return source.overview([EVERYWHERE]).sites[0].points[0].value

    assert [shown(), shown()] == [5.0, 5.0]
    clock.now_ms += KEPT_MS + 1
    assert shown() == 6.0
    clock.now_ms -= 10 * KEPT_MS
    assert shown() == 7.0, "a clock set back never freezes the page"


async def test_after_a_change_no_page_is_shown_an_old_overview(registry: Registry) -> None:
    values = iter([5.0, 6.0])
    source = pages(registry, Clock(), value=lambda: next(values))
    source.overview([EVERYWHERE])
    with source.subscribe() as queue:
        source.changed()
        assert await queue.get() == ChangedUpdate()
    assert source.overview([EVERYWHERE]).sites[0].points[0].value == 6.0


def test_a_series_is_every_reading_of_the_point_in_the_period(registry: Registry) -> None:
    shown = pages(registry, Clock(), readings=100).series("fridge-1-t", 20_000, 50_000, 10)
    assert list(shown.times) == [20_000, 30_000, 40_000]
    assert list(shown.values) == [2.0, 3.0, 4.0]


def test_when_there_are_too_many_readings_lowest_and_highest_are_shown(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projected, "RAW_READINGS", 500)
    shown = pages(registry, Clock(), readings=1000).series("fridge-1-t", 0, 10_000_000, 100)
    assert len(shown.times) == 100
    assert list(shown.times) == sorted(shown.times)
    assert {v for v in shown.values if v is not None} == {0.0, 6.0}


def test_a_proof_is_that_of_the_points_channel(registry: Registry) -> None:
    source = pages(registry, Clock())
    found = source.proof("fridge-1-t", T0_MS + 15_000)
    assert found is not None
    assert found.value == 5.21
    assert source.proof("fridge-1-t", T0_MS - 1) is None
    assert source.proof("fridge-1-compressor", T0_MS) is None


class Replaced(FixedRegistry):
    """The probe of channel 1 was replaced: the point is on channel 9 now."""

    def point_by_id(self, point: str) -> PointRecord | None:
        found = REGISTRY.point_by_id(point)
        return replace(found, channel=9) if found else None

    def former(self, point: str) -> Sequence[PointRecord]:
        found = REGISTRY.point_by_id(point)
        return [replace(found, is_former=True)] if found else []


def test_what_the_probe_before_told_is_proven_under_its_own_channel() -> None:
    registry = Replaced(tenants=[], sites=[], gateways=[], points=[])
    view = pages(registry, Clock()).proof("fridge-1-t", T0_MS)
    plain = pages(REGISTRY, Clock()).proof("fridge-1-t", T0_MS)
    assert view is not None
    assert view == plain
    assert pages(registry, Clock()).proof("fridge-1-t", T0_MS - 1) is None


def test_an_unregistered_point_has_neither_readings_nor_proof(registry: Registry) -> None:
    source = pages(registry, Clock())
    assert source.series("nope", 0, 10, 10).times == ()
    assert source.proof("nope", T0_MS) is None


def shops(count: int, of_chs: int) -> Registry:
    """Return shops in order of their ids: some of one firm, the rest of another."""
    sites = [
        SiteRecord(
            id=f"s-{number:03}",
            tenant="chs" if number < of_chs else "ynk",
            name_zh="店",
            name_en="Shop",
            timezone="UTC",
            subject=Subject(org_path="chs" if number < of_chs else "ynk"),
        )
        for number in range(count)
    ]
    names = ("chs", "ynk")
    tenants = [TenantRecord(id=name, name_zh=name, name_en=name) for name in names]
    return FixedRegistry(tenants=tenants, sites=sites, gateways=[], points=[])


def alarm(site: str, since_ms: int = 0) -> AlarmView:
    return AlarmView(
        kind=AlarmKind.SILENT,
        state=AlarmState.UNACKNOWLEDGED,
        severity=Severity.ALARM,
        since_ms=since_ms,
        site=site,
        site_name=Name(zh="", en=""),
    )


def test_an_acknowledgement_is_passed_on_and_a_site_says_where_it_belongs() -> None:
    seen: list[tuple[str, str, int]] = []
    source = pages(shops(1, of_chs=1), Clock(), acknowledged=seen)
    source.acknowledge("a1", "li", 5)
    assert seen == [("a1", "li", 5)]
    assert source.belongs("s-000") == Subject(org_path="chs")
    assert source.belongs("x") is None


def test_what_the_first_page_leaves_out_is_counted() -> None:
    registry = shops(80, of_chs=70)

    def shown(*within: Scope) -> tuple[int, int]:
        found = pages(registry, Clock()).overview(within)
        return len(found.sites), found.more

    assert shown(EVERYWHERE) == (SITES_SHOWN, 20)
    assert shown(Scope(organisation="chs")) == (SITES_SHOWN, 10), "nothing of the others"
    assert shown(Scope(organisation="ynk")) == (10, 0)
    assert shown() == (0, 0)


def test_a_site_with_an_alarm_is_shown_before_others_and_its_alarm_always() -> None:
    alarms = [alarm("s-077"), alarm("s-069", since_ms=1), alarm("s-003")]
    source = pages(shops(80, of_chs=70), Clock(), alarms=alarms)

    def first(*within: Scope) -> tuple[list[str], list[str]]:
        found = source.overview(within)
        assert len(found.sites) == len({site.id for site in found.sites})
        ids = [site.id for site in found.sites]
        return ids[:4], [alarm.site for alarm in found.alarms]

    everything = ["s-069", "s-077", "s-003"]
    assert first(EVERYWHERE) == ([*everything, "s-000"], everything)
    chs = ["s-069", "s-003"]
    assert first(Scope(organisation="chs")) == ([*chs, "s-000", "s-001"], chs)
    # All of a small firm's sites are shown, so that they stay where they are.
    assert first(Scope(organisation="ynk")) == (["s-070", "s-071", "s-072", "s-073"], ["s-077"])


def test_a_flood_of_alarms_is_cut_off_and_counted() -> None:
    alarms = [alarm(f"s-{number % 80:03}", since_ms=number) for number in range(500)]
    found = pages(shops(80, of_chs=70), Clock(), alarms=alarms).overview([EVERYWHERE])
    assert (len(found.alarms), found.more_alarms) == (ALARMS_SHOWN, 500 - ALARMS_SHOWN)
    assert found.alarms[0].since_ms == 499
    assert (len(found.sites), found.more) == (SITES_SHOWN, 20)
