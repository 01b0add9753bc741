"""The device against the cloud's own enrolment, not a stand-in."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.enrolment.claim import Claim
from gateway_firmware_py.enrolment.enrol import enrol
from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.enrolment.renewal import renew_if_due
from gateway_firmware_py.enrolment.rotation import rotate
from gateway_firmware_py.errors import EnrolmentError
from tests.support.crashing_disk import CrashingDisk, Killed
from tests.support.device_board import Board
from tests.support.enrolling import TECHNICIAN
from tests.support.enrolment_server import EnrolmentServer, enrolment_server
from tests.support.softhsm import needs_softhsm, token_uri

LATER_MS = 61 * 86_400_000  # two thirds of 90 days


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    folder = tmp_path / "cloud"
    folder.mkdir()
    with enrolment_server(folder) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path) -> Board:
    (tmp_path / "device").mkdir()
    return Board(tmp_path / "device")


def claim_of(cloud: EnrolmentServer, gateway: str = "gw-0001") -> Claim:
    made = cloud.world.claim(gateway)
    return replace(made, url=cloud.url, pin=cloud.anchors.pin())


def enrolled(cloud: EnrolmentServer, board: Board, gateway: str = "gw-0001") -> Board:
    """Enrol, and have the configuration point to the port of this test."""
    board.enrol(claim_of(cloud, gateway))
    offered = board.settings().uplink.https
    assert offered is not None
    board.config.write_text(board.config.read_text().replace(offered.url, cloud.url))
    return board


def test_a_device_enrols_renews_and_rotates(cloud: EnrolmentServer, board: Board) -> None:
    enrolled(cloud, board)
    world, old = cloud.world, board.evidence_key()
    assert world.state("gateway", "gw-0001") == "enrolled"
    assert world.state("key", old.kid.hex()) == "active"
    now_ms = time.time_ns() // 1_000_000
    assert renew_if_due(board.gateway(now_ms + LATER_MS), old)
    kid = rotate(board.gateway(now_ms), board.settings().identity.key, None).kid
    assert board.evidence_key().kid == kid
    assert world.state("key", kid.hex()) == "active"
    assert world.state("key", old.kid.hex()) == "superseded"
    assert list(board.open_to_others()) == []


@pytest.mark.parametrize("which", ["lose_request", "lose_reply"])
def test_a_link_that_fails_and_comes_back_enrols_once(
    cloud: EnrolmentServer, board: Board, which: str
) -> None:
    claim, trap = claim_of(cloud), cloud.trap
    setattr(trap, which, True)

    def mended(_: float) -> None:
        setattr(trap, which, False)

    enrol(claim, board.device(), board.means(pause=mended))
    assert board.is_enrolled()
    assert cloud.world.states("key", "gw-0001") == ["active"]
    assert cloud.world.states("certificate", "gw-0001") == ["valid"]


@pytest.mark.parametrize("calls", range(3, 60, 7))
def test_a_kill_is_gone_on_with(cloud: EnrolmentServer, board: Board, calls: int) -> None:
    claim = claim_of(cloud)
    with pytest.raises(Killed):
        board.enrol(claim, disk=CrashingDisk(PRIVATE_DISK, calls).disk())
    board.enrol(claim)
    assert board.is_enrolled()
    assert cloud.world.states("key", "gw-0001") == ["active"]
    assert cloud.world.states("certificate", "gw-0001") == ["valid"]


def test_a_used_claim_and_one_that_ended_name_the_remedy(
    cloud: EnrolmentServer, board: Board, tmp_path: Path
) -> None:
    claim = claim_of(cloud)
    board.enrol(claim)
    second = Board(tmp_path / "second")
    second.folder.mkdir()
    with pytest.raises(EnrolmentError, match=r"refuses the certificate \(403: .*\); .*claim"):
        second.enrol(claim)
    assert not second.config.exists()
    late = claim_of(cloud, "gw-0002")
    cloud.world.now_ms += 25 * 3_600_000
    with pytest.raises(EnrolmentError, match=r"refuses the certificate \(403: .*\); .*claim"):
        second.enrol(late)
    with pytest.raises(EnrolmentError, match=r"refuses the certificate \(401: .*\); .*claim"):
        second.enrol(replace(late, secret=bytes(16)))
    assert not second.config.exists()


@pytest.mark.parametrize("state", ["active", "revoked"])
def test_a_new_claim_for_a_device_brings_a_key_that_the_cloud_takes(
    cloud: EnrolmentServer, board: Board, state: str
) -> None:
    enrolled(cloud, board)
    world, old = cloud.world, board.evidence_key().kid
    if state == "revoked":
        with world.store.change(TECHNICIAN, "stolen", world.now_ms) as change:
            change.put("key", old.hex(), state=state)
    board.enrol(claim_of(cloud))
    assert board.evidence_key().kid != old
    assert world.state("key", board.evidence_key().kid.hex()) == "active"


def test_a_key_that_the_cloud_knows_is_exchanged_on_demand(
    cloud: EnrolmentServer, board: Board
) -> None:
    enrolled(cloud, board)
    shutil.rmtree(board.store)
    again = claim_of(cloud)
    with pytest.raises(EnrolmentError, match="evidence key is known already"):
        board.enrol(again)
    enrol(again, board.device(new_key=True), board.means())
    assert cloud.world.state("key", board.evidence_key().kid.hex()) == "active"


@pytest.mark.engine
@needs_softhsm
def test_the_registry_knows_that_a_key_sits_in_a_token(
    cloud: EnrolmentServer, board: Board
) -> None:
    enrolled(cloud, replace(board, key=token_uri("real")))
    row = cloud.world.store.get("key", board.evidence_key().kid.hex())
    assert row is not None
    assert (row.text("key_kind"), row.text("public")[:5]) == ("pkcs11", "p256:")
