"""A link that fails on command: each fault does what it says, and nothing else."""

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.errors import UnavailableError
from simulators.link import Link
from simulators.link_frames import SPLITTERS, http, modbus_tcp, mqtt
from simulators.link_state import Direction, Fault, LinkState, Mode
from tests.support.wait import until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PUBLISH = b"\x30\x05\x00\x01tab"
CONNECT = b"\x10\x02hi"


class Server:
    """Keeps what it hears and echoes it."""

    def __init__(self) -> None:
        self.heard = b""
        self.connections = 0
        self.ended = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while data := await reader.read(4096):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self.ended += 1
            writer.close()


@pytest.fixture
def server() -> Server:
    return Server()


Start = Callable[[str], Awaitable[Link]]


@pytest.fixture
async def start(server: Server) -> AsyncIterator[Start]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    links: list[Link] = []

    async def start_link(protocol: str = "bytes") -> Link:
        link = Link(listening.sockets[0].getsockname()[:2], protocol)
        await link.start()
        links.append(link)
        return link

    yield start_link
    for link in links:
        await link.close()
    listening.close()


Connect = Callable[[Link], Awaitable[Streams]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    writers: list[asyncio.StreamWriter] = []

    async def open_one(link: Link) -> Streams:
        streams = await asyncio.open_connection(*link.address)
        writers.append(streams[1])
        return streams

    yield open_one
    for writer in writers:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def exchange(streams: Streams, data: bytes = b"ping") -> bytes:
    streams[1].write(data)
    return await asyncio.wait_for(streams[0].readexactly(len(data)), 10)


async def test_a_good_link_carries_both_ways_and_ends_in_order(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    streams = await connect(link)
    assert await exchange(streams) == b"ping"
    streams[1].write_eof()
    assert await streams[0].read() == b""
    await until(lambda: server.ended == 1)
    assert link.counts.messages == {Direction.UP: 1, Direction.DOWN: 1}


async def test_a_cut_resets_what_is_open_and_refuses_the_rest(
    start: Start, connect: Connect
) -> None:
    link = await start("bytes")
    streams = await connect(link)
    await exchange(streams)
    link.cut()
    with pytest.raises(ConnectionResetError):
        await streams[0].read()
    with pytest.raises(ConnectionRefusedError):
        await connect(link)
    await link.restore()
    assert await exchange(await connect(link)) == b"ping"


async def test_a_cut_of_some_seconds_ends_by_itself(start: Start, connect: Connect) -> None:
    link = await start("bytes")
    link.cut(0.01)
    await until(lambda: link.mode is Mode.UP)
    await until(lambda: link.mode is Mode.UP and link._server is not None)
    assert await exchange(await connect(link)) == b"ping"


async def test_a_stalled_link_accepts_everything_and_answers_nothing(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    before = await connect(link)
    await exchange(before)
    link.stall()
    during = await connect(link)
    for streams in (before, during):
        streams[1].write(b"lost")
    await until(lambda: link.counts.swallowed_bytes == 8)
    assert (server.heard, server.connections) == (b"ping", 1)
    await link.restore()
    for streams in (before, during):
        with pytest.raises(ConnectionResetError):
            await streams[0].read()
    assert await exchange(await connect(link)) == b"ping"


async def test_even_an_end_vanishes_in_a_stalled_link(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    streams = await connect(link)
    await exchange(streams)
    link.stall()
    streams[1].write(b"x")
    streams[1].close()
    await streams[1].wait_closed()
    await until(lambda: link.counts.swallowed_bytes == 1)
    assert server.ended == 0
    await link.restore()
    await until(lambda: server.ended == 1)
    assert server.heard == b"ping"


async def test_a_held_link_loses_nothing(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    before = await connect(link)
    await exchange(before)
    link.hold()
    during = await connect(link)
    for streams in (before, during):
        streams[1].write(b"late")
    await until(lambda: link.counts.connections == 2)
    assert server.heard == b"ping"
    await link.restore()
    for streams in (before, during):
        assert await streams[0].readexactly(4) == b"late"


async def test_a_lost_request_never_arrives(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    link.fault(Fault.LOSE, Direction.UP)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await exchange(await connect(link))
    assert server.heard == b""
    assert await exchange(await connect(link)) == b"ping"


async def test_a_lost_reply_was_a_request_that_arrived(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("bytes")
    link.fault(Fault.LOSE, Direction.DOWN)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await exchange(await connect(link))
    assert server.heard == b"ping"


async def test_publications_repeat_and_swap_but_greetings_do_not(
    start: Start, connect: Connect, server: Server
) -> None:
    link = await start("mqtt")
    link.fault(Fault.SWAP, Direction.UP)
    link.fault(Fault.REPEAT, Direction.UP)
    other = PUBLISH[:-1] + b"!"
    _, writer = await connect(link)
    writer.write(CONNECT + PUBLISH + other + PUBLISH)
    expected = CONNECT + PUBLISH * 2 + PUBLISH + other
    await until(lambda: len(server.heard) == len(expected))
    assert server.heard == expected


async def test_a_slow_link_delays_without_losing_order(start: Start, connect: Connect) -> None:
    link = await start("bytes")
    link.slow(Direction.UP, 0.05)
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    assert await exchange(await connect(link)) == b"ping"
    assert loop.time() - began_s >= 0.05


async def test_a_taken_port_is_named() -> None:
    held = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", 0)
    port = held.sockets[0].getsockname()[1]
    with pytest.raises(UnavailableError, match=str(port)):
        await Link(("127.0.0.1", 9)).start(port=port)
    held.close()


async def test_an_absent_server_resets_the_client(connect: Connect) -> None:
    link = Link(("127.0.0.1", 9))
    await link.start()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await exchange(await connect(link))
    await link.close()


MESSAGES = {
    "modbus": st.binary(max_size=40).map(lambda b: struct.pack(">HHH", 1, 0, len(b)) + b),
    "mqtt": st.binary(min_size=128, max_size=200).map(
        lambda b: b"\x30" + bytes([0x80 | (len(b) & 0x7F), len(b) >> 7]) + b
    ),
    "http": st.binary(max_size=40).map(
        lambda b: b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(b) + b
    ),
}


@pytest.mark.parametrize("protocol", sorted(MESSAGES))
@given(data=st.data())
def test_messages_are_found_however_they_are_cut(protocol: str, data: st.DataObject) -> None:
    messages = data.draw(st.lists(MESSAGES[protocol], max_size=4))
    stream = b"".join(messages)
    cut = data.draw(st.integers(0, len(stream)))
    state = LinkState(protocol)
    buffer, found = bytearray(), []
    for part in (stream[:cut], stream[cut:]):
        buffer += part
        found += state.messages_of(buffer)
    assert found == messages
    assert not buffer


@given(st.sampled_from(sorted(SPLITTERS)), st.binary(max_size=300))
def test_any_bytes_are_carried_whole(protocol: str, stream: bytes) -> None:
    buffer = bytearray(stream)
    found = LinkState(protocol).messages_of(buffer)
    assert b"".join(found) + bytes(buffer) == stream


def test_incomplete_messages_wait() -> None:
    assert modbus_tcp(b"\0\1\0\0\0") == 0
    assert mqtt(b"\x30\x05abc") == 0
    assert mqtt(b"\x30\xff\xff\xff\xff\xff") == 6
    assert http(b"GET / HTTP/1.1\r\n") == 0
    assert http(b"GET / HTTP/1.1\r\n\r\n") == 18
