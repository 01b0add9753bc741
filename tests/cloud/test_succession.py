"""When a log ends: its year is over, or its end was lost in a restore."""

import shutil
from pathlib import Path

import pytest

from cloud.archive.restoring import Restored, write_restored
from evidence.archive_files import log_folders, read_manifest
from evidence.outcome import Archived, Resend, is_receipt
from evidence.record import RecordKind
from tests.support.routes import RecordingRoute
from tests.support.sequencing import LOG_NAME, Cloud, control, receipt
from tests.support.signing import SigningGateway

YEAR_S = 366 * 86_400
NEXT_YEAR, NEXT_LOG = f"{LOG_NAME}/2026", f"{LOG_NAME}/2025-2"


@pytest.fixture
def gateway() -> SigningGateway:
    return SigningGateway()


@pytest.fixture
def cloud(tmp_path: Path, gateway: SigningGateway) -> Cloud:
    return Cloud(tmp_path, [gateway, SigningGateway("gw-demo-02", 2)])


def test_a_new_year_opens_a_log_that_the_old_one_names(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    cloud.hands.pass_s(YEAR_S)
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway, NEXT_YEAR).runs == ((gateway.epoch, 3, 3),)
    old, new = log_folders(cloud.archive)
    manifest = read_manifest(new)
    assert manifest.origin == NEXT_YEAR
    assert manifest.predecessor is not None
    assert manifest.predecessor.origin == read_manifest(old).origin
    last = list(cloud.stream.logs[0].scan(0))[-1]
    assert last.kind == RecordKind.LOG_END
    assert NEXT_YEAR.encode() in last.data
    assert cloud.verify().passed


def test_what_the_old_year_still_owes_is_answered_before_the_new_one(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    route = RecordingRoute()
    cloud.deliver(gateway.batch(), route=RecordingRoute())
    cloud.sequencer.step()
    cloud.deliver(gateway.batch(), route=route)
    cloud.sequencer.step()
    assert route.settled == 0
    cloud.hands.pass_s(YEAR_S)
    cloud.sequencer.step()
    assert receipt(route.messages[0], gateway).runs == ((gateway.epoch, 0, 1),)


def test_a_duplicate_of_last_year_is_proven_by_last_years_log(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batch = gateway.batch()
    cloud.take(batch)
    cloud.hands.pass_s(YEAR_S)
    cloud.take(gateway.batch())
    cloud.restart()
    (answer,) = cloud.take(batch)
    assert receipt(answer, gateway).runs == ((gateway.epoch, 0, 0),)


def test_the_stream_goes_on_over_its_logs_without_a_hole(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(gateway.batch())
    cloud.hands.pass_s(YEAR_S)
    cloud.take(gateway.batch())
    cloud.restart()
    records = cloud.reader.read_records(0, 100)
    assert [r.index for r in records] == list(range(cloud.stream.next_index))
    live = [r.index for group in cloud.groups for r in group.records]
    assert live == [r.index for r in records if r.kind != RecordKind.GENESIS]
    assert [r.kind for r in records] == [0, 1, 9, 0, 1]


def test_an_operators_restore_opens_a_log_and_asks_for_what_is_missing(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    _lose_what_follows(cloud, gateway)
    restored = Restored(at_ms=cloud.hands.wall_ms(), origin=f"{LOG_NAME}/2025", reason="test")
    write_restored(cloud.folder, restored)
    cloud.open()
    answers = cloud.take(gateway.batch())
    (resend,) = [control(a, gateway) for a in answers if not is_receipt(a)]
    assert resend == Resend(epoch=gateway.epoch, lo=3, hi=5)
    (proof,) = [a for a in answers if is_receipt(a)]
    assert receipt(proof, gateway, NEXT_LOG).runs == ((gateway.epoch, 6, 6),)
    missing = [gateway.sent[gateway.epoch, seq] for seq in range(3, 6)]
    (answer,) = cloud.take(*missing)
    assert receipt(answer, gateway, NEXT_LOG).runs == ((gateway.epoch, 3, 5),)
    assert cloud.findings() == ["restored"]
    assert cloud.verify().passed


def test_a_restored_log_is_never_signed_again_after_any_restart(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(*gateway.batches(3))
    before = (cloud.archive / "log" / "checkpoint").read_bytes()
    restored = Restored(at_ms=cloud.hands.wall_ms(), origin=f"{LOG_NAME}/2025", reason="test")
    write_restored(cloud.folder, restored)
    for _ in range(3):
        cloud.restart()
        cloud.take(gateway.batch())
    assert (cloud.archive / "log" / "checkpoint").read_bytes() == before
    assert len(log_folders(cloud.archive)) == 2


def test_a_batch_of_the_lost_log_is_proven_anew_and_applied_once_to_its_chain(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    batch = gateway.batch()
    cloud.take(batch)
    restored = Restored(at_ms=cloud.hands.wall_ms(), origin=f"{LOG_NAME}/2025", reason="test")
    write_restored(cloud.folder, restored)
    cloud.restart()
    for _ in range(2):
        (answer,) = cloud.take(batch)
        assert receipt(answer, gateway, NEXT_LOG).runs == ((gateway.epoch, 0, 0),)
        cloud.restart()
    records = cloud.reader.read_records(0, 100)
    assert len([r for r in records if r.kind == RecordKind.BATCH]) == 2


def test_one_gateway_alone_cannot_make_the_server_give_up_its_log(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(gateway.batch())
    gateway.checkpoint = (1 << 40, b"\x01" * 32)
    (answer,) = cloud.take(gateway.batch())
    assert control(answer, gateway) == Archived(runs=((gateway.epoch, 0, 1),))
    assert len(cloud.stream.logs) == 1
    assert cloud.findings() == ["unknown-head"]
    records = cloud.reader.read_records(0, 100)
    assert RecordKind.ECHOED_HEAD in [r.kind for r in records]
    other = cloud.gateways[1]
    (answer,) = cloud.take(other.batch(), route=RecordingRoute(other.id))
    assert receipt(answer, other).runs == ((other.epoch, 0, 0),)


def test_two_gateways_with_newer_heads_show_that_we_were_restored(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    other = cloud.gateways[1]
    for one in (gateway, other):
        cloud.take(one.batch(), route=RecordingRoute(one.id))
        one.checkpoint = (1_000, b"\x01" * 32)
    cloud.take(gateway.batch())
    route = RecordingRoute(other.id)
    cloud.take(other.batch(), route=route)
    assert cloud.stream.current.manifest.origin == NEXT_LOG
    assert cloud.findings() == ["unknown-head", "unknown-head", "restored"]
    (answer,) = cloud.take(gateway.batch())
    assert receipt(answer, gateway, NEXT_LOG).runs == ((gateway.epoch, 2, 2),)
    assert len(cloud.stream.logs) == 2


def test_a_gateway_that_repeats_our_own_heads_is_never_strange(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    for turn in range(6):
        (answer,) = cloud.take(gateway.batch())
        proven = receipt(answer, gateway)
        gateway.checkpoint = (proven.size, proven.root)
        if turn == 3:
            cloud.restart()
    assert cloud.findings() == []


def test_another_root_at_a_size_of_ours_is_evidence_and_no_restore(
    cloud: Cloud, gateway: SigningGateway
) -> None:
    cloud.take(gateway.batch())
    gateway.checkpoint = (2, b"\x01" * 32)
    cloud.take(gateway.batch())
    cloud.gateways[1].checkpoint = (2, b"\x01" * 32)
    cloud.take(cloud.gateways[1].batch(), route=RecordingRoute("gw-demo-02"))
    assert cloud.findings() == ["unknown-head", "unknown-head"]
    assert len(cloud.stream.logs) == 1


def _lose_what_follows(cloud: Cloud, gateway: SigningGateway) -> None:
    """Go back to a copy of the archive made now, after the gateway went on."""
    copy = cloud.folder / "copy"
    shutil.copytree(cloud.archive, copy)
    for _ in range(3):
        (answer,) = cloud.take(gateway.batch())
        proven = receipt(answer, gateway)
        gateway.checkpoint = (proven.size, proven.root)
    cloud.stream.close()
    shutil.rmtree(cloud.archive)
    copy.rename(cloud.archive)
