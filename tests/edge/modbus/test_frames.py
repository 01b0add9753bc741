"""Modbus messages: what may leave, and what an answer says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.model import RegisterTable
from edge.errors import BadAnswerError
from edge.modbus.frames import (
    IdentityPage,
    Malformed,
    Refusal,
    Request,
    answer_bytes,
    identify_request,
    identity_page,
    outcome_of,
    read_request,
)

FOUR_REGISTERS = read_request(17, RegisterTable.HOLDING, 0x006B, 4)


@given(st.binary(min_size=1, max_size=260), st.none() | st.integers(0, 250))
def test_no_request_but_reads_and_identification_can_be_made(
    pdu: bytes, data_bytes: int | None
) -> None:
    may_leave = (pdu[0] in {1, 2, 3, 4} and len(pdu) == 5) or (
        pdu[:2] == b"\x2b\x0e" and len(pdu) == 4
    )
    if may_leave:
        assert Request(unit=1, pdu=pdu, data_bytes=data_bytes).pdu == pdu
    else:
        with pytest.raises(ValueError, match="never leaves"):
            Request(unit=1, pdu=pdu, data_bytes=data_bytes)


@pytest.mark.parametrize("function", [5, 6, 8, 15, 16, 22, 23, 43, 0, 255])
def test_a_function_that_could_write_is_refused(function: int) -> None:
    with pytest.raises(ValueError, match=f"function {function} never leaves"):
        Request(unit=1, pdu=bytes((function, 0, 0, 0, 1)), data_bytes=2)


@pytest.mark.parametrize(
    ("table", "function"),
    [
        (RegisterTable.COIL, 1),
        (RegisterTable.DISCRETE, 2),
        (RegisterTable.HOLDING, 3),
        (RegisterTable.INPUT, 4),
    ],
)
def test_each_table_is_read_by_its_function(table: RegisterTable, function: int) -> None:
    assert read_request(1, table, 0x1234, 9).pdu == bytes((function, 0x12, 0x34, 0, 9))


@pytest.mark.parametrize(
    ("table", "address", "count"),
    [
        (RegisterTable.HOLDING, 0, 126),
        (RegisterTable.COIL, 0, 2001),
        (RegisterTable.INPUT, 0xFFFF, 2),
        (RegisterTable.INPUT, 0, 0),
        (RegisterTable.INPUT, -1, 1),
    ],
)
def test_a_read_beyond_the_limits_cannot_be_made(
    table: RegisterTable, address: int, count: int
) -> None:
    with pytest.raises(ValueError, match="cannot read"):
        read_request(1, table, address, count)


def test_data_of_an_answer() -> None:
    message = bytes.fromhex("11 03 08") + bytes(range(8))
    assert outcome_of(FOUR_REGISTERS, message) == bytes(range(8))
    assert answer_bytes(FOUR_REGISTERS, message[:3]) == len(message)


def test_coils_are_packed_in_whole_bytes() -> None:
    request = read_request(1, RegisterTable.COIL, 0, 19)
    assert outcome_of(request, bytes.fromhex("01 01 03 cd 6b 05")) == b"\xcd\x6b\x05"


def test_an_exception_is_told_apart_from_an_answer() -> None:
    outcome = outcome_of(FOUR_REGISTERS, bytes.fromhex("11 83 02"))
    assert outcome == Refusal(2)
    assert str(outcome) == "exception 2 (illegal data address)"
    assert str(Refusal(77)) == "exception 77 (unknown)"


@pytest.mark.parametrize(
    "message",
    [
        "11 03 06 000000000000",  # fewer registers than asked for
        "11 04 08 0000000000000000",  # another function
        "11 03 08 00000000000000",  # shorter than it says
        "11 83 02 00",  # an exception that goes on
        "11 83",
    ],
)
def test_an_answer_to_something_else_is_malformed(message: str) -> None:
    assert isinstance(outcome_of(FOUR_REGISTERS, bytes.fromhex(message)), Malformed)


@given(st.binary(max_size=260))
def test_any_bytes_are_data_a_refusal_or_malformed(message: bytes) -> None:
    match outcome_of(FOUR_REGISTERS, message):
        case bytes(data):
            assert len(data) == 8
        case Refusal(code):
            assert 0 <= code <= 255
        case Malformed(reason):
            assert reason


VENDOR = b"\x00\x03abc\x01\x01p"


def test_an_identification_page_lists_its_objects() -> None:
    last = identity_page(bytes((1, 0x81, 0, 0, 2)) + VENDOR)
    assert last == IdentityPage(objects=((0, b"abc"), (1, b"p")), next_object=None)
    more = identity_page(bytes((1, 0x81, 0xFF, 2, 2)) + VENDOR)
    assert more.next_object == 2


@pytest.mark.parametrize("data", [b"", b"\1\1\0\0", b"\1\1\0\0\1", b"\1\1\0\0\1\0\5ab"])
def test_a_page_that_ends_early_is_refused(data: bytes) -> None:
    with pytest.raises(BadAnswerError):
        identity_page(data)


def test_a_page_that_goes_on_is_refused() -> None:
    with pytest.raises(BadAnswerError, match="1 bytes follow"):
        identity_page(bytes((1, 0x81, 0, 0, 2)) + VENDOR + b"x")


@given(st.binary(max_size=260))
def test_any_page_is_read_or_refused(data: bytes) -> None:
    try:
        page = identity_page(data)
    except BadAnswerError:
        return
    assert len(page.objects) == data[4]


def test_the_length_of_an_identification_is_known_once_its_objects_are() -> None:
    request = identify_request(5, 1, 0)
    message = bytes((5, 0x2B, 0x0E, 1, 0x81, 0, 0, 2)) + VENDOR
    known = [answer_bytes(request, message[:n]) for n in range(3, len(message) + 1)]
    assert known[-1] == len(message)
    assert set(known[:-3]) == {None}
    assert outcome_of(request, message) == message[3:]
