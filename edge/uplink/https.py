"""The way to the cloud without a broker: batches in the body of a POST, outcomes in its answer.

The standard library's client, in threads of our own, because it waits for the network. A
request waits at the server for the receipts of its batches (at most 2 s), so there are two
lanes: what is sealed meanwhile does not wait behind it. An empty POST collects outcomes that
came late.

A connection that lay idle may be dead without knowing, so it is not used again after `IDLE_S`.
"""

import asyncio
import http.client
import socket
import ssl
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import NoReturn
from urllib.parse import urlsplit

from edge.uplink.sequence import MAX_ANSWER_BYTES, next_body, read_answer
from edge.uplink.transport import (
    CONNECT_TIMEOUT_S,
    Connected,
    Inbox,
    RefusedError,
    UnreachedError,
)

LANES = 2
IDLE_S = 15.0
COLLECT_GAP_S = 0.5  # between empty requests, if the server answers those at once
CONTENT_TYPE = "application/cbor-seq"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpsEndpoint:
    """Where to send; `ca` is a file of trusted authorities, empty for the system's own.

    `proxy` is "http://host:port", through which https is tunnelled, or empty.
    """

    url: str
    gateway: str
    ca: str = ""
    proxy: str = ""
    answer_timeout_s: float = 10.0


class HttpsTransport:
    """See the module and `edge.uplink.transport.Transport`."""

    name = "https"

    def __init__(self, endpoint: HttpsEndpoint) -> None:
        self._endpoint = endpoint
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()
        self._owed = False

    def send(self, batches: Sequence[bytes]) -> None:
        """See `Transport`."""
        self._waiting.extend(batches)
        self._wake.set()

    def expect(self, *, answers: bool) -> None:
        """See `Transport`."""
        self._owed = answers
        if answers:
            self._wake.set()

    async def run(self, connected: Connected, inbox: Inbox) -> NoReturn:
        """See `Transport`."""
        self._waiting.clear()
        lanes = [Lane(self._endpoint) for _ in range(LANES)]
        pool = ThreadPoolExecutor(LANES, thread_name_prefix="coldwarden-https")
        try:
            # An empty request: shows that the server is there, and collects what waits.
            await self._exchange(pool, lanes[0], b"", inbox)
            await connected()
            async with asyncio.TaskGroup() as group:
                for number, lane in enumerate(lanes):
                    group.create_task(
                        self._serve(pool, lane, inbox, collects=number == 0),
                        name=f"uplink.https.lane{number}",
                    )
        except BaseExceptionGroup as group:
            raise _loss(group) from group
        finally:
            for lane in lanes:
                lane.abort()
                pool.submit(lane.close)
            pool.shutdown(wait=False)
        raise AssertionError("the lanes never end by themselves")

    async def _serve(
        self, pool: ThreadPoolExecutor, lane: "Lane", inbox: Inbox, *, collects: bool
    ) -> NoReturn:
        while True:
            body = next_body(self._waiting)
            if body or (collects and self._owed):
                messages = await self._exchange(pool, lane, body, inbox)
                if not body and not messages:
                    await asyncio.sleep(COLLECT_GAP_S)
                continue
            self._wake.clear()
            await self._wake.wait()

    async def _exchange(
        self, pool: ThreadPoolExecutor, lane: "Lane", body: bytes, inbox: Inbox
    ) -> int:
        loop = asyncio.get_running_loop()
        messages = await loop.run_in_executor(pool, lane.post, body)
        for message in messages:
            await inbox(message)
        return len(messages)


def _loss(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the loss that ended the lanes, or the group when there is more to it."""
    lost, more = group.split((UnreachedError, RefusedError))
    return group if more is not None or lost is None else lost.exceptions[0]


class Lane:
    """One connection, used by one request at a time; `abort` may be called from elsewhere."""

    def __init__(self, endpoint: HttpsEndpoint) -> None:
        self._endpoint = endpoint
        self._target = urlsplit(endpoint.url)
        self._path = f"{self._target.path}/v1/gateways/{endpoint.gateway}/batches"
        self._connection: http.client.HTTPConnection | None = None
        self._used_s = 0.0
        self._aborted = False

    def post(self, body: bytes) -> list[bytes]:
        """Send a sequence of batches and return the down messages of the answer.

        Raises:
            UnreachedError: no answer.
            RefusedError: an answer that is no sequence of down messages, or a bad certificate.
        """
        reused = self._connection is not None and monotonic() - self._used_s < IDLE_S
        if not reused:
            self.close()
        try:
            status, answer = self._request(body, reused=reused)
        except (ssl.SSLError, ssl.CertificateError) as error:
            self.close()
            raise RefusedError(f"{self._endpoint.url}: {error}") from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnreachedError(f"{self._endpoint.url}: {error!r}") from error
        self._used_s = monotonic()
        messages = read_answer(answer) if status == http.client.OK else None
        if messages is None:
            self.close()
            raise RefusedError(f"{self._endpoint.url} answered {status}, not with outcomes")
        return messages

    def abort(self) -> None:
        """Break off whatever the connection does, from any thread."""
        self._aborted = True
        connection = self._connection
        sock = connection.sock if connection is not None else None
        if sock is not None:
            with suppress(OSError):
                # Of the plain socket: TLS has state that only the other thread may touch.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection; only from the thread that posts."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _request(self, body: bytes, *, reused: bool) -> tuple[int, bytes]:
        try:
            return self._try_request(body)
        except (OSError, http.client.HTTPException):
            # A server may close an idle connection any time; a batch sent twice is one batch.
            if not reused or self._aborted:
                raise
        self.close()
        return self._try_request(body)

    def _try_request(self, body: bytes) -> tuple[int, bytes]:
        connection = self._connection or self._connect()
        connection.request("POST", self._path, body, {"Content-Type": CONTENT_TYPE})
        with connection.getresponse() as response:
            return response.status, response.read(MAX_ANSWER_BYTES)

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._target.hostname or "", self._target.port
        connection: http.client.HTTPConnection
        if self._target.scheme == "https":
            context = ssl.create_default_context(cafile=self._endpoint.ca or None)
            proxy = urlsplit(self._endpoint.proxy)
            connection = http.client.HTTPSConnection(
                proxy.hostname or host,
                (proxy.port or http.client.HTTP_PORT) if proxy.hostname else port,
                timeout=CONNECT_TIMEOUT_S,
                context=context,
            )
            if proxy.hostname:
                connection.set_tunnel(host, port or http.client.HTTPS_PORT)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_TIMEOUT_S)
        self._connection = connection
        connection.connect()
        connection.sock.settimeout(self._endpoint.answer_timeout_s)
        if self._aborted:
            raise ConnectionAbortedError("the link was dropped")
        return connection
