"""A revoked key: nothing of it is stored any more, and nothing that was stored is lost."""

import random
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from cloud.archive.finding import REVOKED_KEY
from cloud.archive.snapshot import FILE_NAME
from evidence.key_record import KeyEvent
from evidence.outcome import Refusal, Retry
from evidence.record import RecordKind
from tests.support.key_records import key_record, revocation
from tests.support.routes import RecordingRoute
from tests.support.sequencing import Cloud, control, receipt
from tests.support.signing import SigningGateway


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway) -> Cloud:
    return Cloud(tmp_path, [gateway, SigningGateway("gw-demo-02", 2)])


def _revoke(cloud: Cloud, gateway: SigningGateway) -> int:
    """Revoke the gateway's key and return the record's index."""
    cloud.sequencer.record(RecordKind.KEY, revocation(gateway))
    cloud.sequencer.step()
    return cloud.stream.next_index - 1


def _stored(cloud: Cloud) -> list[bytes]:
    return [r.raw for r in cloud.reader.read_records(0, 1_000) if r.kind == RecordKind.BATCH]


def _refused(cloud: Cloud, gateway: SigningGateway, batch: bytes) -> Refusal:
    (answer,) = cloud.take(batch)
    refusal = control(answer, gateway)
    assert isinstance(refusal, Refusal)
    return refusal


def test_what_comes_after_the_revocation_is_refused_for_good_kept_and_told(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    before = gateway.batch()
    cloud.take(before)
    index = _revoke(cloud, gateway)
    after = gateway.batch()
    refusal = _refused(cloud, gateway, after)
    assert (refusal.code, refusal.retry, refusal.seq) == ("revoked", Retry.NEVER, 1)
    assert _stored(cloud) == [before]
    (kept,) = cloud.quarantine.folder.glob("*/*.bin")
    assert kept.read_bytes() == after
    (line,) = cloud.quarantine.folder.glob("*/*.jsonl")
    assert f"came after record {index}" in line.read_text()
    assert cloud.findings() == [REVOKED_KEY]
    assert cloud.sequencer.counts["revoked"] == 1


def test_what_was_stored_before_is_answered_again_with_its_receipt(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    before = gateway.batches(3)
    cloud.take(*before)
    _revoke(cloud, gateway)
    (answer,) = cloud.take(*before)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 2),)
    assert _stored(cloud) == before


def test_a_late_batch_of_an_old_time_is_refused_though_it_fills_a_gap(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    late, stored = gateway.batches(2)
    cloud.take(stored)
    _revoke(cloud, gateway)
    assert _refused(cloud, gateway, late).code == "revoked"
    gateway.new_epoch(2, (gateway.epoch, 1))
    gateway.start_ms -= 86_400_000
    assert _refused(cloud, gateway, gateway.batch()).code == "revoked"


def test_another_batch_for_a_stored_place_is_refused_as_revoked(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    body = gateway.body()
    cloud.take(gateway.sign(body))
    _revoke(cloud, gateway)
    other = gateway.envelope(replace(body, err_ms=21))
    assert _refused(cloud, gateway, other).code == "revoked"


def test_a_batch_in_the_group_of_the_revocation_was_before_it(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batch = gateway.batch()
    cloud.sequencer.record(RecordKind.KEY, revocation(gateway))
    (answer,) = cloud.take(batch)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)
    kinds = [r.kind for r in cloud.reader.read_records(1, 10)]
    assert kinds == [RecordKind.BATCH, RecordKind.KEY]
    assert _refused(cloud, gateway, gateway.batch()).code == "revoked"


def test_the_other_gateways_go_on(cloud: Cloud, gateway: SigningGateway) -> None:
    _revoke(cloud, gateway)
    other = cloud.gateways[1]
    (answer,) = cloud.take(other.batch(), route=RecordingRoute(other.id))
    assert receipt(answer, other).runs == ((other.epoch, 0, 0),)


def test_enrolment_and_rotation_refuse_nothing(cloud: Cloud, gateway: SigningGateway) -> None:
    for event in (KeyEvent.ENROLLED, KeyEvent.ROTATED):
        cloud.sequencer.record(RecordKind.KEY, key_record(gateway, event))
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)


@pytest.mark.parametrize("saved", [False, True], ids=["from the archive", "from a snapshot"])
def test_a_restart_does_not_forget(
    cloud: Cloud, gateway: SigningGateway, *, saved: bool
) -> None:
    before = gateway.batch()
    cloud.take(before)
    index = _revoke(cloud, gateway)
    if saved:
        cloud.sequencer.save()
    cloud.restart()
    assert cloud.sequencer.applied_at_start == (0 if saved else 1)
    assert cloud.sequencer.ledger.revoked == {gateway.key.kid: index}
    assert _refused(cloud, gateway, gateway.batch()).code == "revoked"
    (answer,) = cloud.take(before)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)


def test_a_snapshot_without_revocations_is_not_believed(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    _revoke(cloud, gateway)
    cloud.sequencer.save()
    file = cloud.folder / FILE_NAME
    _digest, _, body = file.read_bytes().partition(b"\n")
    file.write_bytes(_signed(body.replace(b',"revoked"', b"", 1)))
    cloud.restart()
    assert gateway.key.kid in cloud.sequencer.ledger.revoked


def test_the_next_log_still_refuses_and_keeps_the_first_index(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    index = _revoke(cloud, gateway)
    cloud.hands.pass_s(366 * 86_400)
    cloud.take()
    assert len(cloud.stream.logs) == 2
    _revoke(cloud, gateway)
    for _ in range(2):
        assert _refused(cloud, gateway, gateway.batch()).code == "revoked"
        assert cloud.sequencer.ledger.revoked == {gateway.key.kid: index}
        cloud.restart()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_order_the_archive_holds_no_batch_after_its_revocation(
    cloud: Cloud, gateway: SigningGateway, seed: int
) -> None:
    rng = random.Random(seed)
    other = cloud.gateways[1]
    waiting = {g.id: g.batches(12) for g in (gateway, other)}
    for step in range(24):
        one = rng.choice([g for g in (gateway, other) if waiting[g.id]])
        at = rng.randrange(min(3, len(waiting[one.id])))
        batch = waiting[one.id].pop(at)
        cloud.deliver(
            batch, *rng.choices(list(one.sent.values()), k=1), route=RecordingRoute(one.id)
        )
        if step == rng.randrange(24) or step == 12:
            cloud.sequencer.record(RecordKind.KEY, revocation(gateway))
        if rng.random() < 0.5:
            cloud.sequencer.step()
        if rng.random() < 0.1:
            cloud.sequencer.step()
            cloud.restart()
    cloud.take()
    records = cloud.reader.read_records(0, 1_000)
    revoked_at = next(r.index for r in records if r.kind == RecordKind.KEY)
    places = [r.index for r in records if r.gateway == gateway.id]
    assert max(places, default=0) < revoked_at
    assert len([r for r in records if r.gateway == other.id]) == 12


def _signed(body: bytes) -> bytes:

    return sha256(body).hexdigest().encode() + b"\n" + body
