"""Framing on TCP: an answer is taken for its own request only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.model import RegisterTable
from edge.modbus.errors import DesyncError
from edge.modbus.frames import Malformed, Outcome, Refusal, identify_request, read_request
from edge.modbus.tcp_codec import TcpCodec

TWO = read_request(7, RegisterTable.INPUT, 0x10, 2)


def answer(sent: bytes, body: str = "07 04 04 0001 0002") -> bytes:
    """The message that answers `sent` with `body` (unit and PDU)."""
    message = bytes.fromhex(body)
    return sent[:4] + len(message).to_bytes(2, "big") + message


def test_a_request_as_it_lies_on_the_wire() -> None:
    codec = TcpCodec()
    assert codec.begin(TWO).hex(" ") == "00 01 00 00 00 06 07 04 00 10 00 02"
    assert codec.begin(TWO)[:2] == b"\0\2"
    assert codec.begin(identify_request(7, 1, 0)).hex() == "000300000005072b0e0100"


def test_an_answer_gives_its_data_once() -> None:
    codec = TcpCodec()
    reply = answer(codec.begin(TWO))
    assert codec.feed(reply) == b"\0\1\0\2"
    assert codec.feed(reply) is None, "a duplicate is no second answer"
    assert codec.strays == 1


@given(st.lists(st.integers(1, 12), max_size=12))
def test_an_answer_in_any_pieces_is_the_same_answer(cuts: list[int]) -> None:
    codec = TcpCodec()
    reply = answer(codec.begin(TWO))
    outcomes: list[Outcome | None] = []
    while reply:
        step = cuts.pop() if cuts else len(reply)
        outcomes.append(codec.feed(reply[:step]))
        reply = reply[step:]
    assert outcomes == [None] * (len(outcomes) - 1) + [b"\0\1\0\2"]


def test_a_late_answer_is_never_taken_for_the_current_one() -> None:
    codec = TcpCodec()
    late = answer(codec.begin(TWO), "07 04 04 dead beef")
    assert codec.abandon() is None
    current = answer(codec.begin(TWO))
    assert codec.feed(late) is None
    assert codec.feed(current) == b"\0\1\0\2"
    assert codec.strays == 1


def test_a_late_answer_in_one_piece_with_the_current_one() -> None:
    codec = TcpCodec()
    late = answer(codec.begin(TWO), "07 04 04 dead beef")
    codec.abandon()
    assert codec.feed(late + answer(codec.begin(TWO))) == b"\0\1\0\2"


def test_an_answer_of_another_unit_is_dropped() -> None:
    codec = TcpCodec()
    sent = codec.begin(TWO)
    assert codec.feed(answer(sent, "08 04 04 0001 0002")) is None
    assert codec.feed(answer(sent)) == b"\0\1\0\2"


def test_nothing_is_an_answer_after_giving_up() -> None:
    codec = TcpCodec()
    reply = answer(codec.begin(TWO))
    codec.abandon()
    assert codec.feed(reply) is None
    assert codec.strays == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("07 84 0b", Refusal(11)),
        ("07 04 02 0001", Malformed("expected 070404, got 070402")),
        ("07 03 04 0001 0002", Malformed("expected 070404, got 070304")),
    ],
)
def test_exceptions_and_wrong_shapes(body: str, outcome: Outcome) -> None:
    codec = TcpCodec()
    assert codec.feed(answer(codec.begin(TWO), body)) == outcome


def test_an_identification_has_the_length_it_says() -> None:
    codec = TcpCodec()
    sent = codec.begin(identify_request(7, 1, 0))
    body = "07 2b 0e 01 01 00 00 01 00 02 4142"
    assert codec.feed(b"") is None
    assert codec.feed(answer(sent, body)) == bytes.fromhex(body)[3:]


def test_an_identification_is_not_taken_from_an_earlier_read() -> None:
    codec = TcpCodec()
    earlier = answer(codec.begin(TWO))
    codec.begin(identify_request(7, 1, 0))
    assert codec.feed(earlier) is None


@pytest.mark.parametrize(
    "garbage",
    ["0001 0007 0005 07 04 04", "0001 0000 0001 07", "0001 0000 00ff 07", "48545450 2f 31 2e"],
)
def test_what_is_not_modbus_ends_the_line(garbage: str) -> None:
    codec = TcpCodec()
    codec.begin(TWO)
    with pytest.raises(DesyncError):
        codec.feed(bytes.fromhex(garbage))


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_are_an_outcome_nothing_or_a_desync(pieces: list[bytes]) -> None:
    codec = TcpCodec()
    codec.begin(TWO)
    outcomes = []
    try:
        outcomes = [codec.feed(piece) for piece in pieces]
    except DesyncError:
        return
    assert sum(outcome is not None for outcome in outcomes) <= 1


def test_transaction_ids_wrap_around() -> None:
    codec = TcpCodec()
    for _ in range(0x10000):
        codec.begin(TWO)
    sent = codec.begin(TWO)
    assert sent[:2] == b"\0\1"
    assert codec.feed(answer(sent)) == b"\0\1\0\2"
