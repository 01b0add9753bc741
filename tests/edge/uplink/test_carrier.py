"""The kernel's messages about the own network."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from edge.uplink.carrier import RTM_NEWADDR, RTM_NEWLINK, came_up, own_link_events

DELLINK = 17
RUNNING, LOOPBACK = 0x40, 0x8


def message(kind: int, flags: int = 0) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, 2, flags, 0)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def test_a_link_that_runs_or_an_address_is_news() -> None:
    assert came_up(message(RTM_NEWLINK, RUNNING))
    assert came_up(message(RTM_NEWADDR))
    assert came_up(message(DELLINK) + message(RTM_NEWLINK, RUNNING))


def test_a_link_that_is_down_or_loopback_is_not() -> None:
    assert not came_up(message(RTM_NEWLINK))
    assert not came_up(message(RTM_NEWLINK, RUNNING | LOOPBACK))
    assert not came_up(message(DELLINK, RUNNING))


@given(st.binary(max_size=100))
def test_any_bytes_are_read_to_an_end(data: bytes) -> None:
    assert came_up(data) in {True, False}


async def test_the_kernel_is_listened_to_where_there_is_one() -> None:
    async with own_link_events() as event:
        assert not event.is_set()
