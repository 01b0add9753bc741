"""The commands as people run them: processes, killed where it hurts."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.outbox.peek import signing_kid
from evidence.batch import decode_body
from evidence.cose import parse1, verify1
from evidence.segment import Found
from evidence.segment_file import list_segments, open_segment
from tests.support.device_board import Board
from tests.support.fake_enrolment import GATEWAY, EnrolmentServer, serving_enrolment
from tests.support.gateway_process import PROGRAM
from tests.support.softhsm import needs_softhsm, token_uri
from tests.support.wait import until_sync

QUICK = """\
[uplink]
stop_grace_s = 0.1
[clock]
vouched = true
[seal]
period_s = 0.3
[outbox]
max_mib = 64
"""
MARKS = (
    "pending/tls.key",
    "pending/tls.pem",
    "pending/enrolled.cose",
    "tls.pem",
    "../../gateway.toml",
)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    with serving_enrolment(tmp_path) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path) -> Board:
    (tmp_path / "device").mkdir()
    return Board(tmp_path / "device")


def command(board: Board, *words: str) -> list[str]:
    return [*PROGRAM, words[0], "--config", str(board.config), *words[1:]]


def run(board: Board, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(board, *words),
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def enrol_words(board: Board, claim: str) -> tuple[str, ...]:
    return ("enrol", claim, "--state-dir", str(board.state_dir))


def checks(board: Board) -> dict[str, dict[str, Any]]:
    """Return what doctor says, by name."""
    found = map(json.loads, run(board, "doctor", "--json").stdout.splitlines())
    return {check["name"]: check for check in found}


def test_enrol_is_one_command_and_doctor_finds_the_key(
    cloud: EnrolmentServer, board: Board
) -> None:
    words = (*enrol_words(board, "-"), "--json")
    done = run(board, *words, typed=f" {cloud.claim().text()} \n")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["gateway"] == GATEWAY
    assert said["kid"] == cloud.keys[GATEWAY][0].kid.hex()
    assert checks(board)["key"]["ok"]
    assert checks(board)["certificate"]["ok"]
    (board.store / "tls.pem").write_text("something else")
    assert "enrol the gateway anew" in checks(board)["certificate"]["remedy"]


def test_a_proxy_that_cannot_be_is_refused_before_anything_is_made(
    cloud: EnrolmentServer, board: Board
) -> None:
    words = enrol_words(board, cloud.claim().text())
    refused = run(board, *words, "--proxy", "https://proxy:3128")
    assert refused.returncode == 2
    assert "http://proxy.example:3128" in refused.stderr
    assert not board.state_dir.exists()


def test_a_refusal_exits_with_2_and_silence_with_1(
    cloud: EnrolmentServer, board: Board
) -> None:
    claim = cloud.claim()
    cloud.claims[claim.id].state = "expired"
    refused = run(board, *enrol_words(board, claim.text()))
    assert refused.returncode == 2
    assert "make a new claim" in refused.stderr
    assert "Traceback" not in refused.stderr
    misread = run(board, *enrol_words(board, "cw1:AAAA"))
    assert misread.returncode == 2
    assert "scan the QR again" in misread.stderr
    assert run(board, "enrol").returncode == 2
    cloud.port = 9
    silent = run(board, *enrol_words(board, cloud.claim().text()))
    assert silent.returncode == 1
    assert "check the network" in silent.stderr


@pytest.mark.parametrize("mark", MARKS)
def test_a_process_killed_on_the_way_is_gone_on_with(
    cloud: EnrolmentServer, board: Board, mark: str
) -> None:
    words = enrol_words(board, cloud.claim().text())
    process = subprocess.Popen(command(board, *words), stdout=subprocess.DEVNULL)
    seen = board.store / mark
    until_sync(lambda: seen.exists() or process.poll() is not None, 30, mark)
    process.kill()
    process.wait(10)
    board.is_enrolled()
    assert run(board, *words).returncode == 0
    assert board.is_enrolled()
    assert not (board.store / "pending").exists()
    assert [key.kid for key in cloud.keys[GATEWAY]] == [board.evidence_key().kid]
    assert len(cloud.tls_keys[GATEWAY]) == 1
    assert list(board.open_to_others()) == []


def test_a_first_boot_sets_up_the_network_enrols_and_leaves_the_light_off(
    cloud: EnrolmentServer, board: Board
) -> None:
    led, connections = board.folder / "led", board.folder / "connections"
    led.write_text("1\n")
    boot_file = board.folder / "coldwarden-claim.toml"
    boot_file.write_text(
        f'claim = "{cloud.claim().text()}"\n[network.wifi]\nssid = "shop"\n'
        f'[annunciator]\nled = "{led}"\n'
    )
    named = ("--boot-file", str(boot_file))
    done = run(board, "network", *named, "--connections", str(connections))
    assert done.returncode == 0, done.stderr
    assert [path.name for path in connections.iterdir()] == ["coldwarden-wifi.nmconnection"]
    done = run(board, "enrol", *named, "--state-dir", str(board.state_dir))
    assert done.returncode == 0, done.stderr
    assert led.read_text() == "0\n"
    assert board.is_enrolled()
    assert board.settings().annunciator_led == led


def signers(board: Board) -> list[str]:
    """Return who signed each batch of the outbox."""
    return [signing_kid(batch).hex() for batch in batches(board)]


def batches(board: Board) -> list[bytes]:
    """Return the batches of the outbox."""
    outbox = board.state_dir / "outbox"
    segments = list_segments(outbox) if outbox.is_dir() else []
    return [item.payload for path in segments for item in _records(path)]


def _records(path: Path) -> Iterator[Found]:
    yield from (item for item in open_segment(path).walk() if isinstance(item, Found))


@pytest.mark.engine
@needs_softhsm
def test_a_gateway_whose_key_sits_in_a_token_says_so_and_rotates_while_it_runs(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.config.write_text(QUICK)
    words = enrol_words(board, cloud.claim().text())
    assert run(board, *words, "--key", token_uri("running")).returncode == 0
    first, log = board.evidence_key(), board.folder / "log"
    with log.open("wb") as to:
        gateway = subprocess.Popen(command(board, "run"), stdout=to, stderr=to)
    try:
        until_sync(lambda: len(batches(board)) > 1, 30, "batches")
        turned = run(board, "rotate", "--json")
        assert turned.returncode == 0, turned.stderr
        new = json.loads(turned.stdout)["kid"]
        until_sync(lambda: signers(board)[-1] == new, 30, "a batch under the new key")
    finally:
        gateway.terminate()
        assert gateway.wait(30) == 0, log.read_text()
    envelope = parse1(batches(board)[0])
    verify1(envelope, first.public)
    assert first.public.to_text().startswith("p256:")
    assert decode_body(envelope.payload).events[1].body[5] == "pkcs11"
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("mark", ["rotation/request.cose", "rotation/answer.cose"])
def test_a_rotation_killed_on_the_way_is_gone_on_with(
    cloud: EnrolmentServer, board: Board, mark: str
) -> None:
    board.enrol(cloud.claim())
    old, seen = board.evidence_key().kid, board.store / mark
    process = subprocess.Popen(command(board, "rotate"), stdout=subprocess.DEVNULL)
    until_sync(lambda: seen.exists() or process.poll() is not None, 30, mark)
    process.kill()
    process.wait(10)
    if board.evidence_key().kid == old:
        assert run(board, "rotate").returncode == 0
    assert [key.kid for key in cloud.keys[GATEWAY]] == [old, board.evidence_key().kid]


def test_a_running_gateway_goes_on_under_the_new_key_by_itself(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.config.write_text(QUICK)
    assert run(board, *enrol_words(board, cloud.claim().text())).returncode == 0
    old = board.evidence_key().kid.hex()
    with (board.folder / "log").open("wb") as log:
        gateway = subprocess.Popen(command(board, "run"), stdout=log, stderr=log)
    try:
        until_sync(lambda: (board.state_dir / "outbox").is_dir() and signers(board), 20)
        turned = run(board, "rotate", "--json")
        assert turned.returncode == 0, turned.stderr
        new = json.loads(turned.stdout)["kid"]
        until_sync(lambda: signers(board)[-1] == new, 30, "a batch under the new key")
    finally:
        gateway.terminate()
        assert gateway.wait(30) == 0
    assert signers(board)[0] == old
    assert set(signers(board)) == {old, new}
    assert signers(board) == sorted(signers(board), key=[old, new].index)
