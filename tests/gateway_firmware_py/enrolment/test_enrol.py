"""A device goes into service under a claim, whatever is lost on the way."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.configuration import ConfigurationDocument, sign_configuration
from evidence.enrolment import anchors, request
from gateway_firmware_py.configuring.starting import settings_in_force
from gateway_firmware_py.enrolment.cloud_client import CloudClient, Server
from gateway_firmware_py.enrolment.enrol import enrol
from gateway_firmware_py.enrolment.folder import PRIVATE_DISK
from gateway_firmware_py.errors import CloudUnreachedError, ConfigError, EnrolmentError
from tests.support.crashing_disk import CrashingDisk, Killed
from tests.support.device_board import Board
from tests.support.enrolment_authority import PEM, Issuer
from tests.support.fake_cloud import CONTROL_KEY, Fault
from tests.support.fake_enrolment import GATEWAY, SITE, EnrolmentServer, serving_enrolment
from tests.support.softhsm import needs_softhsm, token_uri

PATHS = [anchors.PATH, "/simpleenroll", "/cacerts", request.PATH]
SOURCES = """\
# my scanner
[[scanner]]
name = "s1"
kind = "serial"
device = "/dev/ttyACM0"
[uplink]
window = 7
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[EnrolmentServer]:
    with serving_enrolment(tmp_path) as server:
        yield server


@pytest.fixture
def board(tmp_path: Path) -> Board:
    (tmp_path / "device").mkdir()
    return Board(tmp_path / "device")


def test_a_claim_makes_a_bare_device_a_gateway_that_can_run(
    cloud: EnrolmentServer, board: Board
) -> None:
    enrolled = board.enrol(cloud.claim())
    settings = board.settings()
    assert (settings.identity.gateway, settings.identity.site) == (GATEWAY, SITE)
    assert settings.trust.log_key == cloud.anchors.log_key
    assert settings.trust.control_key == cloud.anchors.control_key
    assert settings.uplink.https is not None
    assert settings.uplink.https.url == cloud.url
    assert Path(settings.uplink.https.ca).read_bytes() == cloud.root.cert.public_bytes(PEM)
    assert board.evidence_key().kid == enrolled.kid == cloud.keys[GATEWAY][0].kid
    assert board.is_enrolled()
    assert not (board.store / "pending").exists()
    assert list(board.open_to_others()) == []


def test_the_same_command_again_changes_nothing(cloud: EnrolmentServer, board: Board) -> None:
    claim = cloud.claim()
    board.enrol(claim)
    before, asked = board.files(), cloud.counts.total()
    board.enrol(claim)
    assert board.files() == before
    assert cloud.counts.total() == asked


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("path", PATHS)
def test_a_lost_request_or_reply_enrols_once(
    cloud: EnrolmentServer, board: Board, path: str, fault: Fault
) -> None:
    cloud.faults[path] = fault
    board.enrol(cloud.claim())
    assert not cloud.faults
    assert (cloud.counts["certificates"], cloud.counts["enrolments"]) == (1, 1)


def test_a_kill_at_any_durable_step_ends_not_enrolled_or_enrolled(
    cloud: EnrolmentServer, tmp_path: Path
) -> None:
    outcomes = set()
    for calls in itertools.count():
        board = Board(tmp_path / f"device-{calls}")
        board.folder.mkdir()
        claim = cloud.claim(f"gw-{calls:03}")
        dying = CrashingDisk(PRIVATE_DISK, calls)
        try:
            board.enrol(claim, disk=dying.disk())
        except Killed:
            outcomes.add(board.is_enrolled())
        if dying.made <= calls:
            break  # it was done before it could die
        board.enrol(claim)
        assert board.is_enrolled()
        assert not list(board.state_dir.rglob("*.tmp"))
        assert not (board.store / "pending").exists()
        assert [key.kid for key in cloud.keys[claim.gateway]] == [board.evidence_key().kid]
        assert len(cloud.tls_keys[claim.gateway]) == 1
    assert outcomes == {False, True}
    assert calls > 40


def test_a_wrong_pin_leaves_nothing_behind(cloud: EnrolmentServer, board: Board) -> None:
    with pytest.raises(EnrolmentError, match=r"not the ones of the claim.*check the address"):
        board.enrol(replace(cloud.claim(), pin=bytes(16)))
    assert board.files() == {}


def test_another_authority_behind_the_same_anchors_is_refused(
    tmp_path: Path, board: Board
) -> None:
    with (
        serving_enrolment(tmp_path, issuer=Issuer("another")) as cloud,
        pytest.raises(EnrolmentError, match=r"a certificate of the claim's authority.*clock"),
    ):
        board.enrol(cloud.claim())
    assert not board.config.exists()
    assert cloud.counts["certificates"] == 0


def test_a_device_whose_clock_is_not_set_yet_is_told_to_wait(
    tmp_path: Path, board: Board
) -> None:
    with (
        serving_enrolment(tmp_path, begins_in_days=1) as cloud,
        pytest.raises(CloudUnreachedError, match="clock is set"),
    ):
        board.enrol(cloud.claim())
    assert not board.config.exists()


def test_the_first_configuration_is_in_force_at_the_first_start(
    cloud: EnrolmentServer, board: Board
) -> None:
    document = ConfigurationDocument(
        version=3,
        gateway=GATEWAY,
        sources='[[scanner]]\nname = "dock"\nkind = "serial"\ndevice = "/dev/ttyACM0"\n',
    )
    cloud.configuration = sign_configuration(document, CONTROL_KEY, SITE)
    board.enrol(cloud.claim())
    (scanner,) = settings_in_force(board.settings()).scanners
    assert scanner.name == "dock"


def test_a_certificate_by_another_authority_is_refused(
    cloud: EnrolmentServer, board: Board
) -> None:
    behind = cloud.issuer
    cloud.issuer = Issuer("another")
    with pytest.raises(EnrolmentError, match="does not lead to the claim's authority"):
        board.enrol(cloud.claim())
    assert not board.config.exists()
    cloud.issuer = behind


def test_an_expired_claim_is_refused_with_the_remedy(
    cloud: EnrolmentServer, board: Board
) -> None:
    claim = cloud.claim()
    cloud.claims[claim.id].state = "expired"
    with pytest.raises(EnrolmentError, match=r"expired\); make a new claim"):
        board.enrol(claim)
    assert not board.config.exists()
    board.enrol(cloud.claim())
    assert board.is_enrolled()


def test_a_claim_that_another_device_used_is_refused(
    cloud: EnrolmentServer, board: Board, tmp_path: Path
) -> None:
    claim = cloud.claim()
    board.enrol(claim)
    second = Board(tmp_path / "second")
    second.folder.mkdir()
    with pytest.raises(EnrolmentError, match=r"used by another device\); make a new claim"):
        second.enrol(claim)
    assert not second.config.exists()
    assert len(cloud.keys[GATEWAY]) == 1


def test_a_claim_for_another_gateway_is_refused_before_anything_is_asked(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.enrol(cloud.claim())
    before, asked = board.files(), cloud.counts.total()
    with pytest.raises(ConfigError, match=r"this device is gateway gw-new-01.*move"):
        board.enrol(cloud.claim("gw-other-02"))
    assert board.files() == before
    assert cloud.counts.total() == asked


def test_a_server_that_is_not_there_is_told_apart_from_a_refusal(
    cloud: EnrolmentServer, board: Board
) -> None:
    with pytest.raises(CloudUnreachedError, match="check the network"):
        board.enrol(replace(cloud.claim(), url="https://127.0.0.1:9"))
    assert board.files() == {}


def test_plain_http_is_for_loopback_alone(cloud: EnrolmentServer, board: Board) -> None:
    with pytest.raises(EnrolmentError, match="use https://"):
        CloudClient(Server(url="http://cloud.example"))
    CloudClient(Server(url="http://127.0.0.1:8000"))


def test_a_new_claim_for_the_same_gateway_brings_new_keys_and_leaves_the_sources(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.config.write_text(SOURCES)
    first = board.enrol(cloud.claim())
    tls = (board.store / "tls.pem").read_bytes()
    second = board.enrol(cloud.claim())
    assert board.evidence_key().kid == second.kid != first.kid
    assert (board.store / "tls.pem").read_bytes() != tls
    text = board.config.read_text()
    assert text.startswith("# my scanner\n[[scanner]]")
    assert "window = 7" in text
    assert text.count("[uplink]") == text.count("https_url") == 1


def test_a_device_whose_key_was_revoked_gets_another_killed_wherever_it_is(
    cloud: EnrolmentServer, board: Board
) -> None:
    board.enrol(cloud.claim())
    for calls in itertools.count():
        old, claim = board.evidence_key().kid, cloud.claim()
        device = board.device(new_key=True)
        dying = CrashingDisk(PRIVATE_DISK, calls * 5)
        try:
            enrol(claim, device, board.means(disk=dying.disk()))
        except Killed:
            enrol(claim, device, board.means())
        assert board.is_enrolled()
        assert board.evidence_key().kid == cloud.keys[GATEWAY][-1].kid != old
        assert not (board.state_dir / "evidence.key.next").exists()
        if dying.made <= calls * 5:
            break
    assert calls > 5


def test_a_proxy_and_a_broker_get_into_the_configuration(
    cloud: EnrolmentServer, board: Board
) -> None:
    cloud.mqtt_port = 8883
    claim = cloud.claim()
    board.enrol(claim)
    mqtt = board.settings().uplink.mqtt
    assert mqtt is not None
    assert (mqtt.host, mqtt.port, mqtt.cert) == ("localhost", 8883, mqtt.key)
    assert Path(mqtt.cert) == board.store / "tls.pem"


@pytest.mark.engine
@needs_softhsm
def test_a_key_in_a_token_enrols_the_same_way(cloud: EnrolmentServer, board: Board) -> None:
    other = Board(board.folder, key=token_uri("enrolled"))
    enrolled = other.enrol(cloud.claim())
    assert other.evidence_key().kid == enrolled.kid
    assert cloud.keys[GATEWAY][0].to_text().startswith("p256:")
    assert not (other.state_dir / "evidence.key").exists()
