"""The setting `key`: a file, or a token's address."""

from pathlib import Path

import pytest

from gateway_firmware_py.key_place import TokenKey, marker, next_place, read_place

URI = "pkcs11:token=a%20b;object=evidence;serial=1?module-path=/l.so&pin-source=file:/pin"


def test_a_file_is_in_the_state_directory_and_its_successor_beside_it(tmp_path: Path) -> None:
    place = read_place("evidence.key", tmp_path)
    assert place == tmp_path / "evidence.key"
    assert next_place(place) == tmp_path / "evidence.key.next"
    assert marker(place) == place


def test_a_token_is_named_by_a_uri(tmp_path: Path) -> None:
    place = read_place(URI, tmp_path)
    assert place == TokenKey(
        token="a b",
        label="evidence",
        serial="1",
        module=Path("/l.so"),
        pin_file=Path("/pin"),
        current=tmp_path / "evidence.id",
    )
    assert marker(next_place(place)) == tmp_path / "evidence.id.next"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("pkcs11:object=e?module-path=/l&pin-source=/p", "token is missing"),
        ("pkcs11:token=t;object=e?module-path=/l", "pin-source is missing"),
        ("pkcs11:token=t;object=e?module-path=/l&pin-value=1234", "'pin-value' is not known"),
        ("pkcs11:token=t;slot=3;object=e", "'slot' is not known"),
    ],
)
def test_what_a_uri_lacks_is_named_with_an_example(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(ValueError, match=named) as refused:
        read_place(text, tmp_path)
    assert "pkcs11:token=NAME" in str(refused.value)
