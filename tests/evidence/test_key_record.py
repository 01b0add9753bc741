"""Key records: one spelling, two people for a revocation, no other error than WireError."""

import contextlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.errors import WireError
from evidence.key_record import KeyEvent, KeyRecord, decode_key_record, encode_key_record
from evidence.keys import SoftwareKey

KEYS = [SoftwareKey(-19, bytes([n]) * 32).public for n in range(3)]
KEYS.append(SoftwareKey(-9, bytes(31) + b"\x05").public)
REVOKED = KeyRecord(
    event=KeyEvent.REVOKED,
    kid=KEYS[0].kid,
    gateway="gw-demo-01",
    site="chs-001",
    public=KEYS[0].to_text(),
    key_kind="software",
    requested_by="li",
    approved_by="wang",
)
NAMES = st.text(max_size=20)


@st.composite
def key_records(draw: st.DrawFn) -> KeyRecord:
    key = draw(st.sampled_from(KEYS))
    revokes = draw(st.booleans())
    people = st.lists(st.text(min_size=1, max_size=9), min_size=2, max_size=2, unique=True)
    requested_by, approved_by = draw(people) if revokes else (draw(NAMES), draw(NAMES))
    others = st.sampled_from([KeyEvent.ENROLLED, KeyEvent.ROTATED])
    return KeyRecord(
        event=KeyEvent.REVOKED if revokes else draw(others),
        kid=key.kid,
        gateway=draw(st.from_regex(r"[a-z0-9-]{4,32}", fullmatch=True)),
        site=draw(st.text(min_size=1, max_size=16)),
        public=key.to_text(),
        key_kind=draw(st.sampled_from(["software", "pkcs11"])),
        signed=draw(st.binary(max_size=64)),
        requested_by=requested_by,
        approved_by=approved_by,
    )


@given(key_records())
def test_a_key_record_comes_back_and_has_one_spelling(record: KeyRecord) -> None:
    data = encode_key_record(record)
    assert decode_key_record(data) == record
    assert cbor.encode(cbor.decode(data)) == data


@given(
    st.binary(max_size=300)
    | st.builds(
        cbor.encode,
        st.dictionaries(
            st.integers(1, 10), st.binary(max_size=9) | st.text(max_size=9) | st.integers(0, 9)
        ),
    )
)
def test_any_bytes_are_a_key_record_or_a_wire_error(data: bytes) -> None:
    with contextlib.suppress(WireError):
        assert encode_key_record(decode_key_record(data)) == data


@pytest.mark.parametrize(
    "wrong",
    [
        {"requested_by": ""},
        {"approved_by": ""},
        {"approved_by": "li"},
        {"kid": KEYS[1].kid},
        {"kid": b"short"},
        {"gateway": "GW"},
        {"site": ""},
        {"site": "s" * 65},
        {"key_kind": ""},
        {"public": "ed25519:"},
        {"signed": bytes(8193)},
        {"requested_by": "l" * 257},
    ],
    ids=str,
)
def test_a_wrong_record_is_refused_both_ways(wrong: dict[str, object]) -> None:
    with pytest.raises(WireError) as refused:
        encode_key_record(replace(REVOKED, **wrong))  # type: ignore[arg-type]
    assert refused.value.code == "field"


def test_an_event_of_a_later_version_is_not_taken_for_another() -> None:
    fields = cbor.decode(encode_key_record(REVOKED))
    assert isinstance(fields, dict)
    with pytest.raises(WireError) as refused:
        decode_key_record(cbor.encode(fields | {1: "lent"}))
    assert refused.value.code == "unsupported"
