"""Every climate point is looked at once a day, and what is found is told once."""

from pathlib import Path

import numpy as np
import pytest

from cloud.archive.finding import IMPLAUSIBLE, FindingRecord
from cloud.plausibility.watching import DAY_MS, PlausibilityWatch
from cloud.projections.alarms.event import AlarmKind
from cloud.projections.alarms.happenings import finding_event
from cloud.projections.feed import CommittedRecord
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import Rows, SeriesKey
from device_registry.errors import StoreUnavailableError
from tests.support.registries import registry_of

TODAY = 20_000
REGISTRY = registry_of(channels=range(1, 4))


class Desk:
    """A watch over a store with one day of readings of each of three points."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = TODAY * DAY_MS + 3_600_000
        self.findings: list[FindingRecord] = []
        self.store = SqliteStore(folder)
        self.points = [p for site in REGISTRY.sites for p in REGISTRY.points(site.id)]
        self.watch = PlausibilityWatch(
            REGISTRY, self.store, self.findings.append, lambda: self.now_ms
        )

    def write(self, number: int, values: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        point, count = self.points[number], len(values)
        self.store.write(
            Rows(
                keys=[SeriesKey(point.site, point.id, point.quantity.value)],
                series=np.zeros(count, np.int64),
                ts=(TODAY - 1) * DAY_MS + np.arange(count) * 10_000,
                v=values.astype(np.int64),
                exp=np.full(count, -2),
                q=np.zeros(count, np.uint8),
            )
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def honest(seed: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.rint(np.random.default_rng(seed).normal(500, 3, 8_640)).astype(np.int64)


def test_a_flat_day_is_found_told_once_and_becomes_an_alarm(desk: Desk) -> None:
    desk.write(0, honest(1))
    desk.write(1, np.full(8_640, 500))
    assert desk.watch.look() == 3
    desk.now_ms += 3_600_000
    assert desk.watch.look() == 0
    (found,) = desk.findings
    assert found.kind == IMPLAUSIBLE
    assert found.gateway == desk.points[1].gateway
    assert found.detail.startswith(f"{desk.points[1].id} is flat from ")
    record = CommittedRecord(index=1, kind=10, recv_ms=1, gateway=None, body=None, raw=b"")
    event = finding_event(found, desk.points[1].site, record)
    assert event is not None
    assert event.kind is AlarmKind.IMPLAUSIBLE


def test_what_could_not_be_asked_is_asked_in_the_next_round(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailableError("postgresql://registry", "no answer", "start it")

    for broken in ("points", "sites"):
        desk.now_ms += DAY_MS
        with monkeypatch.context() as patched:
            patched.setattr(type(REGISTRY), broken, property(away))
            with pytest.raises(StoreUnavailableError):
                desk.watch.look()
        assert desk.watch.look() == 3
    desk.now_ms += DAY_MS
    with monkeypatch.context() as patched:
        patched.setattr(desk.store, "range", away)
        with pytest.raises(StoreUnavailableError):
            desk.watch.look()
    assert desk.watch.look() == 3


def test_the_next_day_is_looked_at_again(desk: Desk) -> None:
    desk.write(2, honest(2))
    desk.watch.look()
    desk.now_ms += DAY_MS
    assert desk.watch.look() == 3
    assert desk.findings == []
