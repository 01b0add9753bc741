"""The order of checks: the first rule that is broken is the one that is named."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.ingest.accept import check, named_chain
from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.keyring import Keyring
from evidence import cbor
from evidence.batch import MAX_BATCH_BYTES, decode_body
from evidence.cose import ALG_ESP256, sign1
from evidence.keys import SoftwareKey
from tests.support.routes import RecordingRoute
from tests.support.signing import SigningGateway, registry_of, spoiled

GATEWAY = SigningGateway()
OTHER = SigningGateway("gw-demo-02", 2, "chs-002")
KEYRING = Keyring(registry_of(GATEWAY, OTHER))
BODY = GATEWAY.body()
GOOD = GATEWAY.envelope(BODY)
SIGNED_START = len(GOOD) - 66


def _check(data: bytes, gateway: str = GATEWAY.id) -> Checked | Rejected:
    return check(Delivery(data, "https", RecordingRoute(gateway)), KEYRING)


def _code(data: bytes, gateway: str = GATEWAY.id) -> str:
    result = _check(data, gateway)
    assert isinstance(result, Rejected)
    return result.code


def test_a_good_batch_comes_out_with_its_key_and_body() -> None:
    result = _check(GOOD)
    assert isinstance(result, Checked)
    assert result.key.gateway == GATEWAY.id
    assert result.body == decode_body(GOOD[len(result.key.start) + 2 : -66])


def test_size_comes_before_everything() -> None:
    assert _code(b"\xff" * (MAX_BATCH_BYTES + 1)) == "size"
    assert _code(GOOD[:20] + bytes(MAX_BATCH_BYTES)) == "size"


@pytest.mark.parametrize("data", [b"", b"\xff", b"{}", b"\xd2\x84", GOOD[:30]])
def test_what_is_no_envelope_is_told_so(data: bytes) -> None:
    assert _code(data) in {"cbor", "profile"}


def test_bytes_after_the_signature_break_the_profile() -> None:
    assert _code(GOOD + b"\x00") == "profile"


def test_a_message_of_another_type_is_no_batch() -> None:
    assert _code(GATEWAY.envelope(BODY, typ="application/other")) == "profile"


def test_an_unprotected_header_breaks_the_profile() -> None:
    at = GOOD.index(b"\xa0\x58")
    assert _code(GOOD[:at] + b"\xa1\x01\x02" + GOOD[at + 1 :]) == "profile"


def test_another_algorithm_than_the_enrolled_breaks_the_profile() -> None:
    assert GOOD.count(b"\xa4\x01\x32\x04") == 1
    assert _code(GOOD.replace(b"\xa4\x01\x32\x04", b"\xa4\x01\x28\x04")) == "profile"


def test_a_key_that_nobody_has_is_unknown() -> None:
    assert _code(SigningGateway(number=9).envelope(BODY)) == "unknown-key"


@pytest.mark.parametrize("claim", [{"iss": OTHER.id}, {"sub": OTHER.site}])
def test_a_known_key_with_other_claims_breaks_the_binding(claim: dict[str, str]) -> None:
    assert _code(GATEWAY.envelope(BODY, **claim)) == "binding"


def test_another_gateways_topic_is_the_wrong_route_before_the_signature() -> None:
    assert _code(GOOD, OTHER.id) == "route"
    assert _code(spoiled(GOOD), OTHER.id) == "route"


def test_the_signature_comes_before_the_fields() -> None:
    wrong = bytearray(GOOD)
    wrong[GOOD.index(b"\x04", 100)] ^= 1
    assert _code(bytes(wrong)) == "signature"


def test_a_signed_body_with_a_bad_field_is_refused() -> None:
    protected, at = cbor.read_bytes(GOOD, 2)
    fields = cbor.decode(cbor.read_bytes(GOOD, at + 1)[0])
    assert isinstance(fields, dict)
    fields[5][2] = 3
    assert _code(sign1(protected, cbor.encode(fields), GATEWAY.key)) == "field"


def test_a_critical_key_of_a_later_version_is_unsupported() -> None:
    protected, at = cbor.read_bytes(GOOD, 2)
    payload, _ = cbor.read_bytes(GOOD, at + 1)
    later = bytes((payload[0] + 1,)) + payload[1:] + b"\x18\x1f\x00"
    assert _code(sign1(protected, later, GATEWAY.key)) == "unsupported"


def test_an_optional_key_of_a_later_version_is_taken() -> None:
    protected, at = cbor.read_bytes(GOOD, 2)
    payload, _ = cbor.read_bytes(GOOD, at + 1)
    later = bytes((payload[0] + 1,)) + payload[1:] + b"\x18\x20\x00"
    result = _check(sign1(protected, later, GATEWAY.key))
    assert isinstance(result, Checked)
    assert result.body.extra == {32: 0}


def test_a_p256_key_is_taken_under_its_own_algorithm() -> None:
    gateway = SigningGateway("gw-p256-01")
    gateway.key = SoftwareKey.generate(ALG_ESP256)
    keyring = Keyring(registry_of(gateway))
    delivery = Delivery(gateway.batch(), "mqtt", RecordingRoute(gateway.id))
    assert isinstance(check(delivery, keyring), Checked)


def test_no_flipped_bit_of_a_batch_is_accepted() -> None:
    for bit in range(len(GOOD) * 8):
        data = bytearray(GOOD)
        data[bit // 8] ^= 1 << bit % 8
        assert isinstance(_check(bytes(data)), Rejected), bit


@given(st.binary(max_size=200))
def test_any_bytes_are_rejected_with_a_reason(data: bytes) -> None:
    assert isinstance(_check(data), Rejected)
    assert isinstance(_check(GOOD[:60] + data), Rejected)


def test_a_refusal_names_the_chain_where_it_can_be_read() -> None:
    payload = replace(BODY, seq=7, prev=b"\x01" * 32)
    result = _check(spoiled(GATEWAY.envelope(payload)))
    assert isinstance(result, Rejected)
    assert named_chain(result.payload) == (BODY.epoch, 7)
    assert named_chain(b"") == (bytes(8), 0)
    assert named_chain(b"\xa8\x01\x41\x00\x02\x20") == (bytes(8), 0)
