"""Who a device says it is."""

import pytest

from edge.errors import BadAnswerError, UnreachableError
from edge.modbus.identify import MAX_PAGES, identify
from tests.support.modbus_builders import device, rtu_bus, spec, tcp_bus
from tests.support.modbus_peer import Asked, is_silent, pty_pair, tcp_peer
from tests.support.modbus_pymodbus import IDENTITY, pymodbus_rtu, pymodbus_tcp
from tests.support.ports import free_port

DEVICE = device([spec(0)])


def page(category: int, *, next_object: int | None, **objects: str) -> bytes:
    head = bytes((0x2B, 0x0E, category, 0x83, 0xFF if next_object else 0, next_object or 0))
    body = bytes((len(objects),))
    for number, text in objects.items():
        body += bytes((int(number[1:]), len(text))) + text.encode()
    return head + body


async def test_pymodbus_identifies_itself_on_tcp_and_on_a_serial_line() -> None:
    port = free_port()
    async with pymodbus_tcp(port, 1):
        found = await identify(tcp_bus(port, DEVICE, timeout_ms=2000), 1)
    assert dict(found.objects) == IDENTITY
    assert found.named()["vendor"] == "Coldwarden tests"
    assert found.named()["object 128"] == "SN-0042"
    async with pty_pair() as (near, far), pymodbus_rtu(far, 1):
        assert await identify(rtu_bus(near, DEVICE, timeout_ms=2000), 1) == found


async def test_a_long_identity_comes_in_pages() -> None:
    port = free_port()

    def in_two_pages(asked: Asked) -> None:
        first = asked.pdu[3] == 0
        asked.reply(
            page(3, next_object=2, o0="Acme", o1="X")
            if first
            else page(3, next_object=None, o2="1.0")
        )

    async with tcp_peer(port, in_two_pages):
        found = await identify(tcp_bus(port, DEVICE), 1)
    assert found.objects == ((0, "Acme"), (1, "X"), (2, "1.0"))


async def test_a_device_that_refuses_to_say_more_is_asked_for_the_basics() -> None:
    port = free_port()

    def basic_only(asked: Asked) -> None:
        if asked.pdu[2] == 1:
            asked.reply(page(1, next_object=None, o0="Acme"))
        else:
            asked.refuse(3)

    async with tcp_peer(port, basic_only) as peer:
        found = await identify(tcp_bus(port, DEVICE), 1)
    assert found.named() == {"vendor": "Acme"}
    assert peer.functions == {0x2B}


async def test_a_device_that_does_not_know_the_function_says_so() -> None:
    port = free_port()
    async with tcp_peer(port, lambda asked: asked.refuse(1)):
        with pytest.raises(
            BadAnswerError, match=r"unit 1 does not identify itself: exception 1"
        ):
            await identify(tcp_bus(port, DEVICE), 1)


async def test_a_malformed_identity_is_refused() -> None:
    port = free_port()
    async with tcp_peer(port, lambda asked: asked.reply(b"\x2b\x0e\x03\x83\0\0\1\0\x09ab")):
        with pytest.raises(BadAnswerError, match=r"does not identify itself|ends inside"):
            await identify(tcp_bus(port, DEVICE), 1)


async def test_a_device_that_always_announces_one_more_page_is_not_asked_for_ever() -> None:
    port = free_port()
    endless = page(3, next_object=7, o0="x")
    async with tcp_peer(port, lambda asked: asked.reply(endless)) as peer:
        await identify(tcp_bus(port, DEVICE), 1)
    assert len(peer.asked) <= MAX_PAGES + 1


async def test_silence_names_the_unit_and_the_remedy() -> None:
    port = free_port()
    async with tcp_peer(port, is_silent):
        with pytest.raises(
            UnreachableError, match=r"unit 1 did not answer within 50 ms; check"
        ):
            await identify(tcp_bus(port, DEVICE, timeout_ms=50), 1)


async def test_a_connection_that_ends_instead_of_an_answer_is_an_error() -> None:
    port = free_port()
    async with tcp_peer(port) as peer:
        peer.behaviour = lambda _asked: peer.far[-1].transport.close()
        with pytest.raises(UnreachableError, match="connection closed"):
            await identify(tcp_bus(port, DEVICE), 1)
