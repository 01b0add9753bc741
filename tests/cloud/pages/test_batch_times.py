"""From a gateway and a time to the records around it, before and after they are written."""

from dataclasses import replace
from pathlib import Path

import pytest

from cloud.pages.batch_times import FLUSH_AFTER_MS, HOUR_MS, NEAR, BatchTimes
from cloud.projections.feed import CommitGroup, CommittedRecord
from evidence.batch import Body
from tests.support.batches import make_body

T_MS = 1_700_000_400_000


def record(index: int, t0_ms: int, gateway: str = "gw-a", **fields: int) -> CommittedRecord:
    body = replace(make_body(), t0=t0_ms, **fields)  # type: ignore[arg-type]
    return committed(index, gateway, body)


def committed(index: int, gateway: str | None, body: Body | None) -> CommittedRecord:
    return CommittedRecord(
        index=index, kind=1, recv_ms=T_MS, gateway=gateway, body=body, raw=b""
    )


def group(*records: CommittedRecord) -> CommitGroup:
    return CommitGroup(first_index=records[0].index, records=records)


@pytest.fixture
def times(tmp_path: Path) -> BatchTimes:
    return BatchTimes(tmp_path / "times.sqlite")


def found(times: BatchTimes, t_ms: int, gateway: str = "gw-a") -> list[int]:
    return [batch.record for batch in times.near(gateway, t_ms)]


@pytest.mark.parametrize("is_written", [False, True])
def test_the_nearest_batches_on_both_sides_are_found(
    times: BatchTimes, *, is_written: bool
) -> None:
    times.apply(group(*(record(i, T_MS + 60_000 * i) for i in range(20))))
    if is_written:
        times.flush()
    assert found(times, T_MS + 60_000 * 10) == [7, 8, 9, 10, 11, 12, 13, 14]
    assert found(times, T_MS - 1) == list(range(NEAR))
    assert found(times, T_MS, "gw-b") == []


def test_batches_of_the_neighbouring_hours_are_found(times: BatchTimes) -> None:
    hour = T_MS - T_MS % HOUR_MS
    times.apply(group(record(0, hour - 5000), record(1, hour + HOUR_MS)))
    times.flush()
    assert found(times, hour + 1) == [0, 1]


def test_late_batches_lie_where_they_belong(times: BatchTimes) -> None:
    times.apply(group(record(0, T_MS), record(1, T_MS + 120_000), record(2, T_MS + 60_000)))
    assert found(times, T_MS + 70_000) == [0, 2, 1]


def test_what_is_not_a_batch_is_passed_over(times: BatchTimes) -> None:
    times.apply(group(committed(0, None, None), record(1, T_MS)))
    assert times.cursor == 2
    assert found(times, T_MS) == [1]


def test_after_a_crash_only_what_was_written_counts_as_applied(tmp_path: Path) -> None:
    times = BatchTimes(tmp_path / "times.sqlite")
    times.apply(group(record(0, T_MS)))
    times.tick(FLUSH_AFTER_MS)
    times.apply(group(record(1, T_MS + 1)))
    again = BatchTimes(tmp_path / "times.sqlite")
    assert again.cursor == 1
    assert found(again, T_MS) == [0]
    again.apply(group(record(1, T_MS + 1)))
    again.close()
    assert found(BatchTimes(tmp_path / "times.sqlite"), T_MS) == [0, 1]


def test_applying_a_record_again_changes_nothing(times: BatchTimes) -> None:
    for _ in range(2):
        times.apply(group(record(0, T_MS)))
        times.flush()
    assert found(times, T_MS) == [0]


@pytest.mark.parametrize("is_written", [False, True])
def test_a_batch_of_uncertain_time_lies_where_its_anchor_puts_it(
    tmp_path: Path, *, is_written: bool
) -> None:
    times = BatchTimes(tmp_path / "times.sqlite")
    times.apply(group(record(0, 5000, sync=0, mono_ms=70_000)))
    if is_written:
        times.close()
        times = BatchTimes(tmp_path / "times.sqlite")
    assert found(times, 5000) == []
    times.apply(group(record(1, T_MS, mono_ms=100_000)))
    times.apply(group(record(2, 9000, sync=0, mono_ms=130_000)))
    times.close()
    again = BatchTimes(tmp_path / "times.sqlite")
    assert [(b.record, b.t0_ms - T_MS) for b in again.near("gw-a", T_MS)] == [
        (0, -30_000),
        (1, 0),
        (2, 30_000),
    ]
    again.apply(group(record(3, 9500, sync=0, mono_ms=160_000)))
    assert found(again, T_MS + 60_000) == [0, 1, 2, 3]


def test_another_boot_needs_an_anchor_of_its_own(times: BatchTimes) -> None:
    times.apply(group(record(0, T_MS), record(1, 5000, sync=0, boot=8)))
    times.flush()
    assert found(times, T_MS) == [0]
