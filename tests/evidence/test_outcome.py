"""Down messages: signed by the control key, for one gateway, of one type; and sequences."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor, cose
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from evidence.outcome import (
    Archived,
    Configuration,
    Down,
    Refusal,
    Resend,
    Retry,
    Slow,
    decode_down,
    encode_down,
    is_receipt,
    split_sequence,
    typ_of,
)
from tests.support import cwt_oracle
from tests.support.batches import GATEWAY, SITE, make_batch

CONTROL = SoftwareKey(-19, b"control-key-of-a-test-cloud-----")
numbers = st.integers(0, (1 << 53) - 1)
epochs = st.binary(min_size=8, max_size=8)
runs = st.tuples(epochs, numbers, numbers).map(lambda r: (r[0], min(r[1:]), max(r[1:])))
messages = st.one_of(
    st.builds(
        Refusal,
        epoch=epochs,
        seq=numbers,
        sha256=st.binary(min_size=32, max_size=32),
        code=st.text("abcdefghijklmnopqrstuvwxyz-", max_size=32),
        retry=st.sampled_from(Retry),
    ),
    st.builds(Archived, runs=st.lists(runs, min_size=1, max_size=5).map(tuple)),
    st.builds(Slow, window=st.integers(1, 1000), not_before_s=numbers),
    runs.map(lambda r: Resend(epoch=r[0], lo=r[1], hi=r[2])),
    st.builds(Configuration, document=st.binary(max_size=500)),
)
EXAMPLE = Refusal(epoch=bytes(8), seq=3, sha256=bytes(32), code="field", retry=Retry.NEVER)


def signed(payload: object, name: str = "refusal", signer: SoftwareKey = CONTROL) -> bytes:
    header = cose.protected_header(
        alg=signer.alg, kid=signer.kid, typ=typ_of(name), iss=GATEWAY, sub=SITE
    )
    return cose.sign1(header, cbor.encode(payload), signer)


@given(messages)
def test_every_message_survives_the_wire(message: Down) -> None:
    data = encode_down(message, CONTROL, GATEWAY, SITE)
    assert decode_down(data, CONTROL.public, GATEWAY) == message
    assert not is_receipt(data)


@given(messages, st.data())
def test_no_changed_byte_is_accepted(message: Down, data: st.DataObject) -> None:
    changed = bytearray(encode_down(message, CONTROL, GATEWAY, SITE))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        decode_down(bytes(changed), CONTROL.public, GATEWAY)


@given(st.binary(max_size=200))
def test_any_bytes_raise_one_error(data: bytes) -> None:
    for prefix in (b"", b"\xd2\x84"):
        with pytest.raises(WireError):
            decode_down(prefix + data, CONTROL.public, GATEWAY)


def test_an_independent_implementation_accepts_an_outcome() -> None:
    data = encode_down(EXAMPLE, CONTROL, GATEWAY, SITE)
    [payload] = cwt_oracle.payloads([(data, -19, CONTROL.public.raw)])
    assert payload == cbor.encode([bytes(8), 3, bytes(32), "field", 0])


def test_a_message_for_another_gateway_is_refused() -> None:
    data = encode_down(EXAMPLE, CONTROL, "gw-other", SITE)
    with pytest.raises(WireError, match="gw-other") as refused:
        decode_down(data, CONTROL.public, GATEWAY)
    assert refused.value.code == "profile"


def test_a_message_of_another_key_is_refused() -> None:
    thief = SoftwareKey.generate()
    with pytest.raises(WireError, match="not by the control key"):
        decode_down(encode_down(EXAMPLE, thief, GATEWAY, SITE), CONTROL.public, GATEWAY)


def test_a_forged_key_id_does_not_help() -> None:
    thief = SoftwareKey.generate()
    header = cose.protected_header(
        alg=-19, kid=CONTROL.kid, typ=typ_of("slow"), iss=GATEWAY, sub=SITE
    )
    with pytest.raises(WireError) as refused:
        decode_down(cose.sign1(header, cbor.encode([1, 0]), thief), CONTROL.public, GATEWAY)
    assert refused.value.code == "signature"


def test_a_batch_is_no_outcome_even_under_the_same_key() -> None:
    data = make_batch(CONTROL).data
    with pytest.raises(WireError) as refused:
        decode_down(data, CONTROL.public, GATEWAY)
    assert refused.value.code == "unsupported"


def test_a_payload_under_another_type_is_refused() -> None:
    resend = [bytes(8), 1, 2]
    assert decode_down(signed(resend, "resend"), CONTROL.public, GATEWAY)
    for name in ("refusal", "archived", "slow", "configuration"):
        with pytest.raises(WireError):
            decode_down(signed(resend, name), CONTROL.public, GATEWAY)


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("refusal", [bytes(7), 3, bytes(32), "field", 0]),
        ("refusal", [bytes(8), -1, bytes(32), "field", 0]),
        ("refusal", [bytes(8), 3, bytes(31), "field", 0]),
        ("refusal", [bytes(8), 3, bytes(32), "f" * 33, 0]),
        ("refusal", [bytes(8), 3, bytes(32), "field", 3]),
        ("refusal", [bytes(8), 3, bytes(32), "field", False]),
        ("refusal", [bytes(8), True, bytes(32), "field", 0]),
        ("archived", []),
        ("archived", [[bytes(8), 2, 1]]),
        ("archived", [[bytes(8), 1]]),
        ("archived", {}),
        ("slow", [0, 1]),
        ("slow", [1, -1]),
        ("slow", [True, 1]),
        ("resend", [bytes(8), 2, 1]),
        ("resend", [bytes(8), 0, 1 << 53]),
        ("configuration", ["text"]),
        ("configuration", []),
    ],
)
def test_fields_are_checked_even_when_signed(name: str, payload: object) -> None:
    with pytest.raises(WireError) as refused:
        decode_down(signed(payload, name), CONTROL.public, GATEWAY)
    assert refused.value.code == "field"


def receipt_like() -> bytes:
    protected = cbor.encode({1: -19, 4: bytes(8), 15: {1: "log", 6: 1}, 395: 1})
    unprotected = cbor.encode({396: {-1: [b"proof"]}, -70001: [[bytes(8), 0, 3]]})
    return b"\xd2\x84" + cbor.byte_string(protected) + unprotected + b"\xf6\x58\x40" + bytes(64)


def test_a_receipt_is_told_from_a_message_without_verifying() -> None:
    assert is_receipt(receipt_like())
    assert not is_receipt(b"")
    assert not is_receipt(b"\xd2\x84\x41\xff")
    assert not is_receipt(b"\xd1" + receipt_like()[1:])


@given(st.lists(st.sampled_from(["batch", "down", "receipt"]), max_size=8))
def test_a_sequence_splits_into_the_messages_it_was_made_of(kinds: list[str]) -> None:
    made = {
        "batch": make_batch().data,
        "down": encode_down(EXAMPLE, CONTROL, GATEWAY, SITE),
        "receipt": receipt_like(),
    }
    items = [made[kind] for kind in kinds]
    assert split_sequence(b"".join(items)) == items


@given(st.binary(max_size=300))
def test_any_bytes_split_or_raise_one_error(data: bytes) -> None:
    for prefix in (b"", receipt_like(), b"\xd2\x84\x41\x00\xa0"):
        try:
            items = split_sequence(prefix + data)
        except WireError:
            continue
        assert b"".join(items) == prefix + data


@pytest.mark.parametrize("end", [1, 2, 50, -1])
def test_a_sequence_cut_short_is_refused(end: int) -> None:
    with pytest.raises(WireError):
        split_sequence(make_batch().data + make_batch(seq=1).data[:end])


def test_an_item_over_its_size_does_not_hide_the_others() -> None:
    huge = cose.sign1(b"\xa0", bytes(70_000), CONTROL)
    assert split_sequence(huge + make_batch().data) == [huge, make_batch().data]


def test_a_sequence_has_a_cap_on_items_and_on_bytes() -> None:
    data = make_batch().data
    assert len(split_sequence(data * 3, max_items=3, max_bytes=3 * len(data))) == 3
    for limits in ({"max_items": 2}, {"max_bytes": 3 * len(data) - 1}):
        with pytest.raises(WireError) as refused:
            split_sequence(data * 3, **limits)
        assert refused.value.code == "size"
