"""The strict envelope: one layout, checked against an independent implementation."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, cose
from evidence.errors import WireError
from evidence.keys import PublicKey, SoftwareKey
from tests.support import cwt_oracle

ED = SoftwareKey(cose.ALG_ED25519, bytes(range(32)))
P256 = SoftwareKey(cose.ALG_ESP256, bytes(range(1, 33)))
VECTORS = os.environ.get("COLDWARDEN_VECTORS")


def header(key: SoftwareKey = ED) -> bytes:
    return cose.protected_header(
        alg=key.alg, kid=key.kid, typ="application/test+cbor", iss="gw-1", sub="site-1"
    )


def signed(key: SoftwareKey = ED, payload: bytes = b"payload") -> bytes:
    return cose.sign1(header(key), payload, key)


@pytest.mark.parametrize("key", [ED, P256], ids=["ed25519", "p256"])
@given(payload=st.binary(max_size=70000))
def test_what_is_signed_parses_and_verifies(key: SoftwareKey, payload: bytes) -> None:
    envelope = cose.parse1(cose.sign1(header(key), payload, key), 80000)
    assert (envelope.protected, envelope.payload) == (header(key), payload)
    cose.verify1(envelope, key.public)


def test_an_independent_implementation_accepts_our_envelopes_and_no_altered_one() -> None:
    cases = []
    for key in (ED, P256):
        good = signed(key)
        cases += [(good, key.alg, key.public.raw), (alter(good), key.alg, key.public.raw)]
    assert cwt_oracle.payloads(cases) == [b"payload", None, b"payload", None]


def alter(envelope: bytes) -> bytes:
    return envelope.replace(b"payload", b"pAyload")


@given(st.binary(max_size=300))
def test_any_bytes_parse_or_raise_one_error(data: bytes) -> None:
    try:
        envelope = cose.parse1(data)
    except WireError:
        return
    assert data[:2] == b"\xd2\x84"
    assert envelope.protected


@given(st.integers(0, len(signed()) * 8 - 1))
def test_any_flipped_bit_of_an_envelope_is_refused(bit: int) -> None:
    data = bytearray(signed())
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(WireError):
        cose.verify1(cose.parse1(bytes(data)), ED.public)


@given(st.integers(0, len(signed()) - 1))
def test_an_envelope_cut_anywhere_is_refused(length: int) -> None:
    with pytest.raises(WireError):
        cose.parse1(signed()[:length])


SIGNATURE = bytes(64)
LAYOUTS = {
    "untagged": b"\x84\x41\x01\xa0\x40\x58\x40" + SIGNATURE,
    "COSE_Sign tag": b"\xd8\x62\x84\x41\x01\xa0\x40\x58\x40" + SIGNATURE,
    "tag written long": b"\xd8\x12\x84\x41\x01\xa0\x40\x58\x40" + SIGNATURE,
    "three parts": b"\xd2\x83\x41\x01\xa0\x40",
    "five parts": b"\xd2\x85\x41\x01\xa0\x40\x58\x40" + SIGNATURE + b"\x00",
    "empty protected": b"\xd2\x84\x40\xa0\x40\x58\x40" + SIGNATURE,
    "protected is a map": b"\xd2\x84\xa0\xa0\x40\x58\x40" + SIGNATURE,
    "unprotected not empty": b"\xd2\x84\x41\x01\xa1\x01\x26\x40\x58\x40" + SIGNATURE,
    "unprotected is nil": b"\xd2\x84\x41\x01\xf6\x40\x58\x40" + SIGNATURE,
    "detached payload": b"\xd2\x84\x41\x01\xa0\xf6\x58\x40" + SIGNATURE,
    "payload is text": b"\xd2\x84\x41\x01\xa0\x60\x58\x40" + SIGNATURE,
    "payload length long": b"\xd2\x84\x41\x01\xa0\x58\x01\x00\x58\x40" + SIGNATURE,
    "payload indefinite": b"\xd2\x84\x41\x01\xa0\x5f\x40\xff\x58\x40" + SIGNATURE,
    "signature of 63": b"\xd2\x84\x41\x01\xa0\x40\x58\x3f" + SIGNATURE[1:],
    "signature of 65": b"\xd2\x84\x41\x01\xa0\x40\x58\x41" + SIGNATURE + b"\x00",
    "bytes after the end": b"\xd2\x84\x41\x01\xa0\x40\x58\x40" + SIGNATURE + b"\x00",
}


@pytest.mark.parametrize("data", LAYOUTS.values(), ids=LAYOUTS.keys())
def test_every_other_layout_is_refused(data: bytes) -> None:
    with pytest.raises(WireError) as refused:
        cose.parse1(data)
    assert refused.value.code in {"profile", "cbor", "canonical"}


def test_size_is_checked_before_anything_else() -> None:
    with pytest.raises(WireError) as refused:
        cose.parse1(b"\xff" * 65537)
    assert refused.value.code == "size"


def test_a_signature_of_another_key_or_over_another_header_is_refused() -> None:
    envelope = cose.parse1(signed())
    other = SoftwareKey.generate()
    for forged in (
        cose.Sign1(envelope.protected + b"\x00", envelope.payload, envelope.signature),
        cose.Sign1(envelope.protected, envelope.payload + b"\x00", envelope.signature),
        cose.Sign1(envelope.protected, envelope.payload, bytes(64)),
        cose.Sign1(envelope.protected, envelope.payload, b""),
    ):
        with pytest.raises(WireError) as refused:
            cose.verify1(forged, ED.public)
        assert refused.value.code == "signature"
    with pytest.raises(WireError):
        cose.verify1(envelope, other.public)


def test_an_envelope_does_not_verify_under_the_other_algorithm() -> None:
    for data, key in ((signed(ED), P256), (signed(P256), ED)):
        with pytest.raises(WireError):
            cose.verify1(cose.parse1(data), key.public)


def test_a_header_reads_back_what_was_written() -> None:
    assert cose.read_header(header()) == cose.Header(
        alg=-19, kid=ED.kid, typ="application/test+cbor", iss="gw-1", sub="site-1"
    )
    bare = cose.protected_header(alg=-9, kid=bytes(8), typ="t")
    assert cose.read_header(bare) == cose.Header(alg=-9, kid=bytes(8), typ="t")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {1: -19, 4: bytes(8)},
        {1: -19, 4: bytes(7), 16: "t"},
        {1: "EdDSA", 4: bytes(8), 16: "t"},
        {1: -19, 2: [4], 4: bytes(8), 16: "t"},
        {1: -19, 4: bytes(8), 16: "t", 15: {1: "a", 3: "b"}},
        {1: -19, 4: bytes(8), 16: "t", 15: {1: 5}},
        {1: -19, 4: bytes(8), 16: "t", 15: "a"},
        [1, 2],
    ],
)
def test_a_header_with_anything_missing_unknown_or_mistyped_is_refused(fields: object) -> None:
    with pytest.raises(WireError) as refused:
        cose.read_header(cbor.encode(fields))
    assert refused.value.code == "profile"


def public_vector(name: str) -> tuple[bytes, PublicKey, dict[str, Any]]:
    vector = json.loads((Path(VECTORS or "") / "cose" / f"{name}.json").read_text())
    point = vector["input"]["sign0"]["key"]
    x, y = (base64.urlsafe_b64decode(point[axis] + "==") for axis in "xy")
    return bytes.fromhex(vector["output"]["cbor"]), PublicKey(-9, b"\x04" + x + y), vector


@pytest.mark.skipif(not VECTORS, reason="COLDWARDEN_VECTORS is not set")
@pytest.mark.parametrize("name", ["sign-pass-01", "sign-pass-03"])
def test_public_vectors_that_pass_have_the_same_signature_input(name: str) -> None:
    data, key, vector = public_vector(name)
    item: Any = cbor.decode(data)
    parts = item.value if isinstance(item, cbor.Tag) else item
    protected = b"" if parts[0] == b"\xa0" else parts[0]
    signing_input = cose.to_be_signed(protected, parts[2])
    assert signing_input.hex().upper() == vector["intermediates"]["ToBeSign_hex"]
    assert key.verify(signing_input, parts[3])


@pytest.mark.skipif(not VECTORS, reason="COLDWARDEN_VECTORS is not set")
@pytest.mark.parametrize("number", ["01", "02", "03", "04", "06", "07"])
def test_public_vectors_that_fail_are_refused(number: int) -> None:
    data, key, _ = public_vector(f"sign-fail-{number}")
    with pytest.raises(WireError):
        cose.verify1(cose.parse1(data), key)
    if data[0] == 0xD2:  # refused for the signature too, not the layout only
        item: Any = cbor.decode(data)
        parts = item.value
        assert not key.verify(cose.to_be_signed(parts[0], parts[2]), parts[3])
