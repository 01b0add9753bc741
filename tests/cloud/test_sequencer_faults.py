"""Disks that refuse and files that change: nothing durable is lost, nothing false is signed."""

import errno
from pathlib import Path

import pytest

from cloud.archive.finding import BAD_SIGNATURE, FindingRecord
from cloud.archive.sequencer import FAULT_PAUSE_S
from evidence.outcome import Archived, Slow
from evidence.record import RecordKind
from tests.support.faulty_disk import FaultyDisk
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud, control, receipt
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway, disk: FaultyDisk) -> Cloud:
    cloud = Cloud(tmp_path, [gateway], disk=disk.disk())
    cloud.take(gateway.batch())
    return cloud


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_what_the_disk_refused_is_asked_for_later_and_then_stored_once(
    cloud: Cloud, gateway: SigningGateway, disk: FaultyDisk, call: str, number: int
) -> None:
    batch = gateway.batch()
    disk.fail(call, number)
    route = RecordingRoute()
    cloud.deliver(batch, route=route)
    cloud.sequencer.step()
    assert isinstance(control(route.messages[0], gateway), Slow)
    assert cloud.sequencer.fault
    disk.heal()
    cloud.hands.pass_s(FAULT_PAUSE_S)
    (answer,) = cloud.take(batch)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 1),)
    assert cloud.sequencer.fault == ""
    cloud.restart()
    assert _kinds(cloud).count(RecordKind.BATCH) == 2
    assert cloud.verify().passed


def test_while_the_disk_refuses_gateways_are_slowed_down_and_the_broker_is_not_blocked(
    cloud: Cloud, gateway: SigningGateway, disk: FaultyDisk
) -> None:
    for _ in range(3):
        disk.fail("pwrite", errno.EIO)
        route = RecordingRoute()
        (answer,) = cloud.take(gateway.batch(), route=route)
        assert isinstance(control(answer, gateway), Slow)
        assert route.acknowledged == 1
    assert cloud.stream.next_index == 2


def test_a_finding_that_met_a_full_disk_is_archived_afterwards(
    cloud: Cloud, disk: FaultyDisk
) -> None:
    disk.fail("pwrite", errno.ENOSPC)
    cloud.sequencer.report(
        FindingRecord(
            kind=BAD_SIGNATURE, gateway="g", kid=b"", epoch=b"", lo=0, hi=0, detail="", at_ms=1
        )
    )
    cloud.sequencer.step()
    assert cloud.findings() == []
    disk.heal()
    cloud.hands.pass_s(FAULT_PAUSE_S)
    cloud.sequencer.step()
    assert cloud.findings() == [BAD_SIGNATURE]


def test_a_checkpoint_that_cannot_be_written_is_made_later(
    cloud: Cloud, gateway: SigningGateway, disk: FaultyDisk
) -> None:
    disk.fail("rename", errno.EIO)
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 1),)
    assert cloud.stream.current.published_size == 2
    disk.heal()
    cloud.hands.pass_s(FAULT_PAUSE_S)
    cloud.take()
    assert cloud.stream.current.published_size == 3
    assert cloud.verify().passed


def test_a_record_changed_under_the_checkpoint_stops_signing_but_not_archiving(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    before = (cloud.archive / "log" / "checkpoint").read_bytes()
    _flip(cloud, gateway.sent[gateway.epoch, 1][-64:])
    cloud.restart()
    assert "restore it from a backup" in cloud.stream.current.refusal
    (answer,) = cloud.take(gateway.batch())
    assert control(answer, gateway) == Archived(runs=((gateway.epoch, 4, 4),))
    assert (cloud.archive / "log" / "checkpoint").read_bytes() == before


def test_records_that_end_before_the_checkpoint_stop_signing(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    cloud.stream.close()
    (segment,) = (cloud.archive / "records").glob("*.seg")
    data = segment.read_bytes()
    at = data.index(gateway.sent[gateway.epoch, 3]) - 60
    segment.write_bytes(data[:at] + bytes(len(data) - at - 48) + data[-48:])
    cloud.open()
    assert cloud.stream.current.refusal
    (answer,) = cloud.take(gateway.batch())
    assert isinstance(control(answer, gateway), Archived)


def test_a_batch_whose_record_rots_is_stored_again_when_it_is_sent_again(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    batch = gateway.sent[gateway.epoch, 2]
    (segment,) = (cloud.archive / "records").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[data.index(batch) + 50] ^= 1
    segment.write_bytes(data)
    (answer,) = cloud.take(batch)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 2, 2),)


def test_the_ledger_is_the_same_after_any_restart(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batches = gateway.batches(12)
    cloud.take(*batches[:3], *batches[6:9])
    cloud.take(batches[4])
    gateway.new_epoch(2, (gateway.epoch, 12))
    cloud.take(*gateway.batches(3))
    before = cloud.sequencer.ledger.chains
    cloud.restart()
    assert cloud.sequencer.ledger.chains == before


def _flip(cloud: Cloud, inside: bytes) -> None:
    cloud.stream.close()
    (segment,) = (cloud.archive / "records").glob("*.seg")
    data = bytearray(segment.read_bytes())
    data[data.index(inside)] ^= 1
    segment.write_bytes(data)


def _kinds(cloud: Cloud) -> list[int]:
    return [r.kind for r in cloud.reader.read_records(0, 10_000)]
