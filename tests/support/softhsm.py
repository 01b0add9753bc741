"""A token of SoftHSM2 in a temporary folder, standing in for a secure element.

The library reads its configuration once in a process, so there is one folder of tokens for
each test process; keys are told apart by their labels.
"""

import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

import pytest

from gateway_firmware_py.key_place import TokenKey, read_place

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN, OFFICER_PIN, TOKEN = "1234", "4321", "coldwarden"

needs_softhsm = pytest.mark.skipif(
    not MODULE.exists() or shutil.which("softhsm2-util") is None,
    reason="softhsm2 is not installed",
)


@lru_cache(maxsize=1)
def token_folder() -> Path:
    """Return the folder of this process's token; `SOFTHSM2_CONF` points into it from now on."""
    folder = Path(tempfile.mkdtemp(prefix="softhsm-"))
    (folder / "tokens").mkdir()
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    pin = folder / "pin"
    pin.write_text(PIN + "\n")
    pin.chmod(0o600)
    make = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN]
    subprocess.run(
        [*make, "--pin", PIN, "--so-pin", OFFICER_PIN], check=True, capture_output=True
    )
    return folder


def token_uri(label: str) -> str:
    """Return the setting `key` for a key of that label."""
    pin = token_folder() / "pin"
    return f"pkcs11:token={TOKEN};object={label}?module-path={MODULE}&pin-source={pin}"


def token_place(label: str, state_dir: Path) -> TokenKey:
    """Return the place of a key of that label."""
    place = read_place(token_uri(label), state_dir)
    assert isinstance(place, TokenKey)
    return place
