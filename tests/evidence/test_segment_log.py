"""The segment log: durable once synced, honest about damage, whole after every fault."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evidence.errors import CorruptError, LogFullError, LogInUseError, StorageFaultError
from evidence.segment import HEADER_BYTES, MAX_RECORD_BYTES, RECORD_HEAD_BYTES
from evidence.segment_log import Scrub, SegmentLog
from tests.support.faulty_disk import FaultyDisk
from tests.support.wait import until_sync

SEGMENT_BYTES = 4096


def opened(directory: Path, faults: FaultyDisk | None = None) -> SegmentLog:
    disk = (faults or FaultyDisk()).disk()
    return SegmentLog.open(directory, segment_bytes=SEGMENT_BYTES, disk=disk)


def filled(directory: Path, count: int, size: int = 300) -> list[bytes]:
    """Write `count` records and return them."""
    payloads = [bytes([n % 256]) * size for n in range(count)]
    with opened(directory) as log:
        for payload in payloads:
            log.append(payload)
            log.sync()
    return payloads


def contents(log: SegmentLog) -> dict[int, bytes]:
    return {at.seq: payload for at, payload in log.scan()}


def flip(path: Path, offset: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1 << bit
    path.write_bytes(data)


def test_records_come_back_in_order_across_segments(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 40)
    with opened(tmp_path) as log:
        assert contents(log) == dict(enumerate(payloads))
        assert len(log.closed_segments) >= 2
        assert [at.seq for at, _ in log.scan(17)] == list(range(17, 40))
        assert log.rot == ()


def test_a_position_reads_its_record_again(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        positions = [log.append(bytes([n]) * 500) for n in range(20)]
        assert [log.read(at) for at in positions] == [bytes([n]) * 500 for n in range(20)]


def test_one_batch_costs_one_flush(tmp_path: Path) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        log.append(b"opens the segment")
        log.sync()
        before = faults.flushes
        for _ in range(5):
            log.append(b"x" * 100)
            log.sync()
            log.sync()
        assert faults.flushes - before == 5


def test_a_group_is_one_write(tmp_path: Path) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        log.append(b"opens the segment")
        before = faults.written_bytes
        positions = log.append_many([b"a" * 10, b"b" * 20, b""])
        assert faults.written_bytes - before == 30 + 3 * RECORD_HEAD_BYTES
        assert [at.seq for at in positions] == [1, 2, 3]


def test_two_writers_never_share_a_log_and_no_lock_file_is_left(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(LogInUseError):
        opened(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with opened(tmp_path) as log:
        assert log.next_seq == 0


def test_what_does_not_fit_is_refused_and_nothing_changes(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.append(b"first")
        with pytest.raises(LogFullError):
            log.append(b"x" * SEGMENT_BYTES)
        with pytest.raises(LogFullError):
            log.append(b"x" * (MAX_RECORD_BYTES + 1))
        log.append(b"second")
        assert contents(log) == {0: b"first", 1: b"second"}


@pytest.mark.parametrize("partial_bytes", [0, 1, 30, 400])
def test_a_full_disk_in_the_middle_of_a_group_leaves_no_trace(
    tmp_path: Path, partial_bytes: int
) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        log.append(b"kept")
        log.sync()
        faults.fail("pwrite", errno.ENOSPC, partial_bytes)
        with pytest.raises(LogFullError):
            log.append_many([b"a" * 200, b"b" * 200, b"c" * 200])
        log.append(b"d" * 200)  # as long as the first of the lost group
        log.sync()
    with opened(tmp_path) as log:
        assert contents(log) == {0: b"kept", 1: b"d" * 200}
        assert (log.rot, log.torn_bytes) == ((), 0)


def test_a_full_disk_at_a_new_segment_keeps_the_log_usable(tmp_path: Path) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        for _ in range(3):
            log.append(b"x" * 1200)
        faults.fail("pwrite", errno.ENOSPC)
        with pytest.raises(LogFullError):
            log.append(b"y" * 1200)
        log.append(b"small")  # the old segment still has room for it
        log.append(b"y" * 1200)
        assert list(contents(log).values()) == [b"x" * 1200] * 3 + [b"small", b"y" * 1200]
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.parametrize("call", ["rename", "fdatasync"])
def test_a_segment_that_could_not_be_begun_is_begun_again(tmp_path: Path, call: str) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        for _ in range(3):
            log.append(b"x" * 1200)
        log.sync()
        faults.fail(call)
        with pytest.raises(StorageFaultError):
            log.append(b"y" * 1200)
        log.reopen_after_fault()
        log.append(b"y" * 1200)
        log.sync()
    with opened(tmp_path) as log:
        assert list(contents(log).values()) == [b"x" * 1200] * 3 + [b"y" * 1200]


def test_after_a_failed_flush_the_same_file_is_never_written_again(tmp_path: Path) -> None:
    faults = FaultyDisk()
    with opened(tmp_path, faults) as log:
        log.append(b"durable")
        log.sync()
        log.append(b"doubtful")
        faults.fail("fdatasync")
        with pytest.raises(StorageFaultError):
            log.sync()
        with pytest.raises(StorageFaultError):
            log.append(b"refused")
        assert log.reopen_after_fault() == 1
        log.append(b"again")
        log.sync()
        assert contents(log) == {0: b"durable", 1: b"again"}
        assert [s.path.name for s in log.closed_segments] == ["0000000000000000.seg"]
    with opened(tmp_path) as log:
        assert contents(log) == {0: b"durable", 1: b"again"}
        assert log.rot == ()


def test_a_torn_tail_is_zeroed_and_counted(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 5)
    path = tmp_path / "0000000000000000.seg"
    record = RECORD_HEAD_BYTES + 300
    flip(path, HEADER_BYTES + 5 * record - 1)
    with opened(tmp_path) as log:
        assert contents(log) == dict(enumerate(payloads[:4]))
        assert log.torn_bytes == record
        assert log.append(b"goes on").seq == 4
    data = path.read_bytes()
    assert data[HEADER_BYTES + 5 * record :].count(0) > SEGMENT_BYTES // 2


def test_rot_before_a_later_record_is_reported_and_the_rest_is_kept(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 8)
    record = RECORD_HEAD_BYTES + 300
    flip(tmp_path / "0000000000000000.seg", HEADER_BYTES + 2 * record + 40)
    with opened(tmp_path) as log:
        assert contents(log) == {n: p for n, p in enumerate(payloads) if n != 2}
        (rot,) = log.rot
        assert (rot.first_seq, rot.last_seq) == (2, 2)
        assert (rot.offset, rot.end) == (HEADER_BYTES + 2 * record, HEADER_BYTES + 3 * record)
        assert log.next_seq == 8


def test_rot_at_the_end_of_a_closed_segment_is_no_torn_tail(tmp_path: Path) -> None:
    filled(tmp_path, 20)
    first, second = sorted(tmp_path.iterdir())[:2]
    lost = int(second.stem, 16) - 1
    flip(first, HEADER_BYTES + lost * (RECORD_HEAD_BYTES + 300) + 30)
    with opened(tmp_path) as log:
        assert [(rot.first_seq, rot.last_seq) for rot in log.rot] == [(lost, lost)]
        assert set(contents(log)) == set(range(20)) - {lost}


def test_a_lost_segment_is_reported_as_a_range(tmp_path: Path) -> None:
    filled(tmp_path, 40)
    names = sorted(tmp_path.iterdir())
    gone = range(int(names[1].stem, 16), int(names[2].stem, 16))
    names[1].unlink()
    with opened(tmp_path) as log:
        assert [(rot.first_seq, rot.last_seq) for rot in log.rot] == [(gone[0], gone[-1])]
        assert set(contents(log)) == set(range(40)) - set(gone)


@pytest.mark.parametrize("where", [3, SEGMENT_BYTES - HEADER_BYTES + 3])
def test_one_damaged_header_costs_no_record(tmp_path: Path, where: int) -> None:
    payloads = filled(tmp_path, 4)
    flip(tmp_path / "0000000000000000.seg", where)
    with opened(tmp_path) as log:
        assert contents(log) == dict(enumerate(payloads))
        (rot,) = log.rot
        assert rot.offset <= where < rot.end
        assert rot.last_seq < rot.first_seq


def test_a_segment_without_any_header_is_rot_and_the_log_goes_on(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    path = tmp_path / "0000000000000000.seg"
    flip(path, 3)
    flip(path, SEGMENT_BYTES - HEADER_BYTES + 3)
    with opened(tmp_path) as log:
        assert [rot.first_seq for rot in log.rot] == [0]
        seq = log.append(b"new").seq
        assert seq > log.rot[0].last_seq
        assert contents(log) == {seq: b"new"}


def test_a_truncated_last_segment_is_reported_and_never_written(tmp_path: Path) -> None:
    payloads = filled(tmp_path, 4)
    path = tmp_path / "0000000000000000.seg"
    os.truncate(path, HEADER_BYTES + 2 * (RECORD_HEAD_BYTES + 300) + 10)
    with opened(tmp_path) as log:
        assert log.rot
        assert log.append(b"next").segment == 2
        assert contents(log) == {0: payloads[0], 1: payloads[1], 2: b"next"}


@pytest.mark.parametrize("unreadable", [300, 2500])
def test_a_sector_that_cannot_be_read_costs_what_lies_in_it(
    tmp_path: Path, unreadable: int
) -> None:
    segment_bytes = 1 << 15
    payloads = [bytes([n + 1]) * 300 for n in range(60)]
    with SegmentLog.open(tmp_path, segment_bytes=segment_bytes) as log:
        for payload in payloads:
            log.append(payload)
            log.sync()
    bad = range(
        4 * unreadable, 4 * unreadable + 1
    )  # its whole sector of 4 KiB reads as nothing
    faults = FaultyDisk(unreadable=bad)
    with SegmentLog.open(tmp_path, segment_bytes=segment_bytes, disk=faults.disk()) as log:
        held = contents(log)
        assert all(held[seq] == payloads[seq] for seq in held)
        lost = set(range(60)) - set(held)
        named = {n for rot in log.rot for n in range(rot.first_seq, rot.last_seq + 1)}
        assert lost == named
        assert 12 <= len(lost) <= 14
        at = log.append(b"next")
        assert (at.seq, at.segment) == (60, 60)  # never into the damaged file


def test_a_damaged_record_is_refused_by_position(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        first, second = log.append(b"a" * 100), log.append(b"b" * 100)
        flip(tmp_path / "0000000000000000.seg", first.offset + RECORD_HEAD_BYTES)
        with pytest.raises(CorruptError) as caught:
            log.read(first)
        assert caught.value.offset == first.offset
        assert log.read(second) == b"b" * 100


def test_dropping_frees_whole_closed_segments_and_keeps_the_count(tmp_path: Path) -> None:
    filled(tmp_path, 40)
    with opened(tmp_path) as log:
        closed = len(log.closed_segments)
        assert log.drop_before(1) == 0
        assert log.drop_before(10**6) == closed
        oldest = log.oldest_seq
        assert set(contents(log)) == set(range(oldest, 40))
    with opened(tmp_path) as log:
        assert (log.oldest_seq, log.next_seq) == (oldest, 40)


def test_an_archive_that_reads_only_its_last_segment_meets_rot_when_it_scans(
    tmp_path: Path,
) -> None:
    filled(tmp_path, 40)
    flip(min(tmp_path.iterdir()), HEADER_BYTES + 40)
    with SegmentLog.open(tmp_path, segment_bytes=4096, scrub=Scrub.LAST) as log:
        assert (log.next_seq, log.rot) == (40, ())
        assert set(contents(log)) == set(range(1, 40))
        assert [(rot.first_seq, rot.last_seq) for rot in log.rot] == [(0, 0)]


def test_a_prepared_segment_is_used_and_never_left_behind(tmp_path: Path) -> None:
    scratch, records = tmp_path / "scratch", tmp_path / "records"
    scratch.mkdir()
    with SegmentLog.open(records, segment_bytes=4096, scratch=scratch) as log:
        log.prepare_next()
        assert len(list(scratch.iterdir())) == 1
        log.append(b"x")
        assert list(scratch.iterdir()) == []
        log.prepare_next()
    assert list(scratch.iterdir()) == []
    assert len(list(records.iterdir())) == 1


APPEND_FOR_EVER = """
import pathlib, sys
from evidence.segment_log import SegmentLog
with SegmentLog.open(pathlib.Path(sys.argv[1]), segment_bytes=1 << 16) as log:
    while True:
        seq = log.append(log.next_seq.to_bytes(8, "big") * 20).seq
        log.sync()
        sys.stdout.buffer.write(seq.to_bytes(8, "big"))
        sys.stdout.buffer.flush()
"""


@pytest.mark.parametrize("records", [1, 700])
def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path, records: int) -> None:
    directory, acknowledged = tmp_path / "log", tmp_path / "acknowledged"
    with acknowledged.open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-c", APPEND_FOR_EVER, str(directory)], stdout=out
        )
    until_sync(lambda: acknowledged.stat().st_size >= 8 * records, timeout_s=60)
    child.kill()
    child.wait()
    count = acknowledged.stat().st_size // 8
    with SegmentLog.open(directory, segment_bytes=1 << 16) as log:
        assert log.next_seq >= count
        assert log.rot == ()
        assert all(payload == at.seq.to_bytes(8, "big") * 20 for at, payload in log.scan())
        assert len(contents(log)) == log.next_seq
