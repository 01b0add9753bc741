"""InfluxDB that stops, dies, refuses or wants a password. The contract suite has the rest."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cloud.errors import UnavailableError
from cloud.projections.feed import CommittedRecord
from cloud.projections.runner import Pauses, Runner, RunState
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.influx import InfluxStore
from cloud.projections.timeseries.line_writer import Endpoint
from cloud.projections.timeseries.projection import TimeSeriesProjection
from cloud.projections.timeseries.store import SeriesKey
from evidence.batch import expand
from tests.support.feeds import ListArchive, group_of
from tests.support.fridge import Fridges
from tests.support.influxd import influxd
from tests.support.ports import free_port
from tests.support.readings import T0_MS, rows_of, steady
from tests.support.registries import gateway_name, point_name, registry_of
from tests.support.server_process import ServerProcess
from tests.support.wait import until_sync

KEY = SeriesKey("chs-001", "p1", "temperature")
ALL = 1 << 40
FAR_MS = 9_000_000_000_000
QUICK = Pauses(first_s=0.01, longest_s=0.1)
GATEWAYS = [gateway_name(i) for i in range(4)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    with influxd(tmp_path) as running:
        yield running


@contextmanager
def store_of(
    server: ServerProcess, user: str = "", password: str = ""
) -> Iterator[InfluxStore]:
    endpoint = Endpoint(url=server.url, database="coldwarden", user=user, password=password)
    store = InfluxStore(endpoint)
    yield store
    store.close()


@contextmanager
def projecting(
    folder: Path, store: InfluxStore, archive: ListArchive
) -> Iterator[tuple[TimeSeriesProjection, Runner]]:
    index = SeriesIndex(registry_of(GATEWAYS, range(1, 4)))
    projection = TimeSeriesProjection(folder / "timeseries.db", store, index, archive)
    runner = Runner(projection, archive, QUICK)
    runner.start()
    yield projection, runner
    runner.stop()
    projection.close()


def archived(batches: int) -> list[CommittedRecord]:
    records: list[CommittedRecord] = []
    fleet = [Fridges(records, gateway=name, width=3) for name in GATEWAYS]
    for i in range(batches):
        fleet[i % 4].send([400 + i % 50, 410, 420 - i % 7, 430, 440, 450])
    return records


def assert_stored(store: InfluxStore, records: Sequence[CommittedRecord]) -> None:
    """Compare count, sum and every timestamp of every series with the archive."""
    wanted: dict[SeriesKey, dict[int, float]] = {}
    for record in records:
        assert record.body is not None
        for channel, exp, ts, v, _ in expand(record.body):
            point = point_name(record.gateway or "", channel)
            key = SeriesKey("chs-001", point, "temperature")
            wanted.setdefault(key, {})[ts] = v / 10**-exp
    for key, readings in wanted.items():
        span = store.range(key, 0, FAR_MS, ALL)
        assert span.ts.tolist() == sorted(readings)
        assert len(span) == len(readings)
        assert sum(span.value.tolist()) == sum(readings[ts] for ts in sorted(readings))


def feed(runner: Runner, archive: ListArchive, records: Sequence[CommittedRecord]) -> None:
    for record in records:
        archive.records.append(record)
        runner.offer(group_of([record]))


def feed_slowly(
    runner: Runner, archive: ListArchive, records: Sequence[CommittedRecord]
) -> None:
    """Keep a few batches ahead of the projection, so that it writes many times."""
    for i in range(0, len(records), 5):
        feed(runner, archive, records[i : i + 5])
        runner.wait_for(i - 5, 20)


def test_influxdb_stopped_midway_delays_only_itself_and_loses_nothing(
    server: ServerProcess, tmp_path: Path
) -> None:
    records, archive = archived(120), ListArchive()
    with store_of(server) as store, projecting(tmp_path, store, archive) as (_, runner):
        feed(runner, archive, records[:40])
        assert runner.wait_for(40, 20)
        server.stop()
        feed(runner, archive, records[40:80])
        until_sync(lambda: runner.progress.state is RunState.WAITING)
        assert not store.health().reachable
        feed(runner, archive, records[80:])
        server.start()
        assert runner.wait_for(120, 20)
        assert store.health().reachable
        assert_stored(store, records)


def test_nothing_is_lost_when_influxdb_is_killed_while_it_is_written_to(
    server: ServerProcess, tmp_path: Path
) -> None:
    records, archive = archived(400), ListArchive()
    with store_of(server) as store, projecting(tmp_path, store, archive) as (_, runner):
        feeder = threading.Thread(target=feed_slowly, args=(runner, archive, records))
        feeder.start()
        for applied in (60, 200):
            runner.wait_for(applied, 20)
            server.kill()
            server.start()
        feeder.join()
        assert runner.wait_for(400, 20)
        assert_stored(store, records)


def test_a_server_that_is_down_at_the_start_is_found_later(tmp_path: Path) -> None:
    records, archive = archived(8), ListArchive()
    with influxd(tmp_path) as server:
        server.stop()
        with store_of(server) as store, projecting(tmp_path, store, archive) as (_, runner):
            feed(runner, archive, records)
            until_sync(lambda: runner.progress.state is RunState.WAITING)
            server.start()
            assert runner.wait_for(8, 20)
            assert_stored(store, records)


def test_a_poisoned_line_is_found_and_its_neighbours_are_stored(server: ServerProcess) -> None:
    readings = steady(0, 3000)
    too_late_ms = 9_300_000_000_000  # past the last nanosecond that InfluxDB can count
    readings[1234] = (0, too_late_ms, 460)
    with store_of(server) as store:
        result = store.write(rows_of([KEY], readings))
        assert result.accepted == 2999
        (refused,) = result.rejected
        assert refused.line.endswith(f" value=4.6,q=0i {too_late_ms}")
        assert "time outside range" in refused.reason
        wanted = [ts for _, ts, _ in readings if ts != too_late_ms]
        assert store.range(KEY, 0, FAR_MS, ALL).ts.tolist() == wanted


def test_a_conflict_that_concerns_every_line_is_not_halved_line_by_line(
    server: ServerProcess,
) -> None:
    with store_of(server) as store:
        store.write(rows_of([KEY], steady(0, 1)))
        httpx.post(
            f"{server.url}/query",
            data={"q": "DROP MEASUREMENT reading", "db": "coldwarden"},
        ).raise_for_status()
        httpx.post(
            f"{server.url}/write?db=coldwarden&precision=ms",
            content=f"reading,site=x value=1i {T0_MS}",
        ).raise_for_status()
        result = store.write(rows_of([KEY], steady(0, 2000)))
        assert result.accepted == 0
        assert len(result.rejected) == 2000
        assert "field type conflict" in result.rejected[0].reason


def test_dead_letters_are_kept_beside_the_cursor(server: ServerProcess, tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    Fridges(records, start_ms=9_300_000_000_000).send(400)
    Fridges(records).send(410)
    archive = ListArchive(records)
    with (
        store_of(server) as store,
        projecting(tmp_path, store, archive) as (projection, runner),
    ):
        assert runner.wait_for(2, 20)
        assert projection.counters() == {"refused": 6, "stored": 6}
        assert len(projection.dead_letters(100)) == 6


def test_a_password_is_sent_and_a_wrong_one_is_the_operators_to_mend(tmp_path: Path) -> None:
    with influxd(tmp_path, auth=True) as server:
        httpx.post(
            f"{server.url}/query",
            data={"q": "CREATE USER cw WITH PASSWORD 'secret' WITH ALL PRIVILEGES"},
        ).raise_for_status()
        with store_of(server, "cw", "secret") as store:
            assert store.write(rows_of([KEY], steady(0, 5))).accepted == 5
            assert len(store.range(KEY, 0, FAR_MS, ALL)) == 5
        with (
            store_of(server, "cw", "wrong") as store,
            pytest.raises(UnavailableError, match="401"),
        ):
            store.write(rows_of([KEY], steady(0, 5)))


def test_an_address_where_nobody_listens_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    store = InfluxStore(Endpoint(url=url, database="coldwarden"))
    with pytest.raises(UnavailableError, match=re.escape(url)):
        store.write(rows_of([KEY], steady(0, 1)))
    store.close()
