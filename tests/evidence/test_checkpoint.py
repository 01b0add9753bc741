"""Checkpoints: one spelling, signed by the pinned key, and nothing else passes."""

import base64
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.checkpoint import Checkpoint, key_hash, open_note, sign
from evidence.cose import ALG_ED25519, ALG_ESP256
from evidence.errors import WireError
from evidence.keys import PublicKey, SoftwareKey

ORIGIN = "example.org/log/2026"
KEY = SoftwareKey(ALG_ED25519, bytes(range(32)))
KEYS = {ORIGIN: KEY.public}
CHECKPOINT = Checkpoint(origin=ORIGIN, size=1234, root=sha256(b"root").digest())
NOTE = sign(CHECKPOINT, KEY, KEY.public)


def test_a_note_has_the_lines_of_the_specification() -> None:
    origin, size, root, empty, line, end = NOTE.decode().split("\n")
    assert (origin, size, empty, end) == (ORIGIN, "1234", "", "")
    assert base64.b64decode(root) == CHECKPOINT.root
    mark, name, signed = line.split(" ")
    assert (mark, name) == ("\u2014", ORIGIN)
    raw = base64.b64decode(signed)
    assert raw[:4] == sha256(ORIGIN.encode() + b"\n\x01" + KEY.public.raw).digest()[:4]
    body = NOTE[: NOTE.index(b"\n\n") + 1]
    assert KEY.public.verify(body, raw[4:])


def test_the_key_hash_is_that_of_the_published_example() -> None:
    """The verifier key of the Go checksum database: name, hash in hex, base64 of 01 || key."""
    name, hashed, encoded = (
        "sum.golang.org",
        "033de0ae",
        "Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    )
    raw = base64.b64decode(encoded)
    assert raw[0] == 1
    assert key_hash(name, PublicKey(ALG_ED25519, raw[1:])).hex() == hashed


@given(st.integers(0, 2**64 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_comes_back(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin=ORIGIN, size=size, root=root)
    assert open_note(sign(checkpoint, KEY, KEY.public), KEYS) == checkpoint


def test_every_single_changed_bit_is_refused() -> None:
    for at in range(len(NOTE)):
        for bit in range(8):
            changed = bytearray(NOTE)
            changed[at] ^= 1 << bit
            with pytest.raises(WireError):
                open_note(bytes(changed), KEYS)


@pytest.mark.parametrize(
    "note",
    [
        NOTE + b"\n",
        NOTE[:-1],
        NOTE + NOTE.split(b"\n")[4] + b"\n",
        NOTE.replace(b"1234\n", b"01234\n"),
        NOTE.replace(b"1234\n", b"1_234\n"),
        NOTE.replace(b"1234\n", b" 1234\n"),
        NOTE.replace(b"\n\n", b"\nextension\n\n"),
        NOTE.replace(b"\n", b"\r\n"),
    ],
)
def test_another_spelling_is_refused(note: bytes) -> None:
    with pytest.raises(WireError):
        open_note(note, KEYS)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_one_error(note: bytes) -> None:
    with pytest.raises(WireError):
        open_note(note, KEYS)


def test_another_key_or_another_log_is_refused() -> None:
    other = SoftwareKey.generate()
    for keys in (
        {ORIGIN: other.public},
        {"other.example/log": KEY.public},
        {},
        {ORIGIN: SoftwareKey.generate(ALG_ESP256).public},
    ):
        with pytest.raises(WireError):
            open_note(NOTE, keys)
    with pytest.raises(WireError):
        open_note(sign(CHECKPOINT, other, KEY.public), KEYS)
