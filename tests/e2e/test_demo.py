"""`coldwarden-sim demo`: nothing lost, nothing doubled, and every changed byte is found."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import engine

SECONDS = "12"
BIN = Path(sys.executable).parent
KEYS = [
    "taken",
    "stored",
    "lost",
    "duplicated",
    "batches",
    "verified",
    "alarms",
    "alarm_latency_ms_p50",
    "alarm_latency_ms_p99",
]
TIMEOUT_S = 240


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def demo(folder: Path, uplink: str) -> dict[str, Any]:
    options = ["--seconds", SECONDS, "--json", "--uplink", uplink, "--keep", str(folder)]
    ended = run("coldwarden-sim", "demo", *options)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (line,) = ended.stdout.splitlines()
    result: dict[str, Any] = json.loads(line)
    return result


def assert_whole(result: dict[str, Any]) -> None:
    assert list(result) == KEYS
    assert (result["lost"], result["duplicated"], result["verified"]) == (0, 0, True)
    assert result["taken"] == result["stored"] > 0
    assert result["batches"] > 0
    assert result["alarms"] >= 1
    assert 0 < result["alarm_latency_ms_p50"] <= result["alarm_latency_ms_p99"]


def verify(folder: Path) -> subprocess.CompletedProcess[str]:
    trust = str(folder / "trust")
    return run("coldwarden-verify", str(folder / "archive"), "--trust", trust)


def change_a_byte(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x01
    file.write_bytes(bytes(data))


def test_over_https_all_is_stored_once_and_any_changed_byte_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    assert_whole(demo(folder, "https"))
    passed = verify(folder)
    assert passed.returncode == 0, passed.stdout
    files = sorted(f for f in (folder / "archive").rglob("*") if f.is_file())
    kinds = {f.parent.name: f for f in files}
    assert len(kinds) >= 3
    for file in kinds.values():
        before = file.read_bytes()
        change_a_byte(file)
        failed = verify(folder)
        assert failed.returncode == 1
        assert file.name in failed.stdout
        file.write_bytes(before)
    assert verify(folder).returncode == 0


@pytest.mark.engine
def test_over_mqtt_all_is_stored_once(tmp_path: Path) -> None:
    engine("mosquitto")
    assert_whole(demo(tmp_path / "kept", "mqtt"))


def test_what_was_kept_before_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    refused = run("coldwarden-sim", "demo", "--seconds", "1", "--keep", str(tmp_path))
    assert refused.returncode == 1
    assert "not empty" in refused.stderr
