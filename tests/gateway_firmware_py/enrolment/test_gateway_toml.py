"""What enrolment writes into a configuration, and what it leaves alone."""

import tomllib
from pathlib import Path

import pytest

from gateway_firmware_py.enrolment.gateway_toml import HEAD, Plan, merged, read_plan
from gateway_firmware_py.errors import ConfigError

OURS = {
    "gateway": {"id": "gw-0001", "site": "chs-001"},
    "trust": {"log_origin": "a/log"},
    "uplink": {"mode": "auto", "https_url": "https://cloud.example", "mqtt_port": 8883},
}
THEIRS = """\
# the shop's own notes
[uplink]           # to the old cloud
https_url = "https://old.example"
mqtt_host = "old.example"
window = 7
[[modbus]]
name = "bus1"      # [uplink] in a comment is none
  [[modbus.device]]
  name = "fridge"
[gateway]
id = "gw-0001"
key = "other.key"
"""


def test_an_empty_file_gets_all_tables_and_a_head() -> None:
    text = merged("", OURS)
    assert text.startswith(HEAD)
    assert tomllib.loads(text) == OURS


def test_other_settings_tables_and_comments_stay() -> None:
    text = merged(THEIRS, OURS)
    found = tomllib.loads(text)
    assert found["uplink"] == {**OURS["uplink"], "window": 7}
    assert found["gateway"] == {**OURS["gateway"], "key": "other.key"}
    assert found["modbus"] == tomllib.loads(THEIRS)["modbus"]
    assert text.startswith("# the shop's own notes\n[uplink]           # to the old cloud\n")
    assert "[uplink] in a comment is none" in text


def test_merging_twice_changes_nothing() -> None:
    once = merged(THEIRS, OURS)
    assert merged(once, OURS) == once


def test_a_plan_is_what_the_file_says_already(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    assert read_plan(file) == Plan()
    file.write_text(THEIRS)
    assert read_plan(file) == Plan(text=THEIRS, gateway="gw-0001", key="other.key")
    file.write_text("[gateway")
    with pytest.raises(ConfigError, match="repair it"):
        read_plan(file)
