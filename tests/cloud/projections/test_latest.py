"""The newest reading of every point: by time, never by arrival, whatever the clock does."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloud.projections.feed import CommittedRecord
from cloud.projections.latest import LatestProjection
from cloud.projections.runner import catch_up
from cloud.projections.series import SeriesIndex
from tests.support.feeds import ListArchive, split
from tests.support.fridge import SEAL_MS, Fridges
from tests.support.registries import gateway_name, point_name, registry_of

GATEWAY = gateway_name(0)
POINT = point_name(GATEWAY, 1)
REGISTRY = registry_of(channels=[1, 2])


@contextmanager
def board(folder: Path) -> Iterator[LatestProjection]:
    projection = LatestProjection(folder / "latest.db", SeriesIndex(REGISTRY))
    try:
        yield projection
    finally:
        projection.close()


def apply(
    projection: LatestProjection, records: list[CommittedRecord], sizes: Sequence[int] = ()
) -> None:
    for group in split(records[projection.cursor :], sizes):
        projection.apply(group)


def shown(projection: LatestProjection) -> tuple[float, int]:
    reading = projection.of_point(POINT)
    assert reading is not None
    return reading.value, reading.at_ms


def test_the_newest_reading_is_shown_with_its_batch(tmp_path: Path) -> None:
    fridges = Fridges([], width=2)
    fridges.send(500)
    last = fridges.send([500, 510, 520, 530, 540, 555])
    with board(tmp_path) as projection:
        assert projection.of_point(POINT) is None
        apply(projection, fridges.records)
        assert shown(projection) == (5.55, fridges.start_ms + SEAL_MS + 50_000)
        assert set(projection.all()) == {POINT, point_name(GATEWAY, 2)}
        assert projection.all()[POINT].record == last.index


@pytest.mark.parametrize("sizes", [[1, 1, 1], []])
def test_late_data_never_replaces_it(tmp_path: Path, sizes: list[int]) -> None:
    fridges = Fridges([])
    late = fridges.seal(900)
    fridges.send(500)
    fridges.arrive(late)
    with board(tmp_path) as projection:
        apply(projection, fridges.records, sizes)
        assert shown(projection) == (5.0, fridges.start_ms + SEAL_MS + 50_000)


@pytest.mark.parametrize("sizes", [[1, 1, 1], []])
def test_a_clock_that_was_set_back_does_not_stop_it(tmp_path: Path, sizes: list[int]) -> None:
    fridges = Fridges([])
    fridges.send(500)
    fridges.start_ms -= 3_600_000
    fridges.send(600)
    with board(tmp_path) as projection:
        apply(projection, fridges.records, sizes)
        assert shown(projection) == (6.0, fridges.start_ms + SEAL_MS + 50_000)


def test_a_poll_without_a_value_leaves_the_last_value(tmp_path: Path) -> None:
    fridges = Fridges([])
    body = fridges.seal([500, 510, 510, 510, 510, 510])
    assert body.columns is not None
    body.columns.q_start, body.columns.q_len = array("H", [2]), array("H", [4])
    body.columns.q = array("B", [8])
    fridges.arrive(body)
    with board(tmp_path) as projection:
        apply(projection, fridges.records)
        assert shown(projection) == (5.1, fridges.start_ms + 10_000)


def test_a_batch_of_unknown_time_is_shown_as_uncertain(tmp_path: Path) -> None:
    fridges = Fridges([], start_ms=1000)
    fridges.send(500, sync=0)
    with board(tmp_path) as projection:
        apply(projection, fridges.records)
        reading = projection.of_point(POINT)
        assert reading is not None
        assert reading.q == 1
        assert reading.at_ms == fridges.records[0].recv_ms


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    fridges = Fridges([])
    fridges.send(500)
    with board(tmp_path) as projection:
        apply(projection, fridges.records)
    late = fridges.seal(900)
    fridges.send(600)
    with board(tmp_path) as projection:
        assert projection.cursor == 1
        assert shown(projection)[0] == 5.0
        fridges.arrive(late)
        apply(projection, fridges.records)
        assert shown(projection)[0] == 6.0


def test_a_registry_without_points_stops_nothing(tmp_path: Path) -> None:
    fridges = Fridges([], width=2)
    fridges.send(500)
    none = LatestProjection(tmp_path / "latest.db", SeriesIndex(registry_of(channels=[])))
    apply(none, fridges.records)
    assert (none.cursor, none.all()) == (len(fridges.records), {})
    none.close()


def test_points_that_are_not_registered_are_not_shown(tmp_path: Path) -> None:
    with board(tmp_path) as projection:
        assert projection.of_point("nobody") is None


@settings(max_examples=40, deadline=None)
@given(
    sent=st.lists(
        st.tuples(
            st.integers(0, 5),  # which minute
            st.lists(st.integers(-300, 900), min_size=6, max_size=6),
            st.integers(1, 2),  # how many fridges answer
            st.sampled_from([0, 0, 0, -500_000]),  # the clock is set
        ),
        max_size=10,
    ),
    sizes=st.lists(st.integers(1, 4), max_size=6),
)
def test_a_rebuild_shows_the_same_whatever_the_groups_were(
    tmp_path_factory: pytest.TempPathFactory,
    sent: list[tuple[int, list[int], int, int]],
    sizes: list[int],
) -> None:
    fridges = Fridges([])
    for minute, values, width, step_ms in sent:
        fridges.seq, fridges.width = minute, width
        fridges.start_ms += step_ms
        fridges.send(values)
    folder = tmp_path_factory.mktemp("latest")
    with board(folder / "one") as projection:
        apply(projection, fridges.records, [1] * len(fridges.records))
        one_by_one = list(projection.export())
    with board(folder / "groups") as projection:
        apply(projection, fridges.records, sizes)
        assert list(projection.export()) == one_by_one
    with board(folder / "rebuilt") as projection:
        catch_up(projection, ListArchive(fridges.records))
        assert list(projection.export()) == one_by_one
