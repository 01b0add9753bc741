"""A TCP link that fails: cut, silent, slow, repeating, reordering.

Used by the demo (as a process, `coldwarden-sim link`) and by tests. One `Link` listens on a
port and carries each connection to one upstream address until it is told otherwise:

    cut      present connections are reset, new ones refused
    stall    everything is accepted and vanishes; on restore these connections are reset,
             because bytes are missing from them
    hold     nothing moves; on restore it moves on, as after a short outage that TCP survives
    drop     present connections are reset, new ones are welcome
    lose     the next message one way vanishes and its connection is reset: a lost request
             or a lost reply
    repeat, swap    the next message is sent twice, or after the one that follows it
    slow     every message one way arrives later

The port stays reserved through a cut, so that nobody else can take it.
"""

import asyncio
import contextlib
import socket

from simulators.errors import UnavailableError
from simulators.link_pipe import CHUNK_BYTES, Connection, Pipe
from simulators.link_state import Counts, Direction, Fault, LinkState, Mode

CONNECT_TIMEOUT_S = 10.0


class Link:
    """A link to `upstream`; `protocol` names how messages are told apart (`link_frames`)."""

    def __init__(self, upstream: tuple[str, int], protocol: str = "bytes") -> None:
        self.upstream = upstream
        self.address = ("", 0)
        self._state = LinkState(protocol)
        self._moves = asyncio.Event()
        self._moves.set()
        self._open: dict[Connection, asyncio.Task[None] | None] = {}
        self._reserved: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._restoring: asyncio.Task[None] | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen and return the port, chosen freely when 0."""
        self._reserved = _reserve(host, port)
        self.address = (host, int(self._reserved.getsockname()[1]))
        await self._listen()
        return self.address[1]

    async def close(self) -> None:
        """End everything and give the port back."""
        self._cancel_restore()
        self._deafen()
        self.drop()
        self._moves.set()
        ends = [task for task in self._open.values() if task is not None]
        await asyncio.gather(*ends, return_exceptions=True)
        if self._reserved is not None:
            self._reserved.close()

    @property
    def mode(self) -> Mode:
        """Return what the link does now."""
        return self._state.mode

    @property
    def counts(self) -> Counts:
        """Return what the link has done so far."""
        return self._state.counts

    def cut(self, seconds: float | None = None) -> None:
        """Reset every connection and refuse new ones, for `seconds` or until `restore`."""
        self._enter(Mode.CUT, seconds)
        self._deafen()
        self.drop()

    def stall(self, seconds: float | None = None) -> None:
        """Swallow every byte in silence, for `seconds` or until `restore`."""
        self._enter(Mode.STALLED, seconds)

    def hold(self, seconds: float | None = None) -> None:
        """Let nothing through, but lose nothing, for `seconds` or until `restore`."""
        self._enter(Mode.HELD, seconds)
        self._moves.clear()

    async def restore(self) -> None:
        """Carry again; connections that lost bytes are reset."""
        self._cancel_restore()
        self._state.mode = Mode.UP
        self._moves.set()
        for connection in tuple(self._open):
            if connection.holed:
                connection.reset()
        if self._server is None:
            await self._listen()

    def drop(self) -> None:
        """Reset the present connections."""
        for connection in tuple(self._open):
            connection.reset()

    def fault(self, fault: Fault, direction: Direction, count: int = 1) -> None:
        """Do `fault` to the next `count` messages that go `direction`."""
        self._state.order(fault, direction, count)

    def slow(self, direction: Direction, delay_s: float) -> None:
        """Let every message that goes `direction` arrive `delay_s` later than it could."""
        self._state.delay_s[direction] = delay_s

    def _enter(self, mode: Mode, seconds: float | None) -> None:
        self._cancel_restore()
        self._state.mode = mode
        self._moves.set()
        if seconds is not None:
            later = self._restore_after(seconds)
            self._restoring = asyncio.create_task(later, name="link restore")

    async def _restore_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._restoring = None
        await self.restore()

    def _cancel_restore(self) -> None:
        if self._restoring is not None:
            self._restoring.cancel()
            self._restoring = None

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._welcome, *self.address, reuse_port=True)

    def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _welcome(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        connection = Connection(writer)
        self._open[connection] = asyncio.current_task()
        self.counts.connections += 1
        try:
            # Either side going away ends both, below; so does an upstream that refuses.
            with contextlib.suppress(OSError, TimeoutError):
                if self.mode is Mode.STALLED:
                    await self._swallow(connection, reader)
                else:
                    await self._carry(connection, reader)
        finally:
            del self._open[connection]
            connection.reset()

    async def _swallow(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        connection.holed = True
        while data := await reader.read(CHUNK_BYTES):
            self.counts.swallowed_bytes += len(data)

    async def _carry(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        await self._moves.wait()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            from_server, server = await asyncio.open_connection(*self.upstream)
        connection.server = server
        if connection.gone:
            return
        up = Pipe(self._state, self._moves, connection, Direction.UP)
        down = Pipe(self._state, self._moves, connection, Direction.DOWN)
        ways = (up.carry(reader, server), down.carry(from_server, connection.client))
        tasks = [asyncio.create_task(way, name="link way") for way in ways]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        for writer in (connection.client, server):
            writer.close()
            await writer.wait_closed()


def _reserve(host: str, port: int) -> socket.socket:
    """Return a socket that holds the port without listening: connecting to it is refused."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        raise UnavailableError(f"cannot listen on {host}:{port}; is it in use") from exc
    return sock
