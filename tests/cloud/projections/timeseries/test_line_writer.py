"""What is sent to InfluxDB versions that cannot be installed here, and how refusals are met."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cloud.errors import UnavailableError
from cloud.projections.timeseries.influx import InfluxStore
from cloud.projections.timeseries.line_writer import LINES_PER_WRITE, Endpoint
from cloud.projections.timeseries.store import SeriesKey
from tests.support.readings import T0_MS, rows_of, steady
from tests.support.stub_influx import NO_CONTENT, StubInflux, stub_influx

KEY = SeriesKey("chs-001", "p1", "temperature")
V2_PARAMETERS = {"org": "cw", "bucket": "coldwarden", "precision": "ms"}
BASIC = "Basic " + b64encode(b"cw:secret").decode()


@contextmanager
def store_of(stub: StubInflux) -> Iterator[InfluxStore]:
    endpoint = Endpoint(url=stub.url, database="coldwarden", user="cw", password="secret")
    store = InfluxStore(endpoint)
    try:
        yield store
    finally:
        store.close()


@pytest.mark.parametrize(
    ("version", "path", "parameters", "authorization"),
    [
        ("1.6.7~rc0", "/write", {"db": "coldwarden", "precision": "ms"}, BASIC),
        ("1.7.10", "/write", {"db": "coldwarden", "precision": "ms"}, BASIC),
        ("1.8.10", "/api/v2/write", V2_PARAMETERS, "Token cw:secret"),
        ("v2.7.4", "/api/v2/write", V2_PARAMETERS, "Token secret"),
        ("3.0.1", "/api/v2/write", V2_PARAMETERS, "Token secret"),
    ],
)
def test_every_version_is_spoken_to_in_its_own_way(
    version: str, path: str, parameters: dict[str, str], authorization: str
) -> None:
    with stub_influx(version) as stub, store_of(stub) as store:
        assert store.health().version == version
        store.write(rows_of([KEY], steady(0, 3)))
        (asked,) = stub.writes
        assert (asked.path, asked.parameters) == (path, parameters)
        assert asked.authorization == authorization
        assert asked.lines[0] == (
            f"reading,point=p1,quantity=temperature,site=chs-001 value=3,q=0i {T0_MS}"
        )
        created = ['CREATE DATABASE "coldwarden"'] if version.startswith("1.") else []
        assert stub.queries == created


def test_a_write_is_cut_into_requests_of_bounded_size() -> None:
    with stub_influx("v2.7.4") as stub, store_of(stub) as store:
        count = 2 * LINES_PER_WRITE + 7
        assert store.write(rows_of([KEY], steady(0, count))).accepted == count
        sizes = sorted(len(asked.lines) for asked in stub.writes)
        assert sizes == [7, LINES_PER_WRITE, LINES_PER_WRITE]


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404])
def test_what_may_work_later_is_not_taken_for_refused(status: int) -> None:
    with stub_influx("v2.7.4") as stub, store_of(stub) as store:
        stub.answer = lambda _: (status, "not now")
        with pytest.raises(UnavailableError, match=f"{status} not now"):
            store.write(rows_of([KEY], steady(0, 3)))


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_line_is_found_by_halving(status: int) -> None:
    poisoned = {str(T0_MS + i * 10_000) for i in (17, 400, 401)}

    def answer(lines: list[str]) -> tuple[int, str]:
        bad = [line for line in lines if line.rsplit(" ", 1)[1] in poisoned]
        return (status, "partial write: bad line dropped=1") if bad else NO_CONTENT

    with stub_influx("v2.7.4") as stub, store_of(stub) as store:
        stub.answer = answer
        result = store.write(rows_of([KEY], steady(0, 500)))
        assert result.accepted == 497
        assert {r.line.rsplit(" ", 1)[1] for r in result.rejected} == poisoned
        assert {r.reason for r in result.rejected} == {"partial write: bad line dropped=1"}


def test_a_refusal_of_every_line_is_believed_at_once() -> None:
    with stub_influx("v2.7.4") as stub, store_of(stub) as store:
        stub.answer = lambda lines: (400, f"partial write: conflict dropped={len(lines)}")
        assert len(store.write(rows_of([KEY], steady(0, 900))).rejected) == 900
        assert len(stub.writes) == 1


def test_a_server_that_fails_midway_is_unavailable_for_all_of_the_write() -> None:
    with stub_influx("v2.7.4") as stub, store_of(stub) as store:
        stub.answer = lambda lines: NO_CONTENT if len(lines) == LINES_PER_WRITE else (503, "")
        with pytest.raises(UnavailableError):
            store.write(rows_of([KEY], steady(0, LINES_PER_WRITE + 1)))


def test_an_answer_without_a_version_is_no_influxdb() -> None:
    with (
        stub_influx("") as stub,
        store_of(stub) as store,
        pytest.raises(UnavailableError, match=r"timeseries\.kind"),
    ):
        store.write(rows_of([KEY], steady(0, 1)))
