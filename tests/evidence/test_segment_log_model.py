"""The segment log against a plain list, through crashes, full disks, faults and bit flips."""

import errno
import random
import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from evidence.errors import LogFullError, StorageFaultError
from evidence.segment_log import SegmentLog
from tests.support.faulty_disk import FaultyDisk

SEGMENT_BYTES = 4096
SIZES = st.lists(st.integers(0, 900), min_size=1, max_size=4)


class LogMachine(RuleBasedStateMachine):
    """`written` is what the log should hold; the first `durable` of it survive anything.

    After a power cut any of the `attempts` since the last flush may be found at its place,
    those included that a fault or a full disk refused: none was ever promised, none is mixed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.written: list[bytes] = []
        self.durable = 0
        self.attempts: dict[int, set[bytes]] = {}
        self.made = 0
        self.faults = FaultyDisk()
        self.log = self.opened()

    def opened(self) -> SegmentLog:
        return SegmentLog.open(
            self.directory, segment_bytes=SEGMENT_BYTES, disk=self.faults.disk()
        )

    def teardown(self) -> None:
        self.log.close()
        self.faults.forget()
        shutil.rmtree(self.directory)

    def group(self, sizes: list[int]) -> list[bytes]:
        """Return new payloads, each unlike any other, and note that they will be tried."""
        payloads = []
        for place, size in enumerate(sizes, len(self.written)):
            self.made += 1
            payloads.append(self.made.to_bytes(4, "big") + bytes(size))
            self.attempts.setdefault(place, set()).add(payloads[-1])
        return payloads

    def flushed(self) -> None:
        if self.log.synced_seq > self.durable:  # else nothing was flushed
            self.attempts = {}
        self.durable = self.log.synced_seq

    @rule(sizes=SIZES)
    def append(self, sizes: list[int]) -> None:
        group = self.group(sizes)
        positions = self.log.append_many(group)
        self.written += group
        assert [at.seq for at in positions] == list(range(len(self.written)))[-len(group) :]

    @rule()
    def sync(self) -> None:
        self.log.sync()
        assert self.log.synced_seq == len(self.written)
        self.flushed()

    @rule(sizes=SIZES, partial_bytes=st.integers(0, 2000))
    def disk_full(self, sizes: list[int], partial_bytes: int) -> None:
        group = self.group(sizes)
        self.faults.fail("pwrite", errno.ENOSPC, partial_bytes)
        try:
            self.log.append_many(group)
            self.written += group  # the write was shorter than the room left
        except LogFullError:
            pass
        self.faults.heal()

    @rule(sizes=SIZES, call=st.sampled_from(["pwrite", "fdatasync", "rename"]))
    def storage_fault(self, sizes: list[int], call: str) -> None:
        group = self.group(sizes)
        self.faults.fail(call)
        try:
            self.log.append_many(group)
            self.written += group
            self.log.sync()
            self.flushed()
        except StorageFaultError:
            self.faults.heal()
            kept = self.log.reopen_after_fault()
            assert kept >= self.durable
            del self.written[kept:]
            self.durable = kept
        self.faults.heal()

    @rule(seed=st.integers(0, 2**32))
    def power_cut(self, seed: int) -> None:
        self.durable = max(self.durable, self.log.synced_seq)
        self.log.close()
        self.faults.seed = seed
        self.faults.crash()
        self.log = self.opened()
        assert self.log.next_seq >= self.durable
        del self.written[self.durable :]
        for at, payload in self.log.scan(self.durable):
            assert at.seq == len(self.written)
            assert payload in self.attempts[at.seq]
            self.written.append(payload)
        self.flushed()

    @rule()
    def kill(self) -> None:
        self.log.close()
        self.log = self.opened()
        assert self.log.next_seq == len(self.written)
        self.flushed()

    @rule(share=st.floats(0, 1))
    def drop(self, share: float) -> None:
        seq = int(len(self.written) * share)
        before = self.log.oldest_seq
        self.log.drop_before(seq)
        assert before <= self.log.oldest_seq <= max(seq, before)

    @invariant()
    def holds_what_was_written(self) -> None:
        oldest = self.log.oldest_seq
        held = [(at.seq, payload) for at, payload in self.log.scan()]
        assert held == list(enumerate(self.written))[oldest:]
        assert self.log.next_seq == len(self.written)
        assert self.log.rot == ()


TestLogAgainstAList = LogMachine.TestCase
TestLogAgainstAList.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_flipped_bit_anywhere_is_reported_or_harmless(seed: int) -> None:
    rng = random.Random(seed)
    directory = Path(tempfile.mkdtemp())
    try:
        payloads = [rng.randbytes(rng.randrange(600)) for _ in range(rng.randrange(1, 25))]
        with SegmentLog.open(directory, segment_bytes=SEGMENT_BYTES) as log:
            for payload in payloads:
                log.append(payload)
                log.sync()
        path = rng.choice(sorted(directory.iterdir()))
        data = bytearray(path.read_bytes())
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(data)
        with SegmentLog.open(directory, segment_bytes=SEGMENT_BYTES) as log:
            held = {at.seq: payload for at, payload in log.scan()}
            assert all(payloads[seq] == payload for seq, payload in held.items())
            lost = set(range(len(payloads))) - set(held)
            named = {n for rot in log.rot for n in range(rot.first_seq, rot.last_seq + 1)}
            torn = {len(payloads) - 1} if log.torn_bytes else set()
            assert lost <= named | torn
            assert log.rot or log.torn_bytes
    finally:
        shutil.rmtree(directory)
