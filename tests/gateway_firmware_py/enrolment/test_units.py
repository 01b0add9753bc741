"""The systemd units are ones that systemd takes."""

import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "gateway_firmware_py" / "systemd"
PROGRAM = "/opt/coldwarden/.venv/bin/coldwarden-gateway"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    copies = []
    for unit in sorted(UNITS.glob("*.service")):
        text = unit.read_text().replace(PROGRAM, "/bin/true")
        copies.append(tmp_path / unit.name)
        copies[-1].write_text(text.replace("User=coldwarden", "User=daemon"))
    assert len(copies) == 3
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *copies],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
