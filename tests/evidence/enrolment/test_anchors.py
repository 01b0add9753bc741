"""Anchors: canonical, and believed only under the pin of the claim."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import cbor
from evidence.enrolment.anchors import Anchors, decode_anchors, pinned_anchors
from evidence.enrolment.errors import AnchorsError
from evidence.errors import WireError
from evidence.keys import SoftwareKey

ANCHORS = Anchors(
    root=b"a root certificate in DER",
    log_origin="example.org/log",
    log_key=SoftwareKey(-19, b"log-key-of-a-test-cloud---------").public,
    control_key=SoftwareKey(-19, b"control-key-of-a-test-cloud-----").public,
)


def test_pinned_anchors_are_believed() -> None:
    assert pinned_anchors(ANCHORS.encode(), ANCHORS.pin()) == ANCHORS


@given(st.integers(0, len(ANCHORS.encode()) - 1), st.integers(1, 255))
def test_no_changed_byte_is_believed(at: int, flip: int) -> None:
    changed = bytearray(ANCHORS.encode())
    changed[at] ^= flip
    with pytest.raises(AnchorsError, match="check the address"):
        pinned_anchors(bytes(changed), ANCHORS.pin())


@given(st.binary(max_size=100))
def test_any_bytes_raise_one_error(data: bytes) -> None:
    with pytest.raises(WireError):
        decode_anchors(data)


def test_a_key_has_one_spelling() -> None:
    log = ANCHORS.log_key.to_text()
    for text in (log.rstrip("="), f"{log}=", log.upper()):
        with pytest.raises(WireError):
            decode_anchors(cbor.encode([b"root", "origin", text, log]))
