"""The fake cloud behind a real HTTP/1.1 port, for one gateway, and ways for it to fail."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto

from evidence.outcome import split_sequence
from tests.support.fake_cloud import FakeCloud

TLS_HANDSHAKE = b"\x16"


class Mood(Enum):
    """How the server treats the requests that come now."""

    GOOD = auto()
    LOST_REPLY = auto()  # applied, then the connection is closed
    LOST_REQUEST = auto()  # the connection is closed
    SILENT = auto()  # nothing is ever answered
    PORTAL = auto()  # a page instead of outcomes, as a hotel's network sends
    BUSY = auto()  # 503
    CLOSES_IDLE = auto()  # good, but the connection ends after every answer, unannounced


@dataclass(slots=True)
class HttpCloud:
    """Counts what it sees; `mailbox` is handed out with the next answer."""

    cloud: FakeCloud
    mood: Mood = Mood.GOOD
    mailbox: list[bytes] = field(default_factory=list)
    hold_receipts: bool = False
    requests: int = 0
    empty_requests: int = 0
    connections: int = 0
    port: int = 0
    _held: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._held.add(task)
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._held.discard(task)
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        first = await reader.readexactly(1)
        if first == TLS_HANDSHAKE:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return False
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split("\r\n")[0] or 0)
        body = await reader.readexactly(length)
        assert head.startswith(f"POST /v1/gateways/{self.cloud.gateway}/batches HTTP/1.1\r\n")
        self.requests += 1
        self.empty_requests += not body
        mood = self.mood
        if mood is Mood.SILENT:
            await asyncio.Event().wait()
        if mood is Mood.LOST_REQUEST:
            return False
        status, answer = self._answer(mood, body)
        if mood is Mood.LOST_REPLY:
            return False
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer
        )
        await writer.drain()
        return mood is not Mood.CLOSES_IDLE

    def _answer(self, mood: Mood, body: bytes) -> tuple[int, bytes]:
        match mood:
            case Mood.PORTAL:
                return 200, b"<html>please accept our terms</html>"
            case Mood.BUSY:
                return 503, b'{"error": "busy"}'
            case _:
                answers = self.cloud.take(split_sequence(body)) if body else []
                if self.hold_receipts:
                    self.mailbox, answers = [*self.mailbox, *answers], []
                    if body:
                        return 200, b""
                mail, self.mailbox = self.mailbox, []
                return 200, b"".join([*answers, *mail])

    def end(self) -> None:
        for task in self._held:
            task.cancel()


@asynccontextmanager
async def http_cloud(
    cloud: FakeCloud, context: ssl.SSLContext | None = None, port: int = 0
) -> AsyncIterator[HttpCloud]:
    """Serve `cloud` on a free loopback port."""
    http = HttpCloud(cloud)
    server = await asyncio.start_server(http.serve, "127.0.0.1", port, ssl=context)
    http.port = server.sockets[0].getsockname()[1]
    try:
        yield http
    finally:
        http.end()
        server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(2):
                await server.wait_closed()
