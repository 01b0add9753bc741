"""The desk's addresses, in front of the pages; no session and no cookie is asked for.

A raw ASGI application: everything else goes to `inner`. Bounds: a body of 64 KiB, read within
15 s; eight requests at work and as many waiting as `WAITING`, the rest is told to come later.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from cloud.enrolment import reply
from cloud.enrolment.call import Call
from cloud.enrolment.desk import Desk
from cloud.enrolment.reply import Reply
from device_registry.errors import RegistryError

BODY_BYTES: Final = 65_536
READ_S: Final = 15.0
AT_WORK: Final = 8
WAITING: Final = 256

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger(__name__)


class EnrolmentApp:
    """See the module. All its state belongs to the event loop."""

    def __init__(self, inner: App, desk: Desk) -> None:
        self._inner = inner
        self._desk = desk
        self._pool = ThreadPoolExecutor(AT_WORK, thread_name_prefix="enrolment")
        self._inside = 0

    def close(self) -> None:
        """Finish what is at work."""
        self._pool.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass it on."""
        if scope["type"] != "http" or not self._desk.serves(scope.get("path", "")):
            await self._inner(scope, receive, send)
            return
        given = await self._reply(scope, receive)
        start = {
            "type": "http.response.start",
            "status": given.status,
            "headers": given.headers,
        }
        await send(start)
        body = b"" if scope["method"] == "HEAD" else given.body
        await send({"type": "http.response.body", "body": body})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if self._inside >= AT_WORK + WAITING:
            return reply.busy("too many devices enrol at once")
        self._inside += 1
        try:
            body = await _body(scope, receive)
            if isinstance(body, Reply):
                return body
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._answer, _call(scope, body))
        finally:
            self._inside -= 1

    def _answer(self, call: Call) -> Reply:
        try:
            return self._desk.answer(call)
        except RegistryError:
            # A device cannot mend our mistake: it keeps its keys and asks again.
            _log.exception("%s %s ended in a mistake of ours", call.method, call.path)
            return reply.busy("a mistake of the server, noted in its log", 60)


def _call(scope: Scope, body: bytes) -> Call:
    peer = scope.get("client")
    return Call(
        method=scope["method"],
        path=scope["path"],
        authorization=_header(scope, b"authorization"),
        body=body,
        peer=peer[0] if peer else "",
    )


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            return str(value.decode("latin-1"))
    return ""


async def _body(scope: Scope, receive: Receive) -> bytes | Reply:
    length = _header(scope, b"content-length")
    if length.isdigit() and int(length[:20]) > BODY_BYTES:
        return _too_large()
    try:
        async with asyncio.timeout(READ_S):
            return await _read(receive)
    except TimeoutError:
        return reply.refused(408, f"no whole body in {READ_S:.0f} s", "check the link", _CLOSE)


async def _read(receive: Receive) -> bytes | Reply:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return reply.refused(400, "the connection ended in the body", "send it again")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > BODY_BYTES:
            return _too_large()
        if not message.get("more_body", False):
            return b"".join(chunks)


def _too_large() -> Reply:
    return reply.refused(413, f"body over {BODY_BYTES} bytes", "send one message", _CLOSE)


_CLOSE: Final = (b"connection", b"close")
