"""Keys to characters: everything printable, GS by two ways, any bytes without harm."""

import string
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.scanner.keymap import CAPS_LOCK, F8, LEFT_CTRL, RIGHT_BRACE, RIGHT_SHIFT
from edge.scanner.wedge import EV_KEY, EV_SYN, SYN_DROPPED, KeyboardWedge
from tests.support.keystrokes import event, pressed, typed

PRINTABLE = "".join(c for c in string.printable if c.isprintable())


def test_an_event_is_as_long_as_the_kernel_says() -> None:
    assert len(event(EV_KEY, 30, 1)) == struct.calcsize("llHHi") == 24


@pytest.mark.parametrize("text", ["8385793000087976660", PRINTABLE, "a B\tc\r"])
def test_what_is_typed_is_what_was_scanned(text: str) -> None:
    assert KeyboardWedge().feed(typed(text)).decode() == text


def test_gs_comes_as_control_bracket_or_as_f8() -> None:
    bracket = event(EV_KEY, LEFT_CTRL, 1) + pressed(RIGHT_BRACE) + event(EV_KEY, LEFT_CTRL, 0)
    assert KeyboardWedge().feed(typed("10LOT") + bracket + pressed(F8)) == b"10LOT\x1d\x1d"


def test_other_control_keys_type_nothing() -> None:
    held = event(EV_KEY, LEFT_CTRL, 1) + pressed(46) + event(EV_KEY, LEFT_CTRL, 0)
    assert KeyboardWedge().feed(held + typed("c")) == b"c"


def test_a_held_key_types_once() -> None:
    held = event(EV_KEY, 30, 1) + event(EV_KEY, 30, 2) * 5 + event(EV_KEY, 30, 0)
    assert KeyboardWedge().feed(held) == b"a"


def test_caps_lock_turns_letters_and_not_digits() -> None:
    assert KeyboardWedge().feed(pressed(CAPS_LOCK) + typed("a1B")) == b"A1b"


def test_a_lost_release_does_not_shift_for_ever() -> None:
    lost = event(EV_KEY, RIGHT_SHIFT, 1) + event(EV_SYN, SYN_DROPPED, 0)
    wedge = KeyboardWedge()
    assert wedge.feed(lost + typed("a")) == b"a"
    assert wedge.dropped == 1
    wedge.feed(event(EV_KEY, RIGHT_SHIFT, 1))
    wedge.reset()
    assert wedge.feed(typed("a")) == b"a"


@given(st.text(alphabet=PRINTABLE, max_size=20), st.data())
def test_events_may_be_cut_anywhere(text: str, data: st.DataObject) -> None:
    stream = typed(text)
    cut = data.draw(st.integers(0, len(stream)))
    wedge = KeyboardWedge()
    assert (wedge.feed(stream[:cut]) + wedge.feed(stream[cut:])).decode() == text


@given(st.lists(st.binary(max_size=200)))
def test_any_bytes_type_something_or_nothing(parts: list[bytes]) -> None:
    wedge = KeyboardWedge()
    for part in parts:
        wedge.feed(part)
