"""A network scanner: everybody connected hears each code once, nobody hears old ones."""

import asyncio

import pytest

from simulators.errors import UnavailableError
from simulators.ledger import Ledger
from simulators.scanner import Scanner
from tests.support.wait import until


def scanner() -> Scanner:
    return Scanner("counter", 7, Ledger(lambda: 0))


async def test_codes_are_sent_to_whoever_is_connected() -> None:
    device = scanner()
    port = await device.serve("127.0.0.1")
    await device.scan(b"nobody hears this")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await until(lambda: device.clients == 1)
    sent = [await device.scan() for _ in range(3)]
    heard = [await reader.readuntil(b"\r\n") for _ in sent]
    assert heard == [raw + b"\r\n" for raw in sent]
    assert sent == [await one.scan() for one in [scanner()] for _ in range(4)][1:]
    writer.close()
    await writer.wait_closed()
    await until(lambda: device.clients == 0)
    await device.close()


async def test_a_taken_port_is_named() -> None:
    device, other = scanner(), scanner()
    port = await device.serve("127.0.0.1")
    with pytest.raises(UnavailableError, match=str(port)):
        await other.serve("127.0.0.1", port)
    await device.close()
