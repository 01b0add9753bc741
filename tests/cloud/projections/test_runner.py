"""The runner keeps a projection at the archive's head, whatever is dropped or fails."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from cloud.errors import UnavailableError
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.inbox import Inbox
from cloud.projections.runner import Pauses, Runner, RunState, catch_up
from tests.support.feeds import ListArchive, group_of, other_record, split
from tests.support.wait import until_sync

QUICK = Pauses(first_s=0.001, longest_s=0.002)


@dataclass(slots=True)
class Recorder:
    """A projection that remembers what it was given; fails while `down`, or after applying."""

    name: str = "recorder"
    cursor: int = 0
    applied: list[int] = field(default_factory=list)
    ticks: list[tuple[int, int]] = field(default_factory=list)
    down: threading.Event = field(default_factory=threading.Event)
    broken: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    attempts: int = 0

    def apply(self, group: CommitGroup) -> None:
        self.gate.wait()
        self.attempts += 1
        assert group.first_index == self.cursor
        if self.down.is_set():
            raise UnavailableError("engine is down")
        if self.broken.is_set():
            raise ZeroDivisionError
        self.applied += [record.index for record in group.records]
        self.cursor = group.next_index

    def tick(self, as_of_ms: int) -> None:
        self.ticks.append((as_of_ms, self.cursor))


def records(count: int) -> list[CommittedRecord]:
    return [other_record(i, 3, b"x" * 10, recv_ms=1000 + i) for i in range(count)]


@contextmanager
def running(
    recorder: Recorder, archive: ListArchive, *, gated: bool = False
) -> Iterator[Runner]:
    if not gated:
        recorder.gate.set()
    runner = Runner(recorder, archive, QUICK)
    runner.start()
    try:
        yield runner
    finally:
        recorder.gate.set()
        runner.stop()


def commit(runner: Runner, archive: ListArchive, group: CommitGroup) -> None:
    archive.records += group.records
    runner.offer(group)


def test_groups_are_applied_in_order_without_reading_the_archive() -> None:
    recorder, archive = Recorder(), ListArchive()
    with running(recorder, archive) as runner:
        for group in split(records(20), [1, 5, 2, 7]):
            commit(runner, archive, group)
        assert runner.wait_for(20, 10)
    assert recorder.applied == list(range(20))
    assert archive.reads == 0


def test_what_was_archived_before_the_start_is_read() -> None:
    recorder, archive = Recorder(cursor=3), ListArchive(records(2000))
    with running(recorder, archive) as runner:
        assert runner.wait_for(2000, 10)
    assert recorder.applied == list(range(3, 2000))


def test_groups_that_wait_together_are_applied_together() -> None:
    recorder, archive = Recorder(), ListArchive()
    with running(recorder, archive, gated=True) as runner:
        for group in split(records(50), [1] * 50):
            commit(runner, archive, group)
        recorder.gate.set()
        assert runner.wait_for(50, 10)
    assert recorder.applied == list(range(50))
    assert recorder.attempts <= 2


def test_an_overflowing_inbox_is_read_back_from_the_archive() -> None:
    recorder, archive = Recorder(), ListArchive()
    with running(recorder, archive, gated=True) as runner:
        runner._inbox.max_bytes = 95
        for group in split(records(40), [3] * 20):
            commit(runner, archive, group)
        recorder.gate.set()
        assert runner.wait_for(40, 10)
        assert runner.progress.overflows >= 1
    assert recorder.applied == list(range(40))
    assert archive.reads >= 1


def test_a_projection_that_was_down_catches_up_by_itself() -> None:
    recorder, archive = Recorder(), ListArchive()
    recorder.down.set()
    with running(recorder, archive) as runner:
        for group in split(records(30), [10, 10]):
            commit(runner, archive, group)
        until_sync(lambda: recorder.attempts >= 3)
        assert runner.progress.state is RunState.WAITING
        assert runner.progress.error == "engine is down"
        recorder.down.clear()
        assert runner.wait_for(30, 10)
        until_sync(lambda: runner.progress.state is RunState.LIVE)
    assert recorder.applied == list(range(30))


def test_a_mistake_of_ours_is_shown_and_tried_again() -> None:
    recorder, archive = Recorder(), ListArchive()
    recorder.broken.set()
    with running(recorder, archive) as runner:
        commit(runner, archive, group_of(records(5)))
        until_sync(lambda: runner.progress.error == "ZeroDivisionError: ")
        recorder.broken.clear()
        assert runner.wait_for(5, 10)


def test_time_passes_only_for_a_projection_that_is_up_to_date() -> None:
    recorder, archive = Recorder(), ListArchive()
    recorder.down.set()
    with running(recorder, archive) as runner:
        commit(runner, archive, group_of(records(5)))
        runner.offer(CommitGroup(first_index=5, records=(), as_of_ms=9000))
        until_sync(lambda: recorder.attempts >= 2)
        assert recorder.ticks == []
        recorder.down.clear()
        until_sync(lambda: recorder.ticks)
    assert recorder.ticks == [(9000, 5)]


def test_offering_never_waits_for_the_projection() -> None:
    recorder, archive = Recorder(), ListArchive()
    with running(recorder, archive, gated=True) as runner:
        for group in split(records(1000), [1] * 1000):
            commit(runner, archive, group)
        assert recorder.applied == []


def test_rebuilding_reads_everything_and_tells_how_far_it_is() -> None:
    recorder, told = Recorder(), list[tuple[int, int]]()
    recorder.gate.set()
    catch_up(recorder, ListArchive(records(2500)), lambda done, of: told.append((done, of)))
    assert recorder.applied == list(range(2500))
    assert told[-1] == (2500, 2500)


@given(failures=st.integers(1, 200), chance=st.floats(0, 1))
def test_pauses_grow_to_a_ceiling_and_vary(failures: int, chance: float) -> None:
    pauses = Pauses(first_s=0.25, longest_s=10)
    ceiling = min(0.25 * 2 ** (failures - 1), 10)
    assert ceiling / 2 <= pauses.pause_s(failures, chance) <= ceiling


@given(
    sizes=st.lists(st.integers(1, 5), max_size=12),
    takes=st.lists(st.integers(0, 40), max_size=12),
    limit=st.sampled_from([25, 60, 10**6]),
)
def test_what_an_inbox_gives_continues_at_the_cursor(
    sizes: list[int], takes: list[int], limit: int
) -> None:
    inbox = Inbox(max_bytes=limit)
    for group in split(records(40), sizes):
        inbox.put(group)
    for cursor in sorted(takes):
        taken = inbox.take(cursor)
        if taken is not None:
            indexes = [record.index for record in taken.records]
            assert indexes == list(range(cursor, cursor + len(indexes)))
