"""One connection through a failing link: two pipes, each read at once and written when due.

Used by `simulators.link`. Only the writing side obeys the mode, so what is under way when the
link stalls vanishes with the rest.
"""

import asyncio
import contextlib
import socket
import struct

from simulators.link_state import Direction, Fault, LinkState, Mode

CHUNK_BYTES = 65_536
QUEUED_MESSAGES = 1_000  # per direction; beyond it the sender is held back by TCP
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """One client and its way to the server; `holed` once bytes are missing from it."""

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.client = client
        self.server: asyncio.StreamWriter | None = None
        self.holed = False
        self.gone = False

    def reset(self) -> None:
        """End both sides with RST."""
        self.gone = True
        for writer in (self.client, self.server):
            if writer is not None:
                sock = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                writer.transport.abort()


class Pipe:
    """One direction of a connection; `moves` is set unless the link is held."""

    def __init__(
        self,
        state: LinkState,
        moves: asyncio.Event,
        connection: Connection,
        direction: Direction,
    ) -> None:
        self._state = state
        self._moves = moves
        self._connection = connection
        self._direction = direction
        self._due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(QUEUED_MESSAGES)
        self._swapped: bytes | None = None

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry until `reader` ends, then end `writer`'s half in good order."""
        reading = asyncio.create_task(self._read(reader), name=f"link read {self._direction}")
        try:
            await self._write(writer)
        finally:
            reading.cancel()
        await self._moves.wait()
        if self._state.mode is Mode.STALLED:
            self._connection.holed = True  # the end itself has vanished
        else:
            writer.write_eof()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        loop = asyncio.get_running_loop()
        buffer = bytearray()
        with contextlib.suppress(OSError):  # a reset is an end like another
            while data := await reader.read(CHUNK_BYTES):
                buffer += data
                due_s = loop.time() + self._state.delay_s[self._direction]
                for message in self._state.messages_of(buffer):
                    await self._due.put((due_s, message))
        await self._due.put((loop.time(), bytes(buffer)))
        if buffer:
            await self._due.put((loop.time(), b""))

    async def _write(self, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_s, message = await self._due.get()
            if not message:
                return
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            await self._moves.wait()
            if self._state.mode is Mode.STALLED:
                self._connection.holed = True
                self._state.counts.swallowed_bytes += len(message)
                continue
            writer.write(self._changed(message))
            await writer.drain()

    def _changed(self, message: bytes) -> bytes:
        if self._swapped is not None:
            before, self._swapped = self._swapped, None
            return message + before
        match self._state.suffered(self._direction, message):
            case Fault.LOSE:
                self._connection.reset()
                return b""
            case Fault.SWAP:
                self._swapped = message
                return b""
            case Fault.REPEAT:
                return message + message
            case None:
                return message
