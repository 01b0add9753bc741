"""Codes out of characters: the same however the characters are cut up."""

from hypothesis import given
from hypothesis import strategies as st

from edge.scanner.framing import MAX_CODE_BYTES, Framer

GS1 = b"]d201069012345678921\x1d21SER"


def test_a_code_ends_with_cr_lf_or_both_and_keeps_its_gs() -> None:
    framer = Framer(100)
    assert framer.feed(GS1 + b"\r" + b"8" * 20 + b"\n" + b"x\r\n\r\n", 0) == [
        GS1,
        b"8" * 20,
        b"x",
    ]
    assert not framer.waiting


def test_a_code_ends_when_nothing_follows() -> None:
    framer = Framer(100)
    assert framer.feed(b"123", 1_000) == []
    assert framer.idle(1_099) == []
    assert framer.feed(b"4", 1_099) == []
    assert framer.feed(b"5", 1_199) == [b"1234"]
    assert framer.flush() == [b"5"]
    assert framer.flush() == []


def test_an_endless_read_is_dropped_and_counted_once() -> None:
    framer = Framer(100)
    codes: list[bytes] = []
    for _ in range(10):
        codes += framer.feed(b"7" * MAX_CODE_BYTES, 0)
    codes += framer.feed(b"\r123\r", 0)
    assert (codes, framer.oversized) == ([b"123"], 1)


def test_a_code_that_was_cut_off_is_forgotten() -> None:
    framer = Framer(100)
    framer.feed(b"12", 0)
    framer.reset()
    assert framer.feed(b"34\r", 0) == [b"34"]


CODES = st.lists(st.binary(min_size=1, max_size=30).filter(lambda c: not set(c) & {10, 13}))


@given(CODES, st.data())
def test_codes_are_found_however_they_are_cut(codes: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(code + b"\r\n" for code in codes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    framer, found, before = Framer(100), [], 0
    for cut in (*cuts, len(stream)):
        found += framer.feed(stream[before:cut], 0)
        before = cut
    assert found == codes


@given(st.lists(st.tuples(st.binary(), st.integers(0, 200))))
def test_any_bytes_give_codes_without_endings(parts: list[tuple[bytes, int]]) -> None:
    framer, now_ms = Framer(100), 0
    for data, later_ms in parts:
        now_ms += later_ms
        for code in framer.feed(data, now_ms):
            assert 0 < len(code) <= MAX_CODE_BYTES
            assert not set(code) & {10, 13}
