"""`POST /v1/gateways/{gateway}/batches`: batches in, signed outcomes out, no broker needed.

A raw ASGI application in front of the pages (three times the requests per core of a framework
route). Body: a CBOR sequence of batches, at most 4 MiB; answer: a CBOR sequence of down
messages, waited for at most 2 s. Outcomes that come later wait in the gateway's mailbox for its
next request; an empty request collects them. Nobody is identified here: a batch's signature
says who sent it, so a proxy in between changes nothing.

All state belongs to the event loop; `answer` may be called from any thread.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from cloud.ingest.answers import Answers
from cloud.ingest.delivery import VIA_HTTPS, Delivery
from cloud.ingest.intake import Intake
from cloud.ingest.keyring import Keyring
from evidence.errors import WireError
from evidence.outcome import MAX_SEQUENCE_BYTES, split_sequence

BODY_BYTES = MAX_SEQUENCE_BYTES
WAIT_S = 2.0
READ_S = 60.0  # for a body: 4 MiB at 70 kB/s
BODIES_BYTES = 256 << 20  # of all bodies that are being read at once
PARALLEL_REQUESTS = 8  # of one gateway: more would only pile up behind its own window
MAILBOX_MESSAGES = 64
SLOW_WINDOW = 1
SLOW_S = 5

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PREFIX, _SUFFIX = "/v1/gateways/", "/batches"


class Exchange:
    """One request while it waits: a `Route` whose answers go into its response."""

    __slots__ = ("_app", "done", "gateway", "messages", "pending")

    def __init__(self, app: "IngestApp", gateway: str, pending: int) -> None:
        self._app = app
        self.gateway = gateway
        self.messages: list[bytes] = []
        self.pending = pending
        self.done = asyncio.Event()

    def answer(self, message: bytes, settled: int) -> None:
        """Hand a message to the event loop; see `Route`."""
        self._app.post(self, message, settled)


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
        self.counts: Counter[str] = Counter()
        self._inner = inner
        self._intake = intake
        self._keyring = keyring
        self._answers = answers
        self._wait_s = wait_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posted: deque[tuple[Exchange, bytes, int]] = deque()
        self._scheduled = False
        self._waiting: Counter[str] = Counter()
        self._reading_bytes = 0
        self._mail: dict[str, deque[bytes]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or pass it on."""
        path = scope.get("path", "")
        if scope["type"] == "http" and path.startswith(_PREFIX) and path.endswith(_SUFFIX):
            self._loop = asyncio.get_running_loop()
            await self._batches(scope, receive, send)
        else:
            await self._inner(scope, receive, send)

    def post(self, exchange: Exchange, message: bytes, settled: int) -> None:
        """Queue one answer for the event loop, from any thread, with one wake-up for many."""
        self._posted.append((exchange, message, settled))
        loop = self._loop
        if self._scheduled or loop is None or loop.is_closed():
            return
        self._scheduled = True
        with suppress(RuntimeError):  # closed just now; nobody waits any more
            loop.call_soon_threadsafe(self._drain)

    def _drain(self) -> None:
        # Cleared first: whoever posts from here on either is seen below or schedules again.
        self._scheduled = False
        while self._posted:
            exchange, message, settled = self._posted.popleft()
            if exchange.done.is_set():
                self._mailbox(exchange.gateway).append(message)
                continue
            exchange.messages.append(message)
            exchange.pending -= settled
            if exchange.pending <= 0:
                exchange.done.set()

    def _mailbox(self, gateway: str) -> deque[bytes]:
        return self._mail.setdefault(gateway, deque(maxlen=MAILBOX_MESSAGES))

    async def _batches(self, scope: Scope, receive: Receive, send: Send) -> None:
        gateway = scope["path"][len(_PREFIX) : -len(_SUFFIX)]
        try:
            self._admit(scope, gateway)
            messages = await self._exchange(gateway, await self._read(scope, receive))
        except _RefusedError as refused:
            self.counts[f"http-{refused.status}"] += 1
            body = json.dumps({"error": refused.error, "remedy": refused.remedy}).encode()
            await _respond(send, refused.status, b"application/json", body)
            return
        self.counts["requests"] += 1
        await _respond(send, 200, b"application/cbor-seq", b"".join(messages))

    def _admit(self, scope: Scope, gateway: str) -> None:
        if scope["method"] != "POST":
            raise _RefusedError(405, f"method {scope['method']} is not allowed", "use POST")
        if not self._keyring.knows_gateway(gateway):
            raise _RefusedError(404, f"no gateway {gateway[:64]!r}", "add it to registry.toml")
        if _claimed_length(scope) > BODY_BYTES:
            raise _too_large()

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        """Return the body; what may come of it counts against the bound on all bodies."""
        reserved = _claimed_length(scope) or BODY_BYTES
        if self._reading_bytes + reserved > BODIES_BYTES:
            raise _RefusedError(429, "too many bodies are being read", "try again in a second")
        self._reading_bytes += reserved
        try:
            async with asyncio.timeout(READ_S):
                return await _read(receive)
        except TimeoutError:
            raise _RefusedError(408, f"no whole body in {READ_S:.0f} s", "send less") from None
        finally:
            self._reading_bytes -= reserved

    async def _exchange(self, gateway: str, body: bytes) -> list[bytes]:
        try:
            batches = split_sequence(body)
        except WireError as error:
            raise _RefusedError(
                400, f"not a CBOR sequence: {error}", "send whole batches"
            ) from error
        messages = await self._taken(gateway, batches) if batches else []
        return messages + list(self._mail.pop(gateway, ()))

    async def _taken(self, gateway: str, batches: list[bytes]) -> list[bytes]:
        # Counted only now: whoever sends half a body must not hold a gateway's places.
        if self._waiting[gateway] >= PARALLEL_REQUESTS:
            parallel = f"{PARALLEL_REQUESTS} requests of {gateway} wait already"
            raise _RefusedError(429, parallel, "wait for their answers")
        self._waiting[gateway] += 1
        try:
            return await self._outcomes(gateway, batches)
        finally:
            self._waiting[gateway] -= 1
            if not self._waiting[gateway]:
                del self._waiting[gateway]

    async def _outcomes(self, gateway: str, batches: list[bytes]) -> list[bytes]:
        exchange = Exchange(self, gateway, len(batches))
        if not self._intake.offer([Delivery(data, VIA_HTTPS, exchange) for data in batches]):
            return [self._answers.slow(gateway, SLOW_WINDOW, SLOW_S)]
        try:
            async with asyncio.timeout(self._wait_s):
                await exchange.done.wait()
        except TimeoutError:
            exchange.done.set()  # what comes now goes to the mailbox
        return exchange.messages


class _RefusedError(Exception):
    """A request that is answered by a status and a remedy."""

    def __init__(self, status: int, error: str, remedy: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.remedy = remedy


def _too_large() -> _RefusedError:
    return _RefusedError(413, f"body over {BODY_BYTES} bytes", "send fewer batches per request")


def _claimed_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _read(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _RefusedError(400, "the connection ended in the body", "send whole batches")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _respond(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    if status == 429:
        headers.append((b"retry-after", b"1"))
    if status == 413:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
