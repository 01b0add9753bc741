"""Enrolment, rotation, renewal: who signed what, for whom, nothing changed on the way."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, cose
from evidence.enrolment import envelope
from evidence.enrolment.answer import Enrolled, read_enrolled, sign_enrolled
from evidence.enrolment.claim import from_base64url, secret_hash, to_base64url
from evidence.enrolment.envelope import Parties
from evidence.enrolment.renewal import RenewalProof, read_renewal, renewing_kid, sign_renewal
from evidence.enrolment.request import (
    EnrolRequest,
    read_request,
    secret_proof,
    secret_proof_of_hash,
    sign_request,
)
from evidence.enrolment.rotation import (
    Rotated,
    Rotation,
    read_rotated,
    read_rotation,
    rotating_kid,
    sign_rotated,
    sign_rotation,
)
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from tests.support import cwt_oracle

CONTROL = SoftwareKey(-19, b"control-key-of-a-test-cloud-----")
OLD = SoftwareKey(-19, b"evidence-key-of-a-gateway-------")
NEW = SoftwareKey(-9, b"the-next-evidence-key-----------")
SECRET = b"sixteen-secrets!"
PARTIES = Parties(gateway="gw-0001", site="chs-001")
REQUEST = EnrolRequest(
    claim_id=b"claim-id",
    gateway="gw-0001",
    site="chs-001",
    public=OLD.public,
    key_kind="software",
    certificate_sha256=b"c" * 32,
    csr_sha256=b"r" * 32,
    software="coldwarden-gateway 1.0",
    at_ms=1_793_584_800_000,
    secret_proof=secret_proof(SECRET, OLD.public, b"c" * 32),
)
ENROLLED = Enrolled(
    gateway="gw-0001",
    site="chs-001",
    kid=OLD.kid,
    https_url="https://cloud.example.org:8443",
    mqtt_host="broker.example.org",
    mqtt_port=8883,
    configuration=b"signed elsewhere",
)
ROTATION = Rotation(
    gateway="gw-0001",
    site="chs-001",
    old_kid=OLD.kid,
    public=NEW.public,
    key_kind="pkcs11",
    at_ms=1_793_584_800_000,
    last=(b"an-epoch", 77),
)
ROTATED = Rotated(gateway="gw-0001", site="chs-001", old_kid=OLD.kid, kid=NEW.kid)
RENEWAL = RenewalProof(
    gateway="gw-0001", site="chs-001", csr_sha256=b"r" * 32, at_ms=1_793_584_800_000
)


def renewal_bytes() -> bytes:
    return from_base64url(sign_renewal(RENEWAL, OLD))


MESSAGES: dict[str, tuple[bytes, Callable[[bytes], object], object]] = {
    "request": (sign_request(REQUEST, OLD), read_request, REQUEST),
    "answer": (
        sign_enrolled(ENROLLED, CONTROL),
        lambda data: read_enrolled(data, CONTROL.public),
        ENROLLED,
    ),
    "rotation": (
        sign_rotation(ROTATION, OLD, NEW),
        lambda data: read_rotation(data, OLD.public),
        ROTATION,
    ),
    "rotated": (
        sign_rotated(ROTATED, CONTROL),
        lambda data: read_rotated(data, CONTROL.public),
        ROTATED,
    ),
    "renewal": (
        renewal_bytes(),
        lambda data: read_renewal(to_base64url(data), OLD.public),
        RENEWAL,
    ),
}
names = pytest.mark.parametrize("name", MESSAGES)


@names
def test_what_was_signed_is_what_is_read(name: str) -> None:
    data, read, message = MESSAGES[name]
    assert read(data) == message


@given(st.sampled_from(sorted(MESSAGES)), st.data())
def test_no_changed_byte_is_accepted(name: str, data: st.DataObject) -> None:
    sealed, read, _ = MESSAGES[name]
    changed = bytearray(sealed)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        read(bytes(changed))


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=200))
def test_any_bytes_raise_one_error(name: str, data: bytes) -> None:
    for prefix in (b"", b"\xd2\x84"):
        with pytest.raises(WireError):
            MESSAGES[name][1](prefix + data)


@names
def test_no_message_stands_for_another(name: str) -> None:
    for other, (data, _, _) in MESSAGES.items():
        if other != name:
            with pytest.raises(WireError):
                MESSAGES[name][1](data)


PLAIN = st.one_of(st.integers(-5, 5), st.binary(max_size=40), st.text(max_size=12), st.none())


@given(st.sampled_from(sorted(MESSAGES)), st.lists(PLAIN | st.booleans(), max_size=8))
def test_a_signed_payload_of_any_shape_raises_one_error(name: str, item: list[object]) -> None:
    kinds = {"request": "enrolment", "answer": "enrolled"}
    signer = CONTROL if name in {"answer", "rotated"} else OLD
    kind = kinds.get(name, name)
    with pytest.raises(WireError):
        MESSAGES[name][1](envelope.seal(kind, cbor.encode(item), signer, PARTIES))


def test_the_proof_binds_secret_key_and_certificate() -> None:
    proof = secret_proof(SECRET, OLD.public, b"c" * 32)
    assert proof == secret_proof_of_hash(secret_hash(SECRET), OLD.public, b"c" * 32)
    others = {
        secret_proof(b"another-secret!!", OLD.public, b"c" * 32),
        secret_proof(SECRET, NEW.public, b"c" * 32),
        secret_proof(SECRET, OLD.public, b"d" * 32),
    }
    assert proof not in others
    assert len(others) == 3


def test_a_request_naming_another_key_than_the_signer_is_refused() -> None:
    payload = [
        REQUEST.claim_id,
        NEW.public.to_text(),
        "software",
        b"c" * 32,
        b"r" * 32,
        "",
        1,
        b"p" * 32,
    ]
    stolen = envelope.seal("enrolment", cbor.encode(payload), OLD, PARTIES)
    with pytest.raises(WireError) as raised:
        read_request(stolen)
    assert raised.value.code == "profile"


def test_a_rotation_without_the_new_key_is_refused() -> None:
    thief = SoftwareKey(-19, b"a-key-that-signs-for-another----")
    item = [OLD.kid, NEW.public.to_text(), "software", 1, b"", 0]
    proof = envelope.seal("rotation-proof", cbor.encode(item), thief, PARTIES)
    with pytest.raises(WireError) as raised:
        read_rotation(envelope.seal("rotation", proof, OLD, PARTIES), OLD.public)
    assert raised.value.code == "profile"


def test_a_rotation_proof_made_for_another_gateway_is_refused() -> None:
    other = Parties(gateway="gw-0002", site="chs-001")
    inner = sign_rotation(replace(ROTATION, gateway="gw-0002"), OLD, NEW)
    proof = cose.parse1(inner).payload
    assert envelope.peek("rotation-proof", proof)[1] == other
    with pytest.raises(WireError) as raised:
        read_rotation(envelope.seal("rotation", proof, OLD, PARTIES), OLD.public)
    assert raised.value.code == "profile"


def test_a_rotation_from_a_key_that_signed_nothing_has_no_last_batch() -> None:
    fresh = replace(ROTATION, last=None)
    assert read_rotation(sign_rotation(fresh, OLD, NEW), OLD.public) == fresh


def test_the_signing_key_can_be_looked_up_before_it_is_verified() -> None:
    assert rotating_kid(MESSAGES["rotation"][0]) == OLD.kid
    assert renewing_kid(sign_renewal(RENEWAL, OLD)) == OLD.kid


def test_a_password_that_is_too_long_is_refused_unread() -> None:
    with pytest.raises(WireError) as raised:
        read_renewal("A" * 1025, OLD.public)
    assert raised.value.code == "size"
    assert len(sign_renewal(RENEWAL, OLD)) < 512


@pytest.mark.parametrize(
    "change",
    [
        {"gateway": "GW 1"},
        {"site": ""},
        {"key_kind": "hsm"},
        {"csr_sha256": b"short"},
        {"at_ms": -1},
        {"software": "a\nb"},
        {"secret_proof": b""},
        {"claim_id": b"123456789"},
    ],
)
def test_a_request_holds_what_its_names_say(change: dict[str, object]) -> None:
    with pytest.raises(WireError) as raised:
        replace(REQUEST, **change)  # type: ignore[arg-type]
    assert raised.value.code == "field"


@pytest.mark.parametrize(
    "change",
    [
        {"mqtt_port": 0},
        {"mqtt_host": ""},
        {"mqtt_port": 65536},
        {"https_url": "http://cloud"},
        {"heartbeat_s": 0},
        {"kid": b"short"},
    ],
)
def test_an_answer_holds_what_its_names_say(change: dict[str, object]) -> None:
    with pytest.raises(WireError) as raised:
        replace(ENROLLED, **change)  # type: ignore[arg-type]
    assert raised.value.code == "field"


def test_a_key_is_not_rotated_to_itself() -> None:
    with pytest.raises(WireError):
        replace(ROTATION, public=OLD.public)


def test_an_independent_implementation_accepts_a_request() -> None:
    [payload] = cwt_oracle.payloads([(MESSAGES["request"][0], -19, OLD.public.raw)])
    assert payload == cose.parse1(MESSAGES["request"][0]).payload
