"""Configuration documents: canonical, bounded, for one gateway; and the word back."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.configuration import (
    MAX_DOCUMENT_BYTES,
    ConfigurationDocument,
    Stage,
    Standing,
    decode_document,
    document_hash,
    encode_document,
    open_configuration,
    sign_configuration,
    standing_of,
    unpack_configuration,
)
from evidence.errors import WireError
from evidence.event import Event, EventKind, decode_events, encode_events
from evidence.keys import SoftwareKey
from evidence.outcome import Configuration, Slow, encode_down
from tests.support.batches import GATEWAY, SITE

CONTROL = SoftwareKey(-19, b"control-key-of-a-test-cloud-----")
OTHER = SoftwareKey(-19, b"another-key-of-another-cloud----")
numbers = st.integers(0, (1 << 53) - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
documents = st.builds(
    ConfigurationDocument,
    version=numbers,
    gateway=st.just(GATEWAY),
    sources=texts,
    profiles=st.dictionaries(texts, texts, max_size=4),
    issued_ms=numbers,
)
EXAMPLE = ConfigurationDocument(version=3, gateway=GATEWAY, sources="[seal]\n")
STATE = {1: "0.1", 2: bytes(32), 3: 1, 4: 100, 5: "software", 6: {}}


@given(documents)
def test_a_document_comes_back_as_it_was_signed(document: ConfigurationDocument) -> None:
    message = sign_configuration(document, CONTROL, SITE)
    assert open_configuration(message, CONTROL.public, GATEWAY) == document


@given(st.binary(max_size=80))
def test_any_bytes_decode_to_themselves_or_raise_wire_error(data: bytes) -> None:
    try:
        document = decode_document(data)
    except WireError:
        return
    assert encode_document(document) == data


@given(documents, st.data())
def test_a_changed_byte_is_never_taken(
    document: ConfigurationDocument, data: st.DataObject
) -> None:
    message = bytearray(sign_configuration(document, CONTROL, SITE))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        open_configuration(bytes(message), CONTROL.public, GATEWAY)


def test_another_key_gateway_or_kind_of_message_is_refused() -> None:
    message = sign_configuration(EXAMPLE, CONTROL, SITE)
    with pytest.raises(WireError) as by_other:
        open_configuration(message, OTHER.public, GATEWAY)
    with pytest.raises(WireError) as for_other:
        open_configuration(message, CONTROL.public, "gw-other")
    slow = encode_down(Slow(window=1, not_before_s=0), CONTROL, GATEWAY, SITE)
    with pytest.raises(WireError) as not_one:
        open_configuration(slow, CONTROL.public, GATEWAY)
    codes = [e.value.code for e in (by_other, for_other, not_one)]
    assert codes == ["profile", "profile", "unsupported"]


def test_a_document_for_another_gateway_in_our_envelope_is_refused() -> None:
    packed = Configuration(document=zlib.compress(encode_document(EXAMPLE)))
    with pytest.raises(WireError, match="not of 'gw-other'"):
        unpack_configuration(packed, "gw-other")


def test_a_bomb_is_refused_before_it_fills_the_memory() -> None:
    bomb = Configuration(document=zlib.compress(bytes(50 * MAX_DOCUMENT_BYTES), 9))
    with pytest.raises(WireError) as refused:
        unpack_configuration(bomb, GATEWAY)
    assert refused.value.code == "size"


def test_a_tail_or_a_cut_is_refused() -> None:
    packed = zlib.compress(encode_document(EXAMPLE))
    for document in (packed + b"x", packed[:-1], b"", b"plain"):
        with pytest.raises(WireError):
            unpack_configuration(Configuration(document=document), GATEWAY)


@pytest.mark.parametrize(
    "changed", [{1: -1}, {1: 1 << 53}, {2: b"x"}, {4: {"a": 1}}, {4: {1: "a"}}, {6: 0}]
)
def test_a_field_that_is_not_what_it_must_be_is_named(changed: dict[int, object]) -> None:
    fields = {1: 1, 2: GATEWAY, 3: "", 4: {}, 5: 0} | changed
    with pytest.raises(WireError) as refused:
        decode_document(cbor.encode(fields))
    assert refused.value.code == "field"


def test_three_thousand_points_fit_one_envelope() -> None:
    point = '[[modbus.device.point]]\nname = "temperature"\nchannel = {}\n'
    sources = "".join(point.format(n) for n in range(3000))
    document = ConfigurationDocument(version=1, gateway=GATEWAY, sources=sources)
    assert len(sign_configuration(document, CONTROL, SITE)) < 65536


@given(
    st.builds(
        Standing,
        version=numbers,
        sha256=st.binary(min_size=32, max_size=32),
        stage=st.sampled_from([Stage.TRIAL, Stage.APPLIED]),
    )
    | st.builds(
        Standing,
        version=numbers,
        sha256=st.binary(min_size=32, max_size=32),
        stage=st.just(Stage.ROLLED_BACK),
        reason=st.text("abc :;é", max_size=60).map(lambda t: " ".join(t.split())),
    )
)
def test_a_standing_survives_a_state_event(standing: Standing) -> None:
    event = Event(t_off=0, kind=EventKind.STATE, body={**STATE, **standing.fields})
    (read,) = decode_events(cbor.decode(encode_events([event])))
    assert standing_of(read.body) == standing


def test_a_state_that_says_nothing_of_a_configuration_has_no_standing() -> None:
    later = {**STATE, 7: 1, 8: bytes(32), 9: "half-applied"}
    assert standing_of(STATE) is None
    assert standing_of(later) is None


def test_the_hash_is_of_the_document_not_of_its_compression() -> None:
    message = sign_configuration(EXAMPLE, CONTROL, SITE)
    opened = open_configuration(message, CONTROL.public, GATEWAY)
    assert document_hash(opened) == document_hash(EXAMPLE)
