"""The certificate is renewed in time, and there is always one that works."""

import itertools
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.enrolment.renewal import is_due, renew_if_due
from gateway_firmware_py.enrolment.tls_identity import TlsIdentity, read_tls_identity
from gateway_firmware_py.errors import CloudUnreachedError, EnrolmentError
from tests.support.crashing_disk import CrashingDisk, Killed
from tests.support.device_board import Board
from tests.support.enrolment_authority import Issuer
from tests.support.fake_cloud import Fault
from tests.support.fake_enrolment import GATEWAY, EnrolmentServer, serving_enrolment


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    with serving_enrolment(tmp_path) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path, cloud: EnrolmentServer) -> Board:
    (tmp_path / "device").mkdir()
    board = Board(tmp_path / "device")
    board.enrol(cloud.claim())
    return board


def held(board: Board) -> TlsIdentity:
    """Return the identity in use, after TLS itself has taken it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(board.store / "tls.pem", board.store / "tls.pem")
    return read_tls_identity((board.store / "tls.pem").read_bytes())


def due_ms(board: Board) -> int:
    identity = held(board)
    life_s = identity.not_after_s - identity.not_before_s
    return int((identity.not_before_s + life_s * 2 / 3 + 1) * 1000)


def renew(board: Board, at_ms: int) -> bool:
    return renew_if_due(board.gateway(at_ms), board.evidence_key())


def test_two_thirds_of_its_life_over_is_due_and_a_clock_that_is_behind_is_not() -> None:
    assert not is_due(100, 190, 159)
    assert is_due(100, 190, 160)
    assert not is_due(100, 190, 0)


def test_a_certificate_is_renewed_once_when_it_is_due(
    cloud: EnrolmentServer, board: Board
) -> None:
    before, at_ms = held(board), due_ms(board)
    assert not renew(board, at_ms - 2000)
    assert renew(board, at_ms)
    after = held(board)
    assert after.key != before.key
    assert after.leaf_der != before.leaf_der
    assert len(after.chain) == 2
    assert not renew(board, int(after.not_before_s * 1000))
    assert cloud.counts["certificates"] == 2
    assert list(board.open_to_others()) == []


@pytest.mark.parametrize("fault", Fault)
def test_a_lost_request_or_reply_keeps_one_next_key(
    cloud: EnrolmentServer, board: Board, fault: Fault
) -> None:
    cloud.faults["/simplereenroll"] = fault
    assert renew(board, due_ms(board))
    assert len(set(cloud.tls_keys[GATEWAY])) == 2
    held(board)


def test_a_kill_at_any_durable_step_leaves_a_certificate_that_works(
    cloud: EnrolmentServer, board: Board
) -> None:
    at_ms, key = due_ms(board), board.evidence_key()
    before = (board.store / "tls.pem").read_bytes()
    outcomes = set()
    for calls in itertools.count():
        (board.store / "tls.pem").write_bytes(before)
        asked = len(set(cloud.tls_keys[GATEWAY]))
        dying = CrashingDisk(PRIVATE_DISK, calls)
        try:
            renew_if_due(board.gateway(at_ms, dying.disk()), key)
        except Killed:
            held(board)
            outcomes.add((board.store / "tls.pem").read_bytes() == before)
        if dying.made <= calls:
            break
        is_old = (board.store / "tls.pem").read_bytes() == before
        renew_if_due(board.gateway(at_ms if is_old else 0), key)
        assert (board.store / "tls.pem").read_bytes() != before
        assert not (board.store / "renewal").exists()
        assert len(set(cloud.tls_keys[GATEWAY])) == asked + 1
    assert outcomes == {True, False}


def test_a_refusal_or_silence_keeps_the_old_certificate(
    cloud: EnrolmentServer, board: Board
) -> None:
    before, at_ms = held(board), due_ms(board)
    behind, cloud.issuer = cloud.issuer, Issuer("another")
    with pytest.raises(EnrolmentError, match="does not lead"):
        renew(board, at_ms)
    cloud.issuer, keys = behind, cloud.keys.pop(GATEWAY)
    with pytest.raises(EnrolmentError, match="unknown key"):
        renew(board, at_ms)
    cloud.keys[GATEWAY] = keys
    assert held(board).leaf_der == before.leaf_der
    text = board.config.read_text()
    board.config.write_text(text.replace(cloud.url, "https://127.0.0.1:9"))
    with pytest.raises(CloudUnreachedError):
        renew(board, at_ms)
    assert held(board).leaf_der == before.leaf_der
    board.config.write_text(text)
    assert renew(board, at_ms)
