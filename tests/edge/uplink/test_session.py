"""The uplink against a cloud that keeps the contract, over a link that does not."""

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.frame import Frame
from edge.outbox.outbox import Outbox
from edge.uplink import choice, window
from edge.uplink.desk import Desk
from edge.uplink.session import Uplink, UplinkParts
from edge.uplink.window import Policy
from evidence.outcome import Retry
from tests.support.cloud_link import CloudLink
from tests.support.fake_cloud import FakeCloud, Fault
from tests.support.gateway_parts import Bench
from tests.support.modbus_builders import BootClock
from tests.support.wait import until

SHAPE = Frame(channels=(1, 2), exps=(-1, -1), period_ms=1000)
QUICK = Policy(
    window=8,
    answer_timeout_ms=150,
    refused_ceiling_ms=60,
    unreached_ceiling_ms=40,
    backlog_per_s=2000.0,
)


class LeapingClock(BootClock):
    """The real clock, `ahead_ms` later."""

    ahead_ms = 0

    def mono_ms(self) -> int:
        return super().mono_ms() + self.ahead_ms


@dataclass(slots=True)
class Gateway:
    """A recorder, an outbox and an uplink over `links`; real time, small time-outs."""

    folder: Path
    links: list[CloudLink]
    policy: Policy = QUICK
    fed: list[tuple[int, int]] = field(default_factory=list)
    bench: Bench = field(init=False)
    desk: Desk = field(init=False)
    uplink: Uplink = field(init=False)
    at_ms: int = 1_000_000
    clock: LeapingClock = field(default_factory=LeapingClock)

    def __post_init__(self) -> None:
        self.bench = Bench(folder=self.folder)
        self.desk = Desk(self.bench.outbox, self.links[0].cloud.pins())
        self.desk.replay()
        parts = UplinkParts(
            clock=self.clock,
            disk=self.bench.thread,
            desk=self.desk,
            ways=self.links,
            open_epoch=self.bench.recorder.open_epoch,
            policy=self.policy,
        )
        state = window.start(self.policy, self.outbox.unreceipted)
        self.uplink = Uplink(parts, state)
        self.bench.on_written = self.uplink.sealed

    @property
    def outbox(self) -> Outbox:
        return self.bench.outbox

    async def record(self, batches: int) -> None:
        for _ in range(batches):
            self.at_ms += 1000
            self.bench.clock.now_ms = self.at_ms
            value = self.at_ms % 97
            self.bench.recorder.row(SHAPE, self.at_ms, (value, value + 1), None)
            self.fed.append((self.at_ms, value))
            self.bench.recorder._seal()
            await self.bench.store()

    async def settle(self) -> None:
        """Wait until the cloud has proven everything, also what is sealed while waiting."""
        await until(lambda: not self.outbox.unreceipted, 20, "receipts for the whole outbox")
        async with asyncio.timeout(10):
            await self.uplink.drained()


@asynccontextmanager
async def running(gateway: Gateway) -> AsyncIterator[Gateway]:
    task = asyncio.create_task(gateway.uplink.run())
    try:
        yield gateway
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        gateway.bench.close()


def check_whole(gateway: Gateway, cloud: FakeCloud) -> None:
    """Every reading fed is stored exactly once, with its value."""
    ahead_ms = gateway.bench.clock.ahead_ms
    stored = sorted((t - ahead_ms, v) for c, _, t, v, _ in cloud.readings() if c == 1)
    assert stored == sorted(gateway.fed)
    assert cloud.counts["loss"] == cloud.counts["fork"] == cloud.counts["branch"] == 0


async def test_batches_are_sent_as_they_are_sealed_and_freed_by_receipts(
    tmp_path: Path,
) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(20)
        await gateway.settle()
        assert link.cloud.counts["batches"] == 20
        assert gateway.uplink.status.link == "up"
        assert gateway.uplink.status.last_receipt_ms is not None
        assert gateway.outbox.checkpoint is not None
    check_whole(gateway, link.cloud)


@pytest.mark.parametrize("fault", Fault)
async def test_a_lost_request_or_reply_stores_every_batch_once(
    tmp_path: Path, fault: Fault
) -> None:
    link = CloudLink(FakeCloud())
    link.faults.extend([None, fault, None, fault, fault, fault])
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(6)
        await gateway.settle()
    check_whole(gateway, link.cloud)
    assert link.cloud.counts["batches"] > 6 - (fault is Fault.LOST_REQUEST)
    assert (link.cloud.counts["duplicate"] > 0) == (fault is Fault.LOST_REPLY)


async def test_an_outage_is_caught_up_in_order(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud(), down=True)
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(60)
        assert not link.sent
        link.down = False
        await gateway.settle()
    check_whole(gateway, link.cloud)
    seqs = [seq for _, seq in link.cloud.order]
    assert seqs[0] == 59  # the newest first: the present value
    assert seqs[1:] == list(range(59))


async def test_a_link_that_goes_silent_is_dropped_and_nothing_is_lost(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(3)
        await gateway.settle()
        link.silent = True
        await gateway.record(5)
        await until(lambda: link.attempts >= 3, 10, "new attempts")
        link.silent = False
        await gateway.settle()
    check_whole(gateway, link.cloud)


async def test_a_reset_link_comes_back_by_itself(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        for _ in range(4):
            await gateway.record(3)
            link.cut()
            await gateway.record(3)
            link.down = False
        await gateway.settle()
    check_whole(gateway, link.cloud)


async def test_chance_faults_lose_and_double_nothing(tmp_path: Path) -> None:
    rng = random.Random(7)
    link = CloudLink(FakeCloud())
    choices = [None, None, Fault.LOST_REQUEST, Fault.LOST_REPLY]
    async with running(Gateway(tmp_path, [link])) as gateway:
        for _ in range(12):
            link.faults.extend(rng.choices(choices, k=6))
            await gateway.record(rng.randint(1, 5))
            if rng.random() < 0.3:
                link.cut()
                await gateway.record(2)
                link.down = False
        link.faults.clear()
        await gateway.settle()
    check_whole(gateway, link.cloud)


async def test_a_restart_in_an_outage_goes_on_where_it_was(tmp_path: Path) -> None:
    cloud = FakeCloud()
    async with running(Gateway(tmp_path, [CloudLink(cloud)])) as first:
        await first.record(5)
        await first.settle()
    async with running(Gateway(tmp_path, [CloudLink(cloud, down=True)])) as second:
        second.at_ms = first.at_ms
        await second.record(5)
    async with running(Gateway(tmp_path, [CloudLink(cloud)])) as third:
        third.at_ms = second.at_ms
        await third.record(5)
        await third.settle()
    third.fed = first.fed + second.fed + third.fed
    check_whole(third, cloud)
    assert len({epoch for epoch, _ in cloud.order}) == 3


async def test_a_receipt_that_a_crash_kept_from_the_cursor_is_not_asked_for_again(
    tmp_path: Path,
) -> None:
    cloud = FakeCloud()
    async with running(Gateway(tmp_path, [CloudLink(cloud)])) as first:
        await first.record(5)
        await first.settle()
        shutil.copytree(tmp_path, tmp_path / "crashed")
    sent = cloud.counts["batches"]
    second = Gateway(tmp_path / "crashed", [CloudLink(cloud)])
    assert not second.outbox.unreceipted
    async with running(second):
        await second.settle()
    assert cloud.counts["batches"] == sent


async def test_a_receipt_by_another_key_frees_nothing(tmp_path: Path) -> None:
    cloud, forger = FakeCloud(), FakeCloud(origin="cloud.evil/log/2026")
    link = CloudLink(cloud)
    async with running(Gateway(tmp_path, [link])) as gateway:
        cloud.withhold_receipts = True
        await gateway.record(1)
        await until(lambda: gateway.desk.counts["archivedsofar"] == 1)
        (batch,) = link.sent
        link.say.append(forger.take([batch])[0])
        link.say.append(b"\xd2\x84garbage")
        await gateway.record(1)
        await until(lambda: sum(n for k, n in gateway.desk.counts.items() if "unv" in k) == 2)
        assert len(gateway.outbox.unreceipted) == 2


async def test_a_receipt_of_the_log_of_next_year_counts(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud(origin="cloud.test/log/2027-2"))
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(3)
        await gateway.settle()


async def test_a_batch_refused_for_good_lies_in_the_evidence_folder(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        link.cloud.refuse[gateway.bench.writer.chain.epoch, 1] = Retry.NEVER
        await gateway.record(3)
        await gateway.settle()
        assert gateway.outbox.status().refused == 1
    assert len(link.cloud.stored) == 2


async def test_a_refused_epoch_is_followed_by_another(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        first = gateway.bench.writer.chain.epoch
        link.cloud.refuse[first, 1] = Retry.NEW_EPOCH
        await gateway.record(2)
        await until(lambda: gateway.outbox.status().refused == 1)
        await gateway.bench.store()
        await gateway.record(1)
        await gateway.settle()
        assert gateway.bench.writer.chain.epoch != first
    assert (link.cloud.order[-1][0]) != first


async def test_a_restored_cloud_gets_again_what_it_asks_for(tmp_path: Path) -> None:
    cloud = FakeCloud()
    link = CloudLink(cloud)
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(6)
        await gateway.settle()
        epoch = gateway.bench.writer.chain.epoch
        older = FakeCloud(origin="cloud.test/log/2026-2")
        older.take([cloud.stored[epoch, seq] for seq in range(2)])
        link.cloud = older
        link.say.append(older.resend(epoch, 2, 5))
        await gateway.record(1)
        await until(lambda: len(older.stored) == 7)
        await gateway.settle()
    check_whole(gateway, older)


async def test_a_gateway_told_to_slow_down_keeps_its_link(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud())
    async with running(Gateway(tmp_path, [link])) as gateway:
        link.say.append(link.cloud.slow(1, 1))
        await gateway.record(1)
        await until(lambda: gateway.desk.counts["slowdown"] == 1)
        await gateway.record(3)
        await gateway.settle()
        assert link.attempts == 1


async def test_the_second_way_is_taken_when_the_first_cannot_be_reached(tmp_path: Path) -> None:
    cloud = FakeCloud()
    broker = CloudLink(cloud, name="broker", down=True)
    other = CloudLink(cloud, name="other")
    async with running(Gateway(tmp_path, [broker, other])) as gateway:
        await gateway.record(3)
        await gateway.settle()
        assert gateway.uplink.status.way == "other"
        assert broker.attempts == choice.TRIES
        other.cut()
        broker.down = False
        await gateway.record(3)
        await gateway.settle()
        assert gateway.uplink.status.way == "broker"
    check_whole(gateway, cloud)


async def test_the_better_way_is_tried_again_after_a_while(tmp_path: Path) -> None:
    cloud = FakeCloud()
    broker = CloudLink(cloud, name="broker", down=True)
    other = CloudLink(cloud, name="other")
    async with running(Gateway(tmp_path, [broker, other])) as gateway:
        await gateway.record(1)
        await gateway.settle()
        assert gateway.uplink.status.way == "other"
        broker.down = False
        gateway.clock.ahead_ms += choice.AGAIN_MS
        await gateway.record(1)
        await until(lambda: gateway.uplink.status.way == "broker", 10)
        await gateway.record(2)
        await gateway.settle()
        assert other.attempts == 1
    check_whole(gateway, cloud)


async def test_rot_met_while_sending_does_not_stop_the_rest(tmp_path: Path) -> None:
    link = CloudLink(FakeCloud(), down=True)
    gateway = Gateway(tmp_path, [link])
    await gateway.record(5)
    (segment,) = (tmp_path / "outbox").iterdir()
    content = bytearray(segment.read_bytes())
    batch = gateway.outbox.read(2)
    assert batch is not None
    content[content.find(batch[-30:])] ^= 1
    segment.write_bytes(content)
    async with running(gateway):
        link.down = False
        await gateway.settle()
        await gateway.record(1)
        await gateway.settle()
    assert sorted(seq for _, seq in link.cloud.order) == [0, 1, 3, 4, 5]
    last = link.cloud.bodies[link.cloud.order[-1]]
    assert [(e.body[1], e.body[2]) for e in last.events] == [(2, 2)]


async def test_a_transport_that_fails_in_an_unforeseen_way_is_a_link_that_fails(
    tmp_path: Path,
) -> None:
    class BreaksOnce(FakeCloud):
        """Fails in the way of a mistake, not of a network."""

        def take(self, batches: Sequence[bytes]) -> list[bytes]:
            self.counts["calls"] += 1
            if self.counts["calls"] == 1:
                raise ZeroDivisionError
            return super().take(batches)

    link = CloudLink(BreaksOnce())
    async with running(Gateway(tmp_path, [link])) as gateway:
        await gateway.record(2)
        await gateway.settle()
    check_whole(gateway, link.cloud)
