"""What every time series store promises, on the embedded one and on real engines.

Count, sum and every timestamp are compared with what was written.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest

from cloud.projections.timeseries.influx import InfluxStore
from cloud.projections.timeseries.line_writer import Endpoint
from cloud.projections.timeseries.sqlite import SqliteStore
from cloud.projections.timeseries.store import SeriesKey, Span, TimeSeriesStore
from cloud.projections.timeseries.victoria import VictoriaStore
from tests.support.influxd import influxd
from tests.support.readings import T0_MS, rows_of, steady
from tests.support.victoria import make_visible, victoria_metrics

DAY_MS = 86_400_000
FAR_MS = T0_MS + 400 * DAY_MS
ALL = 1 << 40
AWKWARD = "".join(chr(c) for c in range(32, 127)) + "冷库一号 €"


@dataclass(frozen=True, slots=True)
class Subject:
    """A store under test, series names nobody else uses, and how to make writes readable."""

    store: TimeSeriesStore
    site: str
    settle: Callable[[], None]

    def key(self, point: str = "p1", quantity: str = "temperature") -> SeriesKey:
        return SeriesKey(self.site, point, quantity)

    def written(self, key: SeriesKey, limit: int = ALL) -> Span:
        self.settle()
        return self.store.range(key, 0, FAR_MS, limit)


@pytest.fixture(scope="module", params=["sqlite", "influx", "victoria"])
def engine_under_test(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TimeSeriesStore, Callable[[], None]]]:
    folder = tmp_path_factory.mktemp("engine")
    match request.param:
        case "sqlite":
            sqlite = SqliteStore(folder)
            yield sqlite, lambda: None
            sqlite.close()
        case "influx":
            with influxd(folder) as server:
                influx = InfluxStore(Endpoint(url=server.url, database="cold chain"))
                yield influx, lambda: None
                influx.close()
        case _:
            with victoria_metrics(folder) as server:
                victoria = VictoriaStore(Endpoint(url=server.url, database="coldwarden"))
                yield victoria, lambda: make_visible(server)
                victoria.close()


@pytest.fixture
def subject(
    engine_under_test: tuple[TimeSeriesStore, Callable[[], None]],
    request: pytest.FixtureRequest,
) -> Subject:
    store, settle = engine_under_test
    return Subject(store, str(request.node.name), settle)


def test_count_sum_and_every_timestamp_come_back(subject: Subject) -> None:
    keys = [subject.key(f"p{i}", q) for i in range(3) for q in ("temperature", "humidity")]
    # twelve thousand readings: more than two HTTP requests, and across the end of a month
    readings = [r for s in range(6) for r in steady(s, 2000, step_ms=700_000 + s)]
    result = subject.store.write(rows_of(keys, readings))
    assert (result.accepted, result.rejected) == (12_000, ())
    for number, key in enumerate(keys):
        wanted = [(ts, v) for s, ts, v in readings if s == number]
        got = subject.written(key)
        assert got.ts.tolist() == [ts for ts, _ in wanted]
        assert len(got) == 2000
        assert got.value.sum() == pytest.approx(sum(v for _, v in wanted) / 100, abs=1e-6)
        assert got.value.tolist() == [v / 100 for _, v in wanted]


def test_the_start_is_in_and_the_end_is_not(subject: Subject) -> None:
    subject.store.write(rows_of([subject.key()], steady(0, 5)))
    subject.settle()
    got = subject.store.range(subject.key(), T0_MS + 10_000, T0_MS + 30_000, ALL)
    assert got.ts.tolist() == [T0_MS + 10_000, T0_MS + 20_000]


def test_a_limit_keeps_the_oldest(subject: Subject) -> None:
    subject.store.write(rows_of([subject.key()], steady(0, 50)))
    got = subject.written(subject.key(), 7)
    assert got.ts.tolist() == [T0_MS + i * 10_000 for i in range(7)]


def test_writing_again_leaves_each_reading_once(subject: Subject) -> None:
    rows = rows_of([subject.key()], steady(0, 100))
    for _ in range(3):
        assert subject.store.write(rows).accepted == 100
    got = subject.written(subject.key())
    assert got.ts.tolist() == rows.ts.tolist()
    assert got.value.tolist() == [v / 100 for v in rows.v.tolist()]


def test_late_readings_take_their_place_in_time(subject: Subject) -> None:
    readings = steady(0, 60)
    for part in (readings[40:], readings[:20], readings[20:40]):
        subject.store.write(rows_of([subject.key()], part))
    got = subject.written(subject.key())
    assert got.ts.tolist() == [ts for _, ts, _ in readings]
    assert subject.store.latest([subject.key()])[subject.key()].ts == readings[-1][1]


def test_decimals_come_back_as_the_nearest_float(subject: Subject) -> None:
    values = [460, -1, 0, -2005, 7, 99_999_999, 800, 123]
    readings = [(0, T0_MS + i * 1000, v) for i, v in enumerate(values)]
    subject.store.write(rows_of([subject.key()], readings, exp=-2))
    assert subject.written(subject.key()).value.tolist() == [v / 100 for v in values]


def test_whole_numbers_and_powers_are_floats_too(subject: Subject) -> None:
    for exp in (0, 3):
        rows = rows_of([subject.key(f"e{exp}")], steady(0, 4), exp=exp)
        subject.store.write(rows)
        wanted = [float(v * 10**exp) for v in rows.v.tolist()]
        assert subject.written(subject.key(f"e{exp}")).value.tolist() == wanted


def test_quality_is_kept(subject: Subject) -> None:
    subject.store.write(rows_of([subject.key()], steady(0, 3), q=0))
    subject.store.write(rows_of([subject.key()], steady(0, 3, t0_ms=T0_MS + 100_000), q=2))
    assert subject.written(subject.key()).q.tolist() == [0, 0, 0, 2, 2, 2]


def test_exponents_and_qualities_may_differ_within_a_write(subject: Subject) -> None:
    rows = rows_of([subject.key()], steady(0, 4))
    rows.exp[:] = [-2, -1, 0, -2]
    rows.q[:] = [0, 1, 2, 0]
    subject.store.write(rows)
    got = subject.written(subject.key())
    wanted = [
        float(f"{v}e{e}") for v, e in zip(rows.v.tolist(), rows.exp.tolist(), strict=True)
    ]
    assert got.value.tolist() == wanted
    assert got.q.tolist() == [0, 1, 2, 0]


def test_names_with_any_character_are_found_again(subject: Subject) -> None:
    keys = [subject.key(point) for point in (AWKWARD, "a\\", "b'c", 'd"e', "f\\,g", "h=i, j")]
    subject.store.write(rows_of(keys, [(i, T0_MS, i + 1) for i in range(len(keys))], exp=0))
    subject.settle()
    for i, key in enumerate(keys):
        assert subject.store.range(key, 0, FAR_MS, ALL).value.tolist() == [i + 1]


def test_buckets_are_aligned_to_the_epoch_and_skip_what_is_empty(subject: Subject) -> None:
    step_ms = 300_000
    readings = steady(0, 90) + steady(0, 40, t0_ms=T0_MS + 7_200_000)
    subject.store.write(rows_of([subject.key()], readings))
    subject.settle()
    got = subject.store.buckets(subject.key(), T0_MS, FAR_MS, step_ms)
    slots: dict[int, list[float]] = {}
    for _, ts, v in readings:
        slots.setdefault(ts // step_ms * step_ms, []).append(v / 100)
    assert got.start_ms.tolist() == sorted(slots)
    assert got.count.tolist() == [len(slots[s]) for s in sorted(slots)]
    assert got.low.tolist() == [min(slots[s]) for s in sorted(slots)]
    assert got.high.tolist() == [max(slots[s]) for s in sorted(slots)]
    means = [sum(slots[s]) / len(slots[s]) for s in sorted(slots)]
    np.testing.assert_allclose(got.mean, means, rtol=1e-12)


def test_a_series_without_readings_is_empty_everywhere(subject: Subject) -> None:
    key = subject.key("nobody")
    assert len(subject.written(key)) == 0
    assert subject.store.buckets(key, 0, FAR_MS, 60_000).count.tolist() == []
    assert subject.store.latest([key]) == {}


def test_latest_is_by_time_and_not_by_arrival(subject: Subject) -> None:
    keys = [subject.key("a"), subject.key("b")]
    subject.store.write(rows_of(keys, [(0, T0_MS + 9, 450), (1, T0_MS, 1)], q=1))
    subject.store.write(rows_of(keys, [(0, T0_MS + 5, 990)]))
    subject.settle()
    got = subject.store.latest(keys)
    assert (got[keys[0]].ts, got[keys[0]].value, got[keys[0]].q) == (T0_MS + 9, 4.5, 1)
    assert got[keys[1]].value == 0.01


def test_nothing_to_write_is_fine(subject: Subject) -> None:
    assert subject.store.write(rows_of([subject.key()], [])).accepted == 0


def test_health_names_the_engine(subject: Subject) -> None:
    health = subject.store.health()
    assert health.reachable
    assert health.flavour in {"sqlite", "influx", "victoria"}
