"""The key file: made once, refused with a remedy."""

from pathlib import Path

import pytest

from gateway_firmware_py.errors import IdentityError
from gateway_firmware_py.identity import load_key, make_key


def test_a_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "state" / "evidence.key"
    key, made = make_key(path)
    again, made_again = make_key(path)
    assert (made, made_again) == (True, False)
    assert load_key(path).public == again.public == key.public


def test_what_is_wrong_with_a_key_comes_with_its_remedy(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    with pytest.raises(IdentityError, match="coldwarden-gateway init"):
        load_key(path)
    make_key(path)
    path.chmod(0o640)
    with pytest.raises(IdentityError, match="chmod 600"):
        load_key(path)
    path.chmod(0o600)
    path.write_text("something else")
    with pytest.raises(IdentityError, match="enrol"):
        load_key(path)
    with pytest.raises(IdentityError, match="enrol"):
        make_key(path)
