"""The sequencer on a real archive: stored once, answered always, the same after any restart."""

from dataclasses import replace
from pathlib import Path

import pytest

from cloud.archive.finding import decode_finding
from evidence.outcome import Refusal, Retry
from evidence.record import RecordKind
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud, control, receipt
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway) -> Cloud:
    return Cloud(tmp_path, [gateway, SigningGateway("gw-demo-02", 2)])


def test_a_stored_batch_gets_one_receipt_that_its_gateway_verifies(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)


def test_one_receipt_proves_all_batches_of_a_checkpoint(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(gateway.batch())
    route = RecordingRoute()
    (answer,) = cloud.take(*gateway.batches(50), route=route)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 50),)
    assert route.settled == 50


def test_a_batch_is_acknowledged_to_the_broker_only_after_the_flush(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    route = RecordingRoute()
    cloud.deliver(gateway.batch(), route=route)
    assert route.acknowledged == 0
    cloud.sequencer.step()
    assert route.acknowledged == 1
    assert cloud.stream.next_index == 2


def test_a_lost_reply_stores_the_batch_once(cloud: Cloud, gateway: SigningGateway) -> None:
    batch = gateway.batch()
    (first,) = cloud.take(batch)
    (second,) = cloud.take(batch)
    assert receipt(first, gateway).runs == receipt(second, gateway).runs
    assert _stored(cloud) == [batch]


def test_a_lost_request_leaves_a_gap_that_the_next_try_closes(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    lost, after = gateway.batches(2)
    (answer,) = cloud.take(after)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 1, 1),)
    (answer,) = cloud.take(lost)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 2),)
    assert cloud.findings() == []


def test_a_duplicate_in_the_same_group_is_stored_once(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batch = gateway.batch()
    route = RecordingRoute()
    cloud.take(batch, batch, batch, route=route)
    assert _stored(cloud) == [batch]
    assert route.settled == 3


def test_a_duplicate_of_long_ago_is_answered_by_its_own_proof(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batches = gateway.batches(30)
    cloud.take(*batches)
    cloud.restart()
    (answer,) = cloud.take(batches[7], batches[9])
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 9),)


def test_a_fork_is_refused_reported_and_kept_as_evidence(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    body = gateway.body()
    cloud.take(gateway.sign(body))
    other = gateway.envelope(replace(body, err_ms=21))
    (answer,) = cloud.take(other)
    refusal = control(answer, gateway)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.retry, refusal.seq) == ("fork", Retry.NEW_EPOCH, 0)
    assert cloud.findings() == ["fork"]
    (kept,) = cloud.quarantine.folder.glob("*/*.bin")
    assert kept.read_bytes() == other
    assert len(_stored(cloud)) == 1


def test_two_epochs_from_one_parent_are_both_stored_and_reported_as_a_branch(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(gateway.batch())
    parent = (gateway.epoch, 0)
    gateway.new_epoch(2, parent)
    cloud.take(gateway.batch())
    gateway.new_epoch(3, parent)
    cloud.take(gateway.batch())
    assert cloud.findings() == ["branch"]
    assert len(_stored(cloud)) == 3


def test_what_no_outbox_holds_is_a_loss_until_it_arrives(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batches = gateway.batches(3)
    cloud.take(batches[0])
    gateway.lowest_held = (gateway.epoch, 3)
    cloud.take(gateway.batch())
    cloud.take(batches[1], batches[2])
    records = cloud.reader.read_records(0, 100)
    found = [decode_finding(r.raw) for r in records if r.kind == RecordKind.FINDING]
    assert [(f.kind, f.lo, f.hi, f.open) for f in found] == [
        ("loss", 1, 2, True),
        ("loss", 1, 1, False),
        ("loss", 2, 2, False),
    ]


def test_a_clock_that_stays_wrong_is_reported_once_an_hour(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    gateway.start_ms += 2 * 86_400_000
    for _ in range(5):
        cloud.take(gateway.batch())
    assert cloud.findings() == ["future"]


def test_a_crash_between_append_and_checkpoint_loses_nothing(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.deliver(gateway.batch(), route=RecordingRoute())
    cloud.sequencer.step()
    cloud.deliver(*gateway.batches(3), route=RecordingRoute())
    cloud.sequencer.step()
    assert cloud.stream.current.published_size < cloud.stream.next_index
    cloud.restart()
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 4),)
    assert cloud.verify().passed


def _stored(cloud: Cloud) -> list[bytes]:
    records = cloud.reader.read_records(0, 1_000_000)
    return [r.raw for r in records if r.kind == RecordKind.BATCH]
