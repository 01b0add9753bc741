"""The bytes of a segment: pinned, and readable past any damage."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.errors import LogFullError
from evidence.segment import (
    HEADER_BYTES,
    MAX_RECORD_BYTES,
    Found,
    Header,
    Rot,
    Tail,
    Walk,
    decode_header,
    encode_header,
    encode_record,
    group_bytes,
    mark_of,
    nonzero_span,
    read_header,
    seed_of,
)

HEADER = Header(segment_bytes=4096, id=bytes(range(1, 17)), first_seq=5)


def segment(payloads: list[bytes], groups: int = 1) -> bytes:
    """Return a whole segment; records are written `groups` at a time between flushes."""
    records = b"".join(
        encode_record(seed_of(HEADER), mark_of(HEADER), 5 + n, n % groups, payload)
        for n, payload in enumerate(payloads)
    )
    header = encode_header(HEADER)
    return (header + records).ljust(4096 - HEADER_BYTES, b"\0") + header


def walked(data: bytes, **options: int) -> list[Found | Rot | Tail]:
    return list(Walk(HEADER, lambda at, size: data[at : at + size], **options))  # type: ignore[arg-type]


def test_the_bytes_of_a_header_and_a_record_never_change() -> None:
    assert encode_header(HEADER).hex() == (
        "4357534547000001"
        "0010000000000000"
        "0102030405060708090a0b0c0d0e0f10"
        "0500000000000000"
        "00000000"
        "6493708c"
    )
    record = encode_record(seed_of(HEADER), mark_of(HEADER), 7, 2, b"payload")
    assert record.hex() == ("01020304070000003da7edd60200000007000000000000007061796c6f6164")


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.integers(0, 2**63))
def test_a_header_comes_back(segment_bytes: int, segment_id: bytes, first_seq: int) -> None:
    header = Header(segment_bytes=segment_bytes, id=segment_id, first_seq=first_seq)
    assert decode_header(encode_header(header)) == header


def test_every_changed_bit_of_a_header_is_noticed() -> None:
    data = encode_header(HEADER)
    for at in range(len(data)):
        for bit in range(8):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            assert decode_header(bytes(changed)) is None


def test_either_copy_of_the_header_is_enough() -> None:
    data = segment([b"x"])

    def headers(changed: bytes) -> tuple[Header | None, Rot | None]:
        return read_header(lambda at, size: changed[at : at + size], len(changed))

    assert headers(data) == (HEADER, None)
    header, rot = headers(b"!" + data[1:])
    assert (header, rot and rot.offset) == (HEADER, 0)
    header, rot = headers(data[:-1] + b"!")
    assert (header, rot and rot.offset) == (HEADER, 4096 - HEADER_BYTES)
    assert headers(b"!" + data[1:-1] + b"!") == (None, None)


def test_a_payload_cannot_imitate_a_record() -> None:
    """A record of another segment inside a payload means nothing when its bearer rots."""
    other = Header(segment_bytes=4096, id=b"other segment id", first_seq=5)
    inner = encode_record(seed_of(other), mark_of(HEADER), 6, 0, b"forged")
    data = bytearray(segment([b"a" + inner + b"z", b"last"]))
    data[HEADER_BYTES] ^= 1
    rot, found, tail = walked(bytes(data))
    assert isinstance(rot, Rot)
    assert isinstance(found, Found)
    assert (rot.first_seq, rot.last_seq, found.payload) == (5, 5, b"last")
    assert isinstance(tail, Tail)


def test_damage_inside_the_last_group_is_a_torn_tail_and_before_it_is_rot() -> None:
    payloads = [b"%03d" % n for n in range(6)]  # written three and three
    data = segment(payloads, groups=3)
    size = 24 + 3
    torn = bytearray(data)
    torn[HEADER_BYTES + 4 * size + 25] ^= 1
    assert [item.seq for item in walked(bytes(torn)) if isinstance(item, Found)] == [5, 6, 7, 8]
    rotten = bytearray(data)
    rotten[HEADER_BYTES + 1 * size + 25] ^= 1
    seqs = [item.seq for item in walked(bytes(rotten)) if isinstance(item, Found)]
    assert seqs == [5, 7, 8, 9, 10]


def test_records_of_the_next_segments_numbers_do_not_count() -> None:
    data = segment([b"%d" % n for n in range(6)])
    items = walked(data, next_first_seq=8)
    assert [item.seq for item in items if isinstance(item, Found)] == [5, 6, 7]
    assert isinstance(items[-1], Tail)
    assert items[-1].next_seq == 8


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.binary(min_size=1, max_size=300))
def test_any_overwritten_range_is_walked_to_the_end(seed: int, garbage: bytes) -> None:
    rng = random.Random(seed)
    payloads = [rng.randbytes(rng.randrange(200)) for _ in range(12)]
    data = bytearray(segment(payloads))
    at = rng.randrange(HEADER_BYTES, len(data) - len(garbage))
    data[at : at + len(garbage)] = garbage
    items = walked(bytes(data))
    assert isinstance(items[-1], Tail)
    held = {item.seq: item.payload for item in items if isinstance(item, Found)}
    assert all(payloads[seq - 5] == payload for seq, payload in held.items())
    rot = {
        n
        for item in items
        if isinstance(item, Rot)
        for n in range(item.first_seq, item.last_seq + 1)
    }
    assert set(held) | rot == set(range(5, items[-1].next_seq))


def test_what_is_not_zero_is_found_across_windows() -> None:
    data = bytearray(3 << 20)
    assert nonzero_span(lambda at, size: data[at : at + size], 0, len(data)) is None
    data[1_500_000] = data[2_500_000] = 1
    assert nonzero_span(lambda at, size: bytes(data[at : at + size]), 10, len(data)) == (
        1_500_000,
        2_500_001,
    )


def test_sizes_are_checked_before_anything_is_written() -> None:
    assert group_bytes([b"", b"ab"], 4096) == 2 * 24 + 2
    with pytest.raises(LogFullError, match="at most 1048576"):
        group_bytes([bytes(MAX_RECORD_BYTES + 1)], 1 << 22)
    with pytest.raises(LogFullError, match="at most 4000"):
        group_bytes([bytes(3000), bytes(2000)], 4096)
