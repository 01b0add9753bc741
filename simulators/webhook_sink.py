"""A place that alarms are delivered to: keeps each webhook and the moment it came.

Used by the demo and by tests. The latency of an alarm runs from the time of the reading that
raised it, as the gateway took it, to the arrival here: the poll interval is not in it.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BODY_BYTES = 1 << 20
MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One webhook as it arrived, wall ms."""

    at_ms: int
    document: Mapping[str, object]


class WebhookSink:
    """An HTTP server on loopback that answers 204 to every POST."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> None:
        """Listen; `port` tells where."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass  # a client that leaves half-way has delivered nothing
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = _content_length(head)
        if length > MAX_BODY_BYTES:
            return False
        body = await reader.readexactly(length)
        if len(self.deliveries) < MAX_KEPT:
            at_ms = time.time_ns() // 1_000_000
            self.deliveries.append(Delivery(at_ms=at_ms, document=json.loads(body)))
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()
        return True


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0
