"""`doctor` on enrolment: what will fail is told before it does, with the remedy."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.config import BrokerConfig, Config, load_config
from cloud.enrolment.examining import DAY_MS, examine_authority, examine_broker
from cloud.install import Wishes, install
from device_registry.authority import profiles
from device_registry.authority.issuing import Authority
from device_registry.authority.root import OfflineRoot

NOW_MS = 1_793_584_800_000


@pytest.fixture
def config(tmp_path: Path) -> Config:
    wishes = Wishes(log_name="example.org/log", host="127.0.0.1", port=0, segment_mib=1)
    made, _ = install(tmp_path / "cloud", wishes)
    return load_config(made.file)


@pytest.fixture
def authority(config: Config, tmp_path: Path) -> Authority:
    root = OfflineRoot.create(tmp_path / "stick", "R", NOW_MS)
    return Authority.create(config.enrolment.ca_dir, root, "I", NOW_MS)


def test_without_an_authority_it_is_said_how_one_is_made(config: Config) -> None:
    assert "ca init" in examine_authority(config, NOW_MS).told


def test_an_authority_that_ends_soon_is_told_half_a_year_before(
    config: Config, authority: Authority
) -> None:
    end_ms = profiles.ms_of(authority.certificate.not_valid_after_utc)
    assert examine_authority(config, NOW_MS).remedy == ""
    assert "ca renew" in examine_authority(config, end_ms - 179 * DAY_MS).remedy


def test_what_keeps_the_broker_from_hearing_is_told(
    config: Config, authority: Authority, tmp_path: Path
) -> None:
    assert examine_broker(config, NOW_MS).remedy == ""
    acl, crl, pid_file = (tmp_path / name for name in ("acl", "crl", "pid"))
    config = replace(config, broker=BrokerConfig(acl=acl, crl=crl, pid_file=pid_file))
    assert examine_broker(config, NOW_MS).remedy == "start the server"
    acl.write_text("")
    crl.write_text("rot")
    assert "writes a new one" in examine_broker(config, NOW_MS).remedy
    crl.write_bytes(authority.crl([], NOW_MS))
    assert "start mosquitto" in examine_broker(config, NOW_MS).remedy
    pid_file.write_text(str(os.getpid()))  # alive, but no broker
    assert "is not mosquitto" in examine_broker(config, NOW_MS).told
    late_ms = NOW_MS + (profiles.CRL_DAYS - 6) * DAY_MS
    assert "ends in 6 days" in examine_broker(config, late_ms).told
