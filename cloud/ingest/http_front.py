"""The short way in for a connection that carries nothing but batches.

A protocol for `uvicorn`, which makes one for each connection. As long as every request is
`POST /v1/gateways/...` it is parsed and answered here, in callbacks: no task, no ASGI, a third
of the work. The first request of another kind takes its connection along to uvicorn's own
protocol for good; the same batches are served there by `cloud.ingest.http_app`.

All state belongs to the event loop. Bounds: a body as `cloud.ingest.exchanges` says, read
within `READ_S`; a head of `HEAD_BYTES`; an idle connection is closed after `idle_s`.
"""

import asyncio
import http
from collections import deque
from typing import Any, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from cloud.ingest.exchanges import (
    BODY_BYTES,
    PREFIX,
    READ_S,
    Exchanges,
    Reply,
    gateway_of,
    refused,
    too_large,
    too_slow,
)

OURS: Final = b"POST " + PREFIX.encode()
HEAD_BYTES: Final = 16_384
SWEEP_S: Final = 5.0
_STATUS_LINES = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}


class Fronts:
    """Makes the protocols of one server, and ends those that are idle or too slow."""

    def __init__(self, exchanges: Exchanges) -> None:
        self.exchanges = exchanges
        self.all: set[Front] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self._said: list[tuple[bytes, bytes]] = []
        self._headers = b""

    def __call__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> "Front":
        """Return the protocol of a new connection; called by uvicorn."""
        return Front(self, config, server_state, app_state)

    def opened(self, front: "Front") -> None:
        """Take note of a connection."""
        self.all.add(front)
        if self._sweeping is None:
            self._sweep_later()

    def common_headers(self, state: ServerState) -> bytes:
        """Return the headers of every response, as bytes: uvicorn renews them every second."""
        if state.default_headers is not self._said:
            self._said = state.default_headers
            self._headers = b"".join(b"%b: %b\r\n" % header for header in self._said)
        return self._headers

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for front in tuple(self.all):
            front.tick(now_s)
        self._sweeping = None
        if self.all:
            self._sweep_later()


class _Request:
    """One request while it is read and answered."""

    __slots__ = ("body", "gateway", "length", "reply", "size", "url")

    def __init__(self) -> None:
        self.url = b""
        self.gateway = ""
        self.length = -1
        self.body: list[bytes] = []
        self.size = 0
        self.reply: Reply | None = None


class Front(asyncio.Protocol):
    """One connection; see the module."""

    def __init__(
        self, fronts: Fronts, config: Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        self._fronts = fronts
        self._exchanges = fronts.exchanges
        self._config = config
        self._state = state
        self._app_state = app_state
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._unknown = b""  # the begin of a request that could still be another kind
        self._reading: _Request | None = None
        self._waiting: deque[_Request] = deque()  # read, and not answered
        self._since_s = self._loop.time()  # when the connection began to read, or to idle
        self._is_ending = False
        self._transport: asyncio.Transport

    # -- of the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._state.connections.add(self)  # type: ignore[arg-type] # it asks for `shutdown` only
        self._fronts.opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        """Forget everything; what was taken is archived all the same."""
        self._state.connections.discard(self)
        self._fronts.all.discard(self)
        if self._reading is not None:
            self._let_go(self._reading)
        self._reading = None
        self._waiting.clear()

    def shutdown(self) -> None:
        """End after the answers that are owed; called by uvicorn."""
        self._is_ending = True
        self._end_if_done()

    def tick(self, now_s: float) -> None:
        """End the connection if it has been idle, or half a request, for too long."""
        if self._reading is not None or self._unknown:
            if now_s - self._since_s > READ_S:
                self._break_off(too_slow())
        elif not self._waiting and now_s - self._since_s > self._config.timeout_keep_alive:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what came, or hand the connection over."""
        if self._reading is None and not self._waiting:
            data, self._unknown = self._unknown + data, b""
            if not data.startswith(OURS):
                self._other(data)
                return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # refused already, when its headers were complete
        except httptools.HttpParserError as error:
            if not self._is_ending:
                self._break_off(refused(400, f"not HTTP: {error}", "send plain HTTP/1.1"))
            return
        request = self._reading
        if request is not None and not request.gateway:
            request.size += len(data)
            if request.size > HEAD_BYTES:
                self._break_off(refused(431, "a head too long", "send fewer headers"))

    def _other(self, data: bytes) -> None:
        if not OURS.startswith(data):
            self._hand_over(data)
        else:
            self._unknown = data
            self._since_s = self._loop.time()

    def _hand_over(self, data: bytes) -> None:
        self._state.connections.discard(self)
        self._fronts.all.discard(self)
        protocol = HttpToolsProtocol(self._config, self._state, self._app_state, self._loop)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(data)

    # -- of the parser

    def on_message_begin(self) -> None:
        """Begin a request; after the last one nothing is read."""
        if not self._is_ending:
            self._reading = _Request()
            self._since_s = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        if self._reading is not None:
            self._reading.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        request = self._reading
        if request is None:
            return
        if len(name) == 14 and name.lower() == b"content-length" and value.isdigit():
            request.length = int(value)
        elif len(name) == 6 and name.lower() == b"expect":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_headers_complete(self) -> None:
        """Refuse what need not be read."""
        request = self._reading
        if request is None:
            return
        request.size = 0
        gateway = gateway_of(request.url.partition(b"?")[0].decode("latin-1"))
        if self._parser.should_upgrade():
            self._break_off(refused(400, "no other protocol is spoken", "send HTTP/1.1"))
            return
        if gateway is None or self._parser.get_method() != b"POST":
            self._break_off(refused(404, "no address of batches", "use another connection"))
            return
        length = max(request.length, 0)
        no = self._exchanges.admit(gateway, length)
        if no is None:
            request.gateway, request.length = gateway, length
        elif no.ends or length:
            self._break_off(no)
        else:
            request.reply = no

    def on_body(self, chunk: bytes) -> None:
        """Take a part of the body."""
        request = self._reading
        if request is not None:
            request.body.append(chunk)
            request.size += len(chunk)
            if request.size > BODY_BYTES:
                self._break_off(too_large())

    def on_message_complete(self) -> None:
        """Hand the batches on."""
        request, self._reading = self._reading, None
        if request is None:
            return
        self._waiting.append(request)
        if not self._parser.should_keep_alive():
            self._is_ending = True
        if request.reply is not None:
            self._answer()
            return
        self._let_go(request)
        body, request.body = b"".join(request.body), []
        self._exchanges.begin(request.gateway, body, lambda reply: self._settle(request, reply))

    # -- answering

    def _settle(self, request: _Request, reply: Reply) -> None:
        request.reply = reply
        self._answer()

    def _answer(self) -> None:
        """Write the replies that are there, in the order of their requests."""
        parts: list[bytes] = []
        while self._waiting and (reply := self._waiting[0].reply) is not None:
            self._waiting.popleft()
            parts += (self._head_of(reply), reply.body)
        if parts:
            self._since_s = self._loop.time()
            self._transport.write(b"".join(parts))
        self._end_if_done()

    def _head_of(self, reply: Reply) -> bytes:
        common = self._fronts.common_headers(self._state)
        own = b"".join([b"%b: %b\r\n" % header for header in reply.headers])
        return b"".join((_STATUS_LINES[reply.status], common, own, b"\r\n"))

    def _break_off(self, reply: Reply) -> None:
        """Answer what cannot be read on, after what came before it, and end."""
        request, self._reading = self._reading or _Request(), None
        self._unknown = b""
        self._let_go(request)
        request.reply = reply
        self._waiting.append(request)
        self._is_ending = True
        self._transport.pause_reading()
        self._answer()

    def _end_if_done(self) -> None:
        if self._is_ending and not self._waiting and self._reading is None:
            self._transport.close()

    def _let_go(self, request: _Request) -> None:
        if request.gateway and request.reply is None:
            self._exchanges.have_read(request.length)
