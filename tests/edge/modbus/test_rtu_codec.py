"""Framing on serial lines: noise, echoes, damage and late answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.model import RegisterTable
from edge.modbus.frames import Outcome, Refusal, Request, identify_request, read_request
from edge.modbus.rtu_codec import MAX_BUFFER_BYTES, RtuCodec, crc16
from tests.support.modbus_builders import echo_that_passes_for_an_answer

TWO = read_request(1, RegisterTable.HOLDING, 0, 2)
DATA = bytes.fromhex("0292 ff9b")  # 65.8 %RH, -10.1 Cel, as an RS-WS-N01 sends them
ANSWER = bytes.fromhex("01 03 04 0292 ff9b 5a3d")


def message(body: bytes) -> bytes:
    return body + crc16(body)


def begun(request: Request = TWO) -> RtuCodec:
    codec = RtuCodec()
    codec.begin(request)
    return codec


@pytest.mark.parametrize(
    ("request_", "on_the_wire"),
    [
        (TWO, "010300000002c40b"),
        (read_request(1, RegisterTable.INPUT, 1, 2), "010400010002200b"),
        (read_request(0xF0, RegisterTable.HOLDING, 0, 4), "f003000000045128"),
    ],
)
def test_requests_as_the_manuals_print_them(request_: Request, on_the_wire: str) -> None:
    assert RtuCodec().begin(request_).hex() == on_the_wire


def test_answers_as_the_manuals_print_them() -> None:
    assert begun().feed(ANSWER) == DATA
    other = begun(read_request(1, RegisterTable.INPUT, 1, 2))
    assert other.feed(bytes.fromhex("010404013102222ace")) == bytes.fromhex("01310222")


def test_an_answer_byte_by_byte() -> None:
    codec = begun()
    outcomes = [codec.feed(ANSWER[i : i + 1]) for i in range(len(ANSWER))]
    assert outcomes == [None] * (len(ANSWER) - 1) + [DATA]


def test_an_exception() -> None:
    assert begun().feed(message(b"\x01\x83\x02")) == Refusal(2)


@given(st.binary(max_size=20), st.integers(1, 9))
def test_noise_before_an_answer_is_passed_over(noise: bytes, step: int) -> None:
    codec = begun()
    line = noise + ANSWER
    outcomes = [codec.feed(line[i : i + step]) for i in range(0, len(line), step)]
    outcomes.append(codec.abandon())
    assert [o for o in outcomes if o is not None] == [DATA]


@given(st.integers(1, 17))
def test_an_echo_is_passed_over(step: int) -> None:
    codec = RtuCodec()
    line = codec.begin(TWO) + ANSWER
    outcomes = [codec.feed(line[i : i + step]) for i in range(0, len(line), step)]
    assert outcomes[-1] == DATA
    assert set(outcomes[:-1]) <= {None}


def test_an_echo_that_looks_like_an_answer_is_not_taken_for_one() -> None:
    request = echo_that_passes_for_an_answer()
    answer = message(bytes((request.unit, 3, 2, 0x12, 0x34)))
    codec = RtuCodec()
    line = codec.begin(request) + answer
    outcomes = [codec.feed(line[i : i + 1]) for i in range(len(line))]
    assert outcomes == [None] * (len(line) - 1) + [b"\x12\x34"]


def test_an_answer_that_looks_like_an_echo_is_taken_when_the_line_stays_silent() -> None:
    request = echo_that_passes_for_an_answer()
    codec = RtuCodec()
    answer = codec.begin(request)[:7]
    assert codec.feed(answer) is None
    assert codec.abandon() == answer[3:5]


@given(st.integers(0, len(ANSWER) * 8 - 1))
def test_no_damaged_answer_is_taken(bit: int) -> None:
    damaged = bytearray(ANSWER)
    damaged[bit // 8] ^= 1 << bit % 8
    codec = begun()
    assert codec.feed(bytes(damaged)) is None
    assert codec.abandon() is None
    assert codec.strays == 1


@given(st.integers(0, len(ANSWER) - 1))
def test_half_an_answer_is_no_answer_and_leaves_nothing_behind(length: int) -> None:
    codec = begun()
    assert codec.feed(ANSWER[:length]) is None
    assert codec.abandon() is None
    codec.begin(TWO)
    assert codec.feed(ANSWER) == DATA


def test_an_answer_that_comes_while_nothing_is_asked_is_dropped() -> None:
    codec = begun()
    codec.abandon()
    assert codec.feed(ANSWER) is None
    codec.begin(TWO)
    assert codec.abandon() is None
    assert codec.strays == 1


def test_another_units_late_answer_does_not_hide_this_ones() -> None:
    codec = begun()
    assert codec.feed(message(b"\x02\x03\x04\xde\xad\xbe\xef")) is None
    assert codec.feed(ANSWER) == DATA


def test_noise_that_announces_a_longer_answer_only_delays() -> None:
    codec = begun()
    line = b"\x01\x03\x04" + message(b"\x01\x83\x06")  # looks like data, is an exception
    assert codec.feed(line[:6]) is None
    assert [codec.feed(line[6:]), codec.abandon()].count(Refusal(6)) == 1


def test_a_babbling_line_costs_bounded_memory() -> None:
    codec = begun()
    for _ in range(100):
        assert codec.feed(bytes(100)) is None
    assert len(codec._buffer) <= MAX_BUFFER_BYTES
    assert codec.feed(ANSWER) == DATA


def test_an_identification_has_the_length_it_says() -> None:
    codec = begun(identify_request(1, 1, 0))
    body = bytes.fromhex("01 2b 0e 01 01 00 00 02 00 02 4142 01 01 43")
    line = message(body)
    outcomes: list[Outcome | None] = [codec.feed(line[i : i + 1]) for i in range(len(line))]
    assert outcomes == [None] * (len(line) - 1) + [body[3:]]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_bytes_give_at_most_one_outcome(pieces: list[bytes]) -> None:
    codec = begun()
    outcomes = [codec.feed(piece) for piece in pieces] + [codec.abandon()]
    assert sum(outcome is not None for outcome in outcomes) <= 1
