"""The boot partition's file: read, refused with its lines, turned into keyfiles and beeps."""

import configparser
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from device_registry.enrolment.boot_file import boot_file
from edge.annunciator import LedAnnunciator
from evidence.enrolment.claim import Claim
from gateway_firmware_py.enrolment.answering import LONG_S, SHORT_S, answered, find_led
from gateway_firmware_py.enrolment.boot_file import Modem, Network, Wifi, read_boot_file
from gateway_firmware_py.enrolment.network import keyfiles, write_connections
from gateway_firmware_py.errors import CloudUnreachedError, ConfigError, EnrolmentError

WHOLE = """\
claim = "cw1:AAAA"
[network]
method = "static"
address = "192.168.1.10/24"
gateway = "192.168.1.1"
dns = ["192.168.1.1", "1.1.1.1"]
proxy = "http://proxy.example:3128"
[network.wifi]
ssid = "药店 shop;1"
password = " pass\\\\word"
hidden = true
[network.apn]
apn = "cmnet"
pin = "1234"
[annunciator]
led = "/sys/class/leds/beeper/brightness"
"""
NETWORK = Network(
    address="192.168.1.10/24",
    gateway="192.168.1.1",
    dns=("192.168.1.1", "1.1.1.1"),
    proxy="http://proxy.example:3128",
    wifi=Wifi(ssid="药店 shop;1", password=" pass\\word", hidden=True),
    modem=Modem(apn="cmnet", pin="1234"),
)


def written(folder: Path, text: str) -> Path:
    file = folder / "coldwarden-claim.toml"
    file.write_text(text)
    return file


def parsed(text: str) -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read_string(text)
    return found


def test_everything_in_the_file_is_read(tmp_path: Path) -> None:
    found = read_boot_file(written(tmp_path, WHOLE))
    assert found.claim == "cw1:AAAA"
    assert found.network == NETWORK
    assert found.led == Path("/sys/class/leds/beeper/brightness")


def test_a_claim_alone_is_enough_and_leaves_the_network_to_the_system(tmp_path: Path) -> None:
    found = read_boot_file(written(tmp_path, 'claim = "cw1:AAAA"\r\n'))
    assert found.network == Network()
    assert keyfiles(found.network) == {}
    assert found.led is None


@pytest.mark.parametrize(
    ("good", "bad", "named"),
    [
        ('claim = "cw1:AAAA"', "", "claim is missing"),
        ("192.168.1.10/24", "192.168.1.10", "lacks its prefix"),
        ("192.168.1.10/24", "shop", "expected"),
        ('gateway = "192.168.1.1"', 'gateway = "x"', "no address"),
        ("static", "pppoe", "expected one of dhcp, static"),
        ("http://proxy.example:3128", "proxy", "expected"),
        ("http://proxy.example:3128", "https://proxy.example:3128", "expected"),
        ("http://proxy.example:3128", "http://[proxy", "expected"),
        (" pass\\\\word", "short", "8 to 63"),
        ("cmnet", "cm\\nnet", "cannot be printed"),
        ("hidden", "hiden", "unknown setting"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    tmp_path: Path, good: str, bad: str, named: str
) -> None:
    assert good in WHOLE
    file = written(tmp_path, WHOLE.replace(good, bad, 1))
    with pytest.raises(ConfigError, match=named) as refused:
        read_boot_file(file)
    assert f"{file}:" in str(refused.value)


def test_keyfiles_say_what_networkmanager_understands() -> None:
    files = keyfiles(NETWORK)
    assert list(files) == ["coldwarden-wifi.nmconnection", "coldwarden-gsm.nmconnection"]
    wifi, gsm = map(parsed, files.values())
    assert wifi["connection"]["type"] == "wifi"
    name = bytes(int(n) for n in wifi["wifi"]["ssid"].rstrip(";").split(";"))
    assert name.decode() == "药店 shop;1"
    assert wifi["wifi"]["hidden"] == "true"
    assert wifi["wifi-security"]["psk"] == r"\spass\\word"
    assert wifi["ipv4"]["address1"] == "192.168.1.10/24,192.168.1.1"
    assert wifi["ipv4"]["dns"] == "192.168.1.1;1.1.1.1;"
    assert (gsm["gsm"]["apn"], gsm["gsm"]["pin"]) == ("cmnet", "1234")
    assert gsm["ipv4"]["method"] == "auto"
    assert keyfiles(NETWORK) == files


def test_a_static_address_without_wifi_is_for_the_wire() -> None:
    (text,) = keyfiles(Network(address="10.0.0.2/8")).values()
    ethernet = parsed(text)
    assert ethernet["connection"]["type"] == "ethernet"
    assert ethernet["ipv4"]["address1"] == "10.0.0.2/8"
    six = parsed(*keyfiles(Network(address="fd00::2/64", gateway="fd00::1")).values())
    assert six["ipv6"]["address1"] == "fd00::2/64,fd00::1"


def test_keyfiles_are_for_root_alone(tmp_path: Path) -> None:
    files = write_connections(NETWORK, tmp_path / "system-connections")
    assert [stat.S_IMODE(file.stat().st_mode) for file in files] == [0o600, 0o600]


def test_what_the_cloud_writes_is_what_the_device_reads(tmp_path: Path) -> None:
    claim = Claim(
        id=bytes(8),
        secret=bytes(16),
        gateway="gw-0001",
        site="chs-001",
        url="https://cloud.example",
        pin=bytes(16),
    )
    network = {
        "method": "static",
        "address": "192.168.1.10/24",
        "dns": ["1.1.1.1"],
        "proxy": "http://proxy",
        "wifi": {"ssid": '药店 "1"', "password": "\\12345678", "hidden": True},
        "apn": {"apn": "cmnet"},
    }
    found = read_boot_file(written(tmp_path, boot_file(claim, network)))
    assert Claim.parse(found.claim) == claim
    assert found.network.wifi == Wifi(ssid='药店 "1"', password="\\12345678", hidden=True)
    assert found.network.address == "192.168.1.10/24"
    assert read_boot_file(written(tmp_path, boot_file(claim, {}))).network == Network()


def test_a_board_beeps_with_what_it_has(tmp_path: Path) -> None:
    assert find_led(tmp_path) is None
    for name in ("ACT", "beeper"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "brightness").write_text("0")
        assert find_led(tmp_path) == tmp_path / name / "brightness"


@pytest.mark.parametrize(
    ("error", "pattern"),
    [
        (None, [SHORT_S] * 4),
        (CloudUnreachedError("no net"), [SHORT_S, LONG_S]),
        (EnrolmentError("used"), [SHORT_S] * 7),
    ],
)
def test_the_end_of_a_first_boot_can_be_heard(
    tmp_path: Path, error: Exception | None, pattern: list[float]
) -> None:
    led, heard = tmp_path / "brightness", list[float]()

    def pause(seconds: float) -> None:
        if led.read_text() == "1\n":
            heard.append(seconds)

    LedAnnunciator(led).sound(on=False)
    expected = nullcontext() if error is None else pytest.raises(type(error))
    with expected, answered(led, pause):
        if error is not None:
            raise error
    assert heard == pattern
    assert led.read_text() == "0\n"
