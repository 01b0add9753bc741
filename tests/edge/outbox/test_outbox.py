"""The outbox: whatever was durable and is not receipted can be read, whatever happens."""

import errno
import os
import random
import shutil
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.outbox.outbox import Outbox
from edge.outbox.room import OutboxLimits
from edge.runs import NONE, Runs
from evidence.disk import REAL_DISK, Disk
from evidence.errors import LogInUseError, OutboxFullError, StorageFaultError
from tests.support.batches import chain_of, make_batch
from tests.support.faulty_disk import FaultyDisk

SEGMENT_BYTES = 4096
LIMITS = OutboxLimits(max_bytes=8 * SEGMENT_BYTES, segment_bytes=SEGMENT_BYTES)
NOW_MS = 4_000_000_000_000  # later than any file of the test
EPOCH = b"epoch--1"


def batch(seq: int, epoch: bytes = EPOCH) -> bytes:
    return make_batch(seq=seq, epoch=epoch).data


def fill(outbox: Outbox, count: int, first: int = 0) -> list[int]:
    return [outbox.append(batch(seq), EPOCH, seq) for seq in range(first, first + count)]


def fill_up(outbox: Outbox, reason: str) -> list[int]:
    numbers: list[int] = []
    with pytest.raises(OutboxFullError, match=reason):
        numbers.extend(outbox.append(batch(seq), EPOCH, seq) for seq in range(10**6))
    return numbers


def open_outbox(folder: Path, limits: OutboxLimits = LIMITS, disk: Disk = REAL_DISK) -> Outbox:
    return Outbox.open(folder, limits, disk=disk)


def test_a_batch_is_read_back_byte_for_byte_after_a_restart(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    numbers = fill(outbox, 30)
    outbox.close()
    outbox = open_outbox(tmp_path)
    assert list(outbox.unreceipted) == numbers
    assert [outbox.read(number) for number in numbers] == [batch(seq) for seq in range(30)]
    assert outbox.head is not None
    assert (outbox.head.seq, outbox.head.sha256) == (29, sha256(batch(29)).digest())
    assert outbox.lowest_held == (EPOCH, 0)


def test_one_batch_costs_one_flush(tmp_path: Path) -> None:
    faulty = FaultyDisk()
    limits = OutboxLimits()
    outbox = open_outbox(tmp_path, limits, faulty.disk())
    fill(outbox, 1)
    outbox.keep_receipt(b"receipt", (1, bytes(32)))  # begins the receipts' first segment
    before = faulty.flushes
    for number in fill(outbox, 50, first=1):
        outbox.settle(Runs.of([number]))
        outbox.keep_receipt(b"receipt", (number, bytes(32)))
    assert faulty.flushes - before == 50


def test_only_one_process_may_own_an_outbox(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    with pytest.raises(LogInUseError):
        open_outbox(tmp_path)
    outbox.close()


def test_a_settled_batch_stays_settled_after_a_clean_stop(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 5)
    outbox.settle(outbox.numbers(EPOCH, 0, 2))
    outbox.keep_receipt(b"receipt", (77, b"r" * 32))
    outbox.close()
    outbox = open_outbox(tmp_path)
    assert list(outbox.unreceipted) == [3, 4]
    assert outbox.checkpoint == (77, b"r" * 32)
    assert list(outbox.kept_receipts()) == [b"receipt"]


def test_a_full_outbox_frees_the_oldest_receipted_and_only_those(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    numbers = fill_up(outbox, "restore the uplink")
    assert outbox.full
    assert outbox.status().used_bytes <= LIMITS.max_bytes
    outbox.settle(Runs.of(numbers[:30]))
    fill(outbox, 5, first=len(numbers))
    assert not outbox.full
    assert outbox.lowest_held is not None
    assert 0 < outbox.lowest_held[1] <= 30
    assert all(outbox.read(number) == batch(number) for number in numbers[30:])


def test_a_full_outbox_still_takes_summaries(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    seq = len(fill_up(outbox, "outbox full"))
    for extra in range(3):
        outbox.append(batch(seq + extra), EPOCH, seq + extra, summary=True)
    assert outbox.full
    assert len(outbox.unreceipted) == seq + 3


def test_receipted_batches_stay_until_their_time_or_need(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    numbers = fill(outbox, 25)
    outbox.settle(Runs.of(numbers))
    outbox.tidy(now_ms=0)
    assert outbox.status().held == 25
    outbox.tidy(now_ms=NOW_MS)
    assert outbox.status().held < 15
    outbox.close()
    assert list(open_outbox(tmp_path).unreceipted) == []


def test_no_time_frees_a_batch_without_a_receipt(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 25)
    outbox.tidy(now_ms=NOW_MS)
    assert outbox.status().held == 25


def test_a_refused_batch_moves_to_the_evidence_folder(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 3)
    outbox.set_aside(1, "Bad Field/../x")
    assert list(outbox.unreceipted) == [0, 2]
    (kept,) = (tmp_path / "refused").iterdir()
    assert kept.read_bytes() == batch(1)
    assert kept.name == f"{EPOCH.hex()}-000000000001-bad-field----x.cbor"


def test_a_cloud_that_lost_batches_gets_them_into_care_again(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 5)
    outbox.settle(outbox.numbers(EPOCH, 0, 4))
    outbox.unsettle(outbox.numbers(EPOCH, 1, 99))
    assert list(outbox.unreceipted) == [1, 2, 3, 4]


def test_a_failed_flush_costs_nothing(tmp_path: Path) -> None:
    faulty = FaultyDisk()
    outbox = open_outbox(tmp_path, LIMITS, faulty.disk())
    fill(outbox, 3)
    faulty.fail("fdatasync")
    numbers = fill(outbox, 3, first=3)
    assert outbox.status().faults == 1
    faulty.crash()
    outbox.close()
    outbox = open_outbox(tmp_path)
    assert [outbox.read(number) for number in numbers] == [batch(3), batch(4), batch(5)]
    assert len(outbox.unreceipted) == 6


def test_a_disk_that_refuses_for_good_says_so_and_recovers(tmp_path: Path) -> None:
    is_dead = [False]

    def fdatasync(fd: int) -> None:
        if is_dead[0]:
            raise OSError(errno.EIO, "input/output error")
        os.fdatasync(fd)

    outbox = open_outbox(tmp_path, LIMITS, Disk(fdatasync=fdatasync))
    fill(outbox, 3)
    is_dead[0] = True
    with pytest.raises(StorageFaultError):
        outbox.append(batch(3), EPOCH, 3)
    is_dead[0] = False
    assert outbox.append(batch(3), EPOCH, 3) == 3
    assert outbox.read(3) == batch(3)


def test_a_disk_without_room_uses_the_reserve_for_summaries_only(tmp_path: Path) -> None:
    room = {"segments": 2}
    faulty = FaultyDisk()
    plain = faulty.disk()

    def rename(old: Path, new: Path) -> None:
        if new.suffix == ".seg" and "outbox" in str(new):
            if room["segments"] == 0 and (tmp_path / "outbox.reserve").exists():
                raise OSError(errno.ENOSPC, "no space left on device")
            room["segments"] = max(0, room["segments"] - 1)
        old.rename(new)

    disk = Disk(pwrite=plain.pwrite, fdatasync=plain.fdatasync, rename=rename)
    outbox = open_outbox(tmp_path, OutboxLimits(segment_bytes=SEGMENT_BYTES), disk)
    seq = len(fill_up(outbox, "free some space"))
    assert (tmp_path / "outbox.reserve").exists()
    outbox.append(batch(seq), EPOCH, seq, summary=True)
    assert not (tmp_path / "outbox.reserve").exists()
    reserve, outbox._reserve.hold = outbox._reserve.hold, lambda: False  # type: ignore[method-assign]
    with pytest.raises(OutboxFullError, match="for summaries"):
        outbox.append(batch(seq + 1), EPOCH, seq + 1)
    outbox.append(batch(seq + 1), EPOCH, seq + 1, summary=True)
    outbox._reserve.hold = reserve  # type: ignore[method-assign]
    outbox.append(batch(seq + 2), EPOCH, seq + 2)
    outbox.full = False
    outbox.tidy(now_ms=0)
    assert (tmp_path / "outbox.reserve").exists()


def test_rot_is_declared_and_costs_only_itself(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 12)
    outbox.close()
    oldest = min((tmp_path / "outbox").iterdir())
    content = bytearray(oldest.read_bytes())
    at = content.find(batch(3)[-40:])
    content[at] ^= 1
    oldest.write_bytes(content)
    outbox = open_outbox(tmp_path)
    (gap,) = outbox.take_gaps()
    assert (gap.epoch, gap.from_seq, gap.to_seq) == (EPOCH, 3, 3)
    assert outbox.take_gaps() == ()
    assert outbox.read(3) is None
    assert outbox.status().rotten == 1
    assert [n for n in outbox.unreceipted if n != 3] == [0, 1, 2, *range(4, 12)]
    assert outbox.read(4) == batch(4)


def test_rot_that_is_met_while_sending_is_declared_too(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    fill(outbox, 12)
    oldest = min((tmp_path / "outbox").iterdir())
    content = bytearray(oldest.read_bytes())
    content[content.find(batch(5)[-40:])] ^= 1
    oldest.write_bytes(content)
    assert outbox.read(5) is None
    assert 5 not in outbox.unreceipted
    assert [(gap.from_seq, gap.to_seq) for gap in outbox.take_gaps()] == [(5, 5)]


@pytest.mark.parametrize("lost", ["outbox", "outbox.cursor"])
def test_a_cursor_of_another_log_settles_nothing(tmp_path: Path, lost: str) -> None:
    outbox = open_outbox(tmp_path)
    outbox.settle(Runs.of(fill(outbox, 8)))
    outbox.close()
    path = tmp_path / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    outbox = open_outbox(tmp_path)
    if lost == "outbox":
        other = [outbox.append(batch(seq, b"epoch--2"), b"epoch--2", seq) for seq in range(9)]
        assert list(outbox.unreceipted) == other
        outbox.close()
        outbox = open_outbox(tmp_path)
        assert list(outbox.unreceipted) == other
    else:
        assert len(outbox.unreceipted) == 8


def test_a_card_from_a_backup_goes_on_from_its_own_head(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path / "card")
    chain = chain_of(6)
    for one in chain[:3]:
        outbox.append(one.data, one.body.epoch, one.body.seq)
    outbox.close()
    shutil.copytree(tmp_path / "card", tmp_path / "backup")
    restored = open_outbox(tmp_path / "backup")
    assert restored.head is not None
    assert (restored.head.seq, restored.head.sha256) == (2, chain[2].sha256)


class Model(RuleBasedStateMachine):
    """Against a plain dictionary: appends, settling, crashes, refusals of the disk."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="outbox-"))
        self.faulty = FaultyDisk()
        self.outbox = open_outbox(self.folder, LIMITS, self.faulty.disk())
        self.kept: dict[int, bytes] = {}
        self.settled: set[int] = set()
        self.seq = 0

    @rule(fault=st.sampled_from(["", "", "", "fdatasync", "pwrite", "rename"]))
    def append(self, fault: str) -> None:
        data = batch(self.seq)
        if fault:
            self.faulty.fail(fault)
        try:
            number = self.outbox.append(data, EPOCH, self.seq)
        except OutboxFullError:
            used = self.outbox.status().used_bytes
            assert used + 2 * SEGMENT_BYTES > LIMITS.max_bytes
            return
        finally:
            self.faulty.heal()
        assert number not in self.kept
        self.kept[number] = data
        self.seq += 1

    @rule(share=st.floats(0, 1))
    def settle_oldest(self, share: float) -> None:
        waiting = sorted(set(self.kept) - self.settled)
        some = waiting[: int(len(waiting) * share)]
        self.settled |= set(some)
        self.outbox.settle(Runs.of(some))

    @rule(data=st.data())
    def settle_any(self, data: st.DataObject) -> None:
        if self.kept:
            some = data.draw(st.sets(st.sampled_from(sorted(self.kept)), max_size=3))
            self.settled |= some
            self.outbox.settle(Runs.of(some))

    @rule(late=st.booleans())
    def tidy(self, late: bool) -> None:  # noqa: FBT001
        self.outbox.tidy(NOW_MS if late else 0)

    @rule(seed=st.integers(0, 1 << 16), clean=st.booleans())
    def restart(self, seed: int, clean: bool) -> None:  # noqa: FBT001
        if clean:
            self.outbox.close()
            self.faulty.forget()
        else:
            self.faulty.seed = seed
            self.faulty.crash()
            self.outbox._cursor.close()
            self.outbox._receipts.close()
            self.outbox._records.close()
        self.outbox = open_outbox(self.folder, LIMITS, self.faulty.disk())
        assert self.outbox.take_gaps() == ()
        held = set(self.outbox._records.held.all)
        assert held <= set(self.kept)
        # What the cursor did not know yet is sent again: duplicates, never a loss.
        self.settled = {n for n in self.kept if n not in self.outbox.unreceipted}

    @precondition(lambda self: hasattr(self, "outbox"))
    @invariant()
    def every_batch_without_a_receipt_can_be_read(self) -> None:
        waiting = set(self.kept) - self.settled
        assert set(self.outbox.unreceipted) == waiting
        for number in random.Random(len(waiting)).sample(sorted(waiting), min(3, len(waiting))):
            assert self.outbox.read(number) == self.kept[number]
        assert self.outbox.status().used_bytes <= LIMITS.max_bytes

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            for number in set(self.kept) - self.settled:
                assert self.outbox.read(number) == self.kept[number]
            self.outbox.close()
            self.faulty.forget()
            shutil.rmtree(self.folder)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


class CrashError(Exception):
    """The process died at this call."""


def test_a_crash_at_any_call_of_the_disk_loses_no_batch(tmp_path: Path) -> None:
    for die_at in range(200):
        folder = tmp_path / str(die_at)
        calls = {"left": die_at}

        def counted(name: str, calls: dict[str, int] = calls) -> object:
            real = getattr(REAL_DISK, name)

            def call(*args: object) -> object:
                calls["left"] -= 1
                if calls["left"] < 0:
                    raise CrashError
                return real(*args)

            return call

        names = ("pwrite", "fdatasync", "fsync", "rename", "unlink")
        disk = Disk(**{name: counted(name) for name in names})  # type: ignore[arg-type]
        acked: list[int] = []
        settled = NONE
        try:
            outbox = open_outbox(folder, LIMITS, disk)
            for seq in range(40):
                acked.append(outbox.append(batch(seq), EPOCH, seq))
                if seq % 4 == 3:
                    settled = settled.add(0, seq - 2)
                    outbox.settle(settled)
                    outbox.tidy(NOW_MS)
        except CrashError:
            pass
        if calls["left"] >= 0:
            break
        shutil.copytree(folder, tmp_path / "copy")  # the dead process still holds the lock
        outbox = open_outbox(tmp_path / "copy")
        waiting = [n for n in acked if n not in settled]
        assert set(waiting) <= set(outbox.unreceipted)
        assert [outbox.read(n) for n in waiting] == [batch(n) for n in waiting]
        outbox.close()
        shutil.rmtree(tmp_path / "copy")
    else:
        raise AssertionError("the story has more calls than were tried")
