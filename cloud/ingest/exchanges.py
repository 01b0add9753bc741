"""Requests of gateways while they wait for their outcomes, whatever carried them here.

Used by the two ways HTTP comes in: `cloud.ingest.http_front`, which most requests take, and
`cloud.ingest.http_app`. A body is a CBOR sequence of batches, at most 4 MiB; the answer is a
CBOR sequence of down messages, waited for at most 2 s. Outcomes that come later wait in the
gateway's mailbox for its next request; an empty request collects them. Nobody is identified
here: a batch's signature says who sent it, so a proxy in between changes nothing.

All state belongs to the event loop; `answer` may be called from any thread.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

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
SEQUENCE = b"application/cbor-seq"
PREFIX, SUFFIX = "/v1/gateways/", "/batches"


class Reply(NamedTuple):
    """What a request is answered with."""

    status: int
    kind: bytes
    body: bytes

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return its headers."""
        length = str(len(self.body)).encode()
        headers = [(b"content-type", self.kind), (b"content-length", length)]
        if self.status == 429:
            headers.append((b"retry-after", b"1"))
        if self.ends:
            headers.append((b"connection", b"close"))
        return headers

    @property
    def ends(self) -> bool:
        """Return whether the rest of the request is not worth reading."""
        return self.status in {408, 413}


Finish = Callable[[Reply], None]


def refused(status: int, error: str, remedy: str) -> Reply:
    """Return the answer to a request that cannot be."""
    body = json.dumps({"error": error, "remedy": remedy}).encode()
    return Reply(status, b"application/json", body)


def too_large() -> Reply:
    """Return the answer to a body over the cap."""
    return refused(413, f"body over {BODY_BYTES} bytes", "send fewer batches per request")


def too_slow() -> Reply:
    """Return the answer to a body that does not come."""
    return refused(408, f"no whole body in {READ_S:.0f} s", "send less")


def gateway_of(path: str) -> str | None:
    """Return the gateway that a path names, None when it is another path."""
    if path.startswith(PREFIX) and path.endswith(SUFFIX):
        return path[len(PREFIX) : -len(SUFFIX)]
    return None


class Exchange:
    """One request while it waits: a `Route` whose answers go into its reply."""

    __slots__ = ("_of", "ends_s", "finish", "gateway", "is_over", "messages", "pending")

    def __init__(self, of: "Exchanges", gateway: str, pending: int, finish: Finish) -> None:
        self._of = of
        self.gateway = gateway
        self.messages: list[bytes] = []
        self.pending = pending
        self.finish = finish
        self.is_over = False
        self.ends_s = 0.0

    def answer(self, message: bytes, settled: int) -> None:
        """Hand a message to the event loop; see `Route`."""
        self._of.post(self, message, settled)


class Exchanges:
    """See the module. `finish` is called once for every request, on the event loop."""

    def __init__(
        self, intake: Intake, keyring: Keyring, answers: Answers, *, wait_s: float = WAIT_S
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.mail: dict[str, deque[bytes]] = {}
        self.waiting: Counter[str] = Counter()
        self.reading_bytes = 0
        self._intake = intake
        self._keyring = keyring
        self._answers = answers
        self._wait_s = wait_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._posted: deque[tuple[Exchange, bytes, int]] = deque()
        self._scheduled = False
        self._open: deque[Exchange] = deque()  # all wait equally long: the first ends first
        self._timer: asyncio.TimerHandle | None = None

    def admit(self, gateway: str, length: int) -> Reply | None:
        """Return why a body of this length (0: not said) is not read, None when it may be.

        What may come of it counts against the bound on all bodies, until `have_read`.
        """
        if not self._keyring.knows_gateway(gateway):
            if self._keyring.is_away:
                remedy = "keep the batches and send them again; its database is away"
                return self._count(refused(503, "the registry does not answer", remedy))
            return self._count(
                refused(404, f"no gateway {gateway[:64]!r}", "enrol it: coldwarden-cloud claim")
            )
        if length > BODY_BYTES:
            return self._count(too_large())
        reserved = length or BODY_BYTES
        if self.reading_bytes + reserved > BODIES_BYTES:
            return self._count(
                refused(429, "too many bodies are being read", "try again in a second")
            )
        self.reading_bytes += reserved
        return None

    def have_read(self, length: int) -> None:
        """Give back what `admit` took for a body of this length."""
        self.reading_bytes -= length or BODY_BYTES

    def begin(self, gateway: str, body: bytes, finish: Finish) -> None:
        """Take the batches of a request; `finish` gets the reply, now or within the wait."""
        try:
            batches = split_sequence(body)
        except WireError as error:
            what = f"not a CBOR sequence: {error}"
            finish(self._count(refused(400, what, "send whole batches")))
            return
        # Counted only now: whoever sends half a body must not hold a gateway's places.
        if batches and self.waiting[gateway] >= PARALLEL_REQUESTS:
            parallel = f"{PARALLEL_REQUESTS} requests of {gateway} wait already"
            finish(self._count(refused(429, parallel, "wait for their answers")))
        elif batches:
            self._offer(Exchange(self, gateway, len(batches), finish), batches)
        else:
            finish(self._reply(gateway, []))

    def refuse(self, reply: Reply, finish: Finish) -> None:
        """Answer a request that never was one."""
        finish(self._count(reply))

    def post(self, exchange: Exchange, message: bytes, settled: int) -> None:
        """Queue one answer for the event loop, from any thread, with one wake-up for many."""
        self._posted.append((exchange, message, settled))
        loop = self._loop
        if self._scheduled or loop is None or loop.is_closed():
            return
        self._scheduled = True
        with suppress(RuntimeError):  # closed just now; nobody waits any more
            loop.call_soon_threadsafe(self._drain)

    def _offer(self, exchange: Exchange, batches: list[bytes]) -> None:
        gateway = exchange.gateway
        loop = self._loop = asyncio.get_running_loop()
        if not self._intake.offer([Delivery(data, VIA_HTTPS, exchange) for data in batches]):
            slow = self._answers.slow(gateway, SLOW_WINDOW, SLOW_S)
            exchange.finish(self._reply(gateway, [slow]))
            return
        self.waiting[gateway] += 1
        exchange.ends_s = loop.time() + self._wait_s
        self._open.append(exchange)
        if self._timer is None:
            self._timer = loop.call_at(exchange.ends_s, self._expire)

    def _drain(self) -> None:
        # Cleared first: whoever posts from here on either is seen below or schedules again.
        self._scheduled = False
        while self._posted:
            exchange, message, settled = self._posted.popleft()
            if exchange.is_over:
                self._mailbox(exchange.gateway).append(message)
                continue
            exchange.messages.append(message)
            exchange.pending -= settled
            if exchange.pending <= 0:
                self._end(exchange)

    def _expire(self) -> None:
        """End what has waited long enough; what comes for it now goes to the mailbox."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._open and (self._open[0].is_over or self._open[0].ends_s <= loop.time()):
            exchange = self._open.popleft()
            if not exchange.is_over:
                self._end(exchange)
        if self._open:
            self._timer = loop.call_at(self._open[0].ends_s, self._expire)

    def _end(self, exchange: Exchange) -> None:
        exchange.is_over = True
        gateway, messages = exchange.gateway, exchange.messages
        exchange.messages = []
        self.waiting[gateway] -= 1
        if not self.waiting[gateway]:
            del self.waiting[gateway]
        exchange.finish(self._reply(gateway, messages))

    def _reply(self, gateway: str, messages: list[bytes]) -> Reply:
        self.counts["requests"] += 1
        if gateway in self.mail:
            messages += self.mail.pop(gateway)
        return Reply(200, SEQUENCE, b"".join(messages))

    def _mailbox(self, gateway: str) -> deque[bytes]:
        return self.mail.setdefault(gateway, deque(maxlen=MAILBOX_MESSAGES))

    def _count(self, reply: Reply) -> Reply:
        self.counts[f"http-{reply.status}"] += 1
        return reply
