"""Key ids, signatures and the private key file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.cose import ALG_ED25519, ALG_ESP256
from evidence.errors import KeyFileError, WireError
from evidence.keys import _P256_ORDER, PublicKey, SoftwareKey

ALGS = pytest.mark.parametrize("alg", [ALG_ED25519, ALG_ESP256], ids=["ed25519", "p256"])


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """The example of RFC 9679 section 6."""
    x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
    y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
    key = PublicKey(ALG_ESP256, bytes.fromhex(f"04{x}{y}"))
    assert key.thumbprint.hex() == (
        "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec"
    )
    assert key.kid.hex() == "496bd8afadf307e5"


def test_ed25519_signs_as_the_standard_says() -> None:
    """RFC 8032 section 7.1, test 2."""
    secret = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
    key = SoftwareKey(ALG_ED25519, bytes.fromhex(secret))
    assert key.public.raw.hex() == (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    )
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@ALGS
@given(data=st.binary(max_size=2000))
def test_a_key_verifies_what_it_signed_and_nothing_else(alg: int, data: bytes) -> None:
    key = SoftwareKey(alg, bytes(range(1, 33)))
    signature = key.sign(data)
    assert len(signature) == 64
    assert key.public.verify(data, signature)
    assert not key.public.verify(data + b"\x00", signature)
    assert not key.public.verify(data, signature[:-1])
    assert not SoftwareKey(alg, bytes(range(2, 34))).public.verify(data, signature)


def test_ecdsa_is_made_with_a_low_s_and_refused_with_a_high_one() -> None:
    key = SoftwareKey.generate(ALG_ESP256)
    for attempt in range(20):
        data = bytes([attempt])
        signature = key.sign(data)
        s = int.from_bytes(signature[32:], "big")
        assert s <= _P256_ORDER // 2
        twin = signature[:32] + (_P256_ORDER - s).to_bytes(32, "big")
        assert key.public.verify(data, signature)
        assert not key.public.verify(data, twin)


@pytest.mark.parametrize("signature", [bytes(64), b"\xff" * 64, bytes(63) + b"\x01"])
@ALGS
def test_degenerate_signatures_are_refused_without_an_exception(
    alg: int, signature: bytes
) -> None:
    assert not SoftwareKey.generate(alg).public.verify(b"data", signature)


@ALGS
def test_generated_keys_differ(alg: int) -> None:
    assert SoftwareKey.generate(alg).kid != SoftwareKey.generate(alg).kid


@ALGS
def test_a_public_key_survives_its_text(alg: int) -> None:
    key = SoftwareKey.generate(alg).public
    assert PublicKey.from_text(key.to_text()) == key


@pytest.mark.parametrize(
    "text",
    ["", "ed25519", "ed25519:", "ed25519:AAAA", "rsa:AAAA", "ed25519:*", "p256:" + "A" * 88],
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(WireError) as refused:
        PublicKey.from_text(text)
    assert refused.value.code == "field"


def test_a_point_off_the_curve_is_no_key() -> None:
    with pytest.raises(WireError, match="point of the curve"):
        PublicKey(ALG_ESP256, b"\x04" + bytes(64))


@pytest.mark.parametrize(
    ("alg", "secret"),
    [
        (-8, bytes(32)),
        (ALG_ED25519, bytes(31)),
        (ALG_ESP256, bytes(32)),
        (ALG_ESP256, b"\xff" * 32),
    ],
)
def test_a_secret_outside_the_group_is_no_key(alg: int, secret: bytes) -> None:
    with pytest.raises(WireError):
        SoftwareKey(alg, secret)


@ALGS
def test_a_key_survives_its_file_and_only_its_owner_can_read_it(
    alg: int, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.key"
    key = SoftwareKey.generate(alg)
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.key"]
    assert SoftwareKey.load(path).public == key.public


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o610, 0o601])
def test_a_key_file_open_to_others_is_refused_with_the_remedy(
    mode: int, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.key"
    SoftwareKey.generate().save(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        SoftwareKey.load(path)


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        SoftwareKey.load(tmp_path / "evidence.key")


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "evidence.key"
    first = SoftwareKey.generate()
    first.save(path)
    with pytest.raises(KeyFileError, match="exists"):
        SoftwareKey.generate().save(path)
    assert SoftwareKey.load(path).kid == first.kid
    assert [p.name for p in tmp_path.iterdir()] == ["evidence.key"]


def test_a_folder_that_is_missing_is_an_error_of_the_operator(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot write"):
        SoftwareKey.generate().save(tmp_path / "no" / "evidence.key")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"coldwarden-private-key ed25519 AAAA\n",
        b"coldwarden-private-key rsa AAAA\n",
        b"another-key ed25519 " + b"A" * 43 + b"=\n",
        b"coldwarden-private-key ed25519 *\n",
        b"one two three four",
    ],
)
def test_a_file_that_holds_no_key_is_refused_without_quoting_it(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "evidence.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError) as refused:
        SoftwareKey.load(path)
    assert str(refused.value).startswith(f"{path} is not a key file")


def test_ed25519_alone_never_loads_the_large_library() -> None:
    program = (
        "import sys, json; from evidence.keys import SoftwareKey as K; k = K.generate();"
        "k.public.verify(b'', k.sign(b'')); print(json.dumps('cryptography' in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, env=dict(os.environ)
    )
    assert json.loads(done.stdout) is False
