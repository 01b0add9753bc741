"""gateway.toml: what is read, and every mistake with its line and remedy."""

from pathlib import Path

import pytest

from evidence.keys import SoftwareKey
from gateway_firmware_py.config.read import load_settings
from gateway_firmware_py.config.settings import Settings, UplinkMode
from gateway_firmware_py.errors import ConfigError
from gateway_firmware_py.key_place import TokenKey

KEY = SoftwareKey(-19, bytes(range(32))).public.to_text()
GOOD = f"""\
[gateway]
id = "gw-demo-01"
site = "chs-001"
state_dir = "state"

[trust]
log_origin = "coldwarden.example/log/2026"
log_key = "{KEY}"
control_key = "{KEY}"

[uplink]
mode = "https"
https_url = "http://127.0.0.1:8080"

[[modbus]]
name = "bus1"
kind = "tcp"
host = "127.0.0.1"
port = 5020

  [[modbus.device]]
  name = "fridge-1"
  unit = 1
  profile = "RS-WS-N01"

    [[modbus.device.point]]
    name = "temperature"
    channel = 1
    rule_pack = "CN_COLD_2_8"

    [[modbus.device.point]]
    name = "humidity"
    channel = 2

[[mqtt]]
host = "127.0.0.1"

  [[mqtt.device]]
  name = "fridge-3"
  format = "zigbee2mqtt"
  topic = "zigbee2mqtt/fridge-3"

    [[mqtt.device.point]]
    name = "temperature"
    channel = 9
    rule_pack = ["CN_COLD_2_8", "WHO_VAX"]

[[scanner]]
name = "counter"
kind = "tcp"
host = "127.0.0.1"
port = 5021

[[digital]]
name = "door"
channel = 12
quantity = "door"
line = 17
bias = "pull-up"
"""


def load(folder: Path, text: str) -> Settings:
    """Write `text` as gateway.toml and load it."""
    file = folder / "gateway.toml"
    file.write_text(text)
    return load_settings(file)


def test_a_good_file_becomes_settings(tmp_path: Path) -> None:
    settings = load(tmp_path, GOOD)
    assert settings.identity.gateway == "gw-demo-01"
    assert settings.identity.key == tmp_path / "state" / "evidence.key"
    assert settings.uplink.mode is UplinkMode.HTTPS
    assert [c.number for c in settings.channels] == [1, 2, 9, 12]
    assert [(j.channel, j.pack.name) for j in settings.judged] == [
        (1, "CN_COLD_2_8"),
        (9, "CN_COLD_2_8"),
        (9, "WHO_VAX"),
    ]
    assert settings.buses[0].devices[0].period_ms == 10_000
    assert settings.seal.period_ms == 60_000


MISTAKES = [
    ('state_dir = "state"', 'key = "pkcs11:token=a"', 4, "pkcs11:token=NAME"),
    ('mode = "https"', 'https_proxy = "socks://a"', 12, "http://proxy.example:3128"),
    ('id = "gw-demo-01"', 'id = "GW 1"', 2, "4 to 32 of a-z"),
    ("[uplink]\n", "[uplink]\nretries = 3\n", 12, "unknown setting"),
    (f'log_key = "{KEY}"', 'log_key = "nonsense"', 8, "copy the line"),
    ('mode = "https"', 'mode = "carrier pigeon"', 12, "expected one of auto, mqtt, https"),
    ('profile = "RS-WS-N01"', 'profile = "RS-WS-N02"', 21, "RS-WS-N01"),
    ("unit = 1", 'unit = "one"', 23, "a whole number"),
    ("    channel = 2", "    channel = 1", 33, "taken by another point"),
    ('rule_pack = "CN_COLD_2_8"', 'rule_pack = "CN_COLD_2_9"', 29, "CN_COLD_2_8"),
    (
        '    name = "humidity"',
        '    name = "pressure"',
        32,
        "expected one of humidity, temperature",
    ),
    ('format = "zigbee2mqtt"', 'format = "z-wave"', 40, "expected one of zigbee2mqtt"),
    ('id = "gw-demo-01"\n', "", 1, "id is missing"),
    ('https_url = "http://127.0.0.1:8080"', "", 12, "add https_url"),
    ('kind = "tcp"\nhost = "127.0.0.1"\nport = 5021', 'kind = "serial"', 48, "needs a device"),
    ('bias = "pull-up"', 'bias = "sideways"', 59, "as-is, pull-up"),
    ("[uplink]\n", '[uplink]\nmqtt_host = "10.0.0.1"\n', 12, "without TLS"),
    ("http://127.0.0.1:8080", "http://cloud.example", 13, "without TLS"),
    ("http://127.0.0.1:8080", "https://[cloud", 13, "https://cloud.example"),
    ("http://127.0.0.1:8080", "https://cloud:https", 13, "https://cloud.example"),
    ('mode = "https"', 'https_proxy = "http://[a"', 12, "http://proxy.example:3128"),
]


@pytest.mark.parametrize(("old", "new", "line", "words"), MISTAKES)
def test_a_mistake_is_named_with_its_line_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, GOOD.replace(old, new, 1))
    first = str(caught.value).splitlines()
    assert any(f"gateway.toml:{line}: " in m and words in m for m in first), first


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace('id = "gw-demo-01"', 'id = "GW"').replace("unit = 1", "unit = 999")
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("text", ["[gateway", "a = \n", "\x00"])
def test_what_is_no_toml_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"gateway\.toml:1: .*TOML"):
        load(tmp_path, text)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--config"):
        load_settings(tmp_path / "nowhere.toml")


def test_a_key_in_a_token_and_a_proxy_are_read(tmp_path: Path) -> None:
    key = 'key = "pkcs11:token=t;object=o?module-path=/l.so&pin-source=/pin"'
    text = GOOD.replace('site = "chs-001"', f'site = "chs_1.a"\n{key}')
    proxy = 'https_proxy = "http://proxy:3128"'
    settings = load(tmp_path, text.replace('mode = "https"', f'mode = "https"\n{proxy}'))
    assert isinstance(settings.identity.key, TokenKey)
    assert settings.identity.key.current == tmp_path / "state" / "evidence.id"
    assert settings.uplink.https is not None
    assert settings.uplink.https.proxy == "http://proxy:3128"
