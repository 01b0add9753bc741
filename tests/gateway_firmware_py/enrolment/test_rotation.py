"""The evidence key changes in one step, and the cloud knows of it before."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from evidence.enrolment.rotation import path_of
from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.enrolment.rotation import rotate
from gateway_firmware_py.errors import CloudUnreachedError, EnrolmentError
from gateway_firmware_py.identity import load_key
from tests.support.crashing_disk import CrashingDisk, Killed
from tests.support.device_board import Board
from tests.support.fake_cloud import Fault
from tests.support.fake_enrolment import GATEWAY, EnrolmentServer, serving_enrolment
from tests.support.softhsm import needs_softhsm, token_uri

LAST = (b"epoch--1", 7)
NOW_MS = 1_800_000_000_000


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    with serving_enrolment(tmp_path) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path, cloud: EnrolmentServer) -> Board:
    return enrolled_board(tmp_path, cloud)


def enrolled_board(tmp_path: Path, cloud: EnrolmentServer, key: str = "") -> Board:
    (tmp_path / "device").mkdir()
    board = Board(tmp_path / "device", key)
    board.enrol(cloud.claim())
    return board


def turn(board: Board, disk: object = PRIVATE_DISK) -> bytes:
    place = board.settings().identity.key
    return rotate(board.gateway(NOW_MS, disk), place, LAST).kid  # type: ignore[arg-type]


def test_the_new_key_is_in_place_and_the_old_one_is_gone(
    cloud: EnrolmentServer, board: Board
) -> None:
    old = board.evidence_key().kid
    (board.state_dir / ".evidence.key.4711").write_text("what a kill left of making it")
    kid = turn(board)
    assert board.evidence_key().kid == kid != old
    assert [key.kid for key in cloud.keys[GATEWAY]] == [old, kid]
    assert turn(board) != kid
    left = {path.name for path in board.state_dir.iterdir()}
    assert left == {"evidence.key", "enrolment"}
    assert not (board.store / "rotation").exists()
    assert list(board.open_to_others()) == []


@pytest.mark.parametrize("fault", Fault)
def test_a_lost_request_or_reply_rotates_once(
    cloud: EnrolmentServer, board: Board, fault: Fault
) -> None:
    cloud.faults[path_of(GATEWAY)] = fault
    kid = turn(board)
    assert cloud.counts["rotations"] == 1
    assert cloud.keys[GATEWAY][-1].kid == board.evidence_key().kid == kid


def test_a_kill_at_any_durable_step_leaves_one_of_the_two_keys_in_place(
    cloud: EnrolmentServer, board: Board
) -> None:
    outcomes = set()
    for calls in itertools.count():
        old = board.evidence_key().kid
        rotations = cloud.counts["rotations"]
        dying = CrashingDisk(PRIVATE_DISK, calls)
        try:
            turn(board, dying.disk())
        except Killed:
            now = board.evidence_key().kid
            outcomes.add(now == old)
            assert now in {key.kid for key in cloud.keys[GATEWAY]}
        if dying.made <= calls:
            break
        if board.evidence_key().kid == old:
            turn(board)
        assert board.evidence_key().kid == cloud.keys[GATEWAY][-1].kid != old
        assert cloud.counts["rotations"] == rotations + 1
    assert outcomes == {True, False}


def test_a_refusal_or_silence_keeps_the_old_key(cloud: EnrolmentServer, board: Board) -> None:
    old, keys = board.evidence_key().kid, cloud.keys.pop(GATEWAY)
    cloud.keys[GATEWAY] = []
    with pytest.raises(EnrolmentError, match=r"refuses the rotation \(403: unknown key\)"):
        turn(board)
    text = board.config.read_text()
    board.config.write_text(text.replace(cloud.url, "https://127.0.0.1:9"))
    with pytest.raises(CloudUnreachedError):
        turn(board)
    assert board.evidence_key().kid == old
    board.config.write_text(text)
    cloud.keys[GATEWAY] = keys
    assert turn(board) != old


def test_a_gateway_without_a_claim_is_told_to_enrol(board: Board) -> None:
    (board.store / "claim.json").unlink()
    with pytest.raises(EnrolmentError, match="coldwarden-gateway enrol CLAIM"):
        turn(board)


@pytest.mark.engine
@needs_softhsm
def test_a_key_in_a_token_is_rotated_within_it(tmp_path: Path, cloud: EnrolmentServer) -> None:
    board = enrolled_board(tmp_path, cloud, token_uri("rotated"))
    old = board.evidence_key().kid
    kid = turn(board)
    assert load_key(board.settings().identity.key).kid == kid != old
    assert cloud.keys[GATEWAY][-1].to_text().startswith("p256:")
    left = {path.name for path in board.state_dir.iterdir()}
    assert left == {"evidence.id", "evidence.id.former", "enrolment"}
