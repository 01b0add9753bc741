"""`POST /v1/gateways/{gateway}/batches`: batches in, signed outcomes out, no broker needed.

A raw ASGI application in front of the pages, for connections that carry pages too; the others
take the shorter way of `cloud.ingest.http_front`. Both do what `cloud.ingest.exchanges` says.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from cloud.ingest.answers import Answers
from cloud.ingest.exchanges import (
    BODY_BYTES,
    READ_S,
    WAIT_S,
    Exchanges,
    Reply,
    gateway_of,
    refused,
    too_large,
    too_slow,
)
from cloud.ingest.intake import Intake
from cloud.ingest.keyring import Keyring

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class IngestApp:
    """See the module. `inner` gets every other request."""

    def __init__(
        self,
        inner: App,
        intake: Intake,
        keyring: Keyring,
        answers: Answers,
        *,
        wait_s: float = WAIT_S,
    ) -> None:
        self.exchanges = Exchanges(intake, keyring, answers, wait_s=wait_s)
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass it on."""
        gateway = gateway_of(scope.get("path", "")) if scope["type"] == "http" else None
        if gateway is None:
            await self._inner(scope, receive, send)
        else:
            await _respond(send, await self._reply(gateway, scope, receive))

    async def _reply(self, gateway: str, scope: Scope, receive: Receive) -> Reply:
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[Reply] = loop.create_future()
        if scope["method"] != "POST":
            method = f"method {scope['method']} is not allowed"
            self.exchanges.refuse(refused(405, method, "use POST"), reply.set_result)
            return await reply
        length = _claimed_length(scope)
        no = self.exchanges.admit(gateway, length)
        if no is not None:
            return no
        try:
            async with asyncio.timeout(READ_S):
                body = await _read(receive)
        except TimeoutError:
            body = too_slow()
        finally:
            self.exchanges.have_read(length)
        if isinstance(body, Reply):
            self.exchanges.refuse(body, reply.set_result)
        else:
            self.exchanges.begin(gateway, body, lambda r: _settle(reply, r))
        return await reply


def _settle(future: asyncio.Future[Reply], reply: Reply) -> None:
    if not future.done():  # cancelled: the connection is gone
        future.set_result(reply)


def _claimed_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _read(receive: Receive) -> bytes | Reply:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return refused(400, "the connection ended in the body", "send whole batches")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES:
            return too_large()
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _respond(send: Send, reply: Reply) -> None:
    start = {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
    await send(start)
    await send({"type": "http.response.body", "body": reply.body})
