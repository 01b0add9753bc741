"""The short way in, over real sockets: same answers as the long one, and no way around it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from cloud.core import Core
from cloud.ingest import http_front
from cloud.ingest.exchanges import BODIES_BYTES, BODY_BYTES, READ_S
from cloud.ingest.http_app import IngestApp
from cloud.ingest.http_front import HEAD_BYTES, Front, Fronts
from evidence.outcome import is_receipt, split_sequence
from tests.support.cloud_core import running_core
from tests.support.ports import free_port
from tests.support.signing import SigningGateway
from tests.support.wait import until_sync

TIMEOUT_S = 20
GATEWAY = SigningGateway()
PATH = f"/v1/gateways/{GATEWAY.id}/batches"


class Site:
    """A running server and what a test may ask of it."""

    def __init__(self, core: Core) -> None:
        pages = FastAPI()
        pages.add_api_route("/", lambda: "page")
        self.app = IngestApp(pages, core.intake, core.keyring, core.answers)
        self.fronts = Fronts(self.app.exchanges)
        self.port = free_port()
        config = uvicorn.Config(
            self.app,
            "127.0.0.1",
            self.port,
            http=cast("Any", self.fronts),
            lifespan="off",
            log_level="warning",
        )
        self.server = uvicorn.Server(config)

    @property
    def open(self) -> set[Front]:
        """Return the connections that carry nothing but batches."""
        return self.fronts.all

    def connect(self) -> socket.socket:
        """Return a connection of its own."""
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_core(_folder(tmp_path_factory), GATEWAY) as core, _serving(Site(core)) as site:
        yield site


def _folder(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("front") / "cloud"


@contextmanager
def _serving(site: Site) -> Iterator[Site]:
    thread = threading.Thread(target=site.server.run, name="front", daemon=True)
    thread.start()
    until_sync(lambda: site.server.started, TIMEOUT_S, "the server")
    yield site
    site.server.should_exit = True
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


def _post(body: bytes, *headers: str, path: str = PATH, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    lines = [f"POST {path} HTTP/1.1", "Host: cloud", f"Content-Length: {length}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """Read one response."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (chunk := connection.recv(1))
        assert chunk, f"the connection ended after {data!r}"
    lines = data.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    body, length = b"", int(headers["content-length"])
    while len(body) < length:
        body += connection.recv(length - len(body))
    return int(lines[0].split()[1]), headers, body


def _is_closed(connection: socket.socket) -> bool:
    return connection.recv(1) == b""


def test_batches_on_one_connection_are_each_answered_by_their_receipt(site: Site) -> None:
    with closing(site.connect()) as connection:
        for _ in range(3):
            connection.sendall(_post(GATEWAY.batch(), "Content-Type: application/cbor-seq"))
            status, headers, body = _answer(connection)
            assert (status, headers["content-type"]) == (200, "application/cbor-seq")
            assert is_receipt(body)
        assert len(site.open) == 1
    until_sync(lambda: not site.open, TIMEOUT_S, "the connection to be forgotten")


def test_requests_that_come_byte_by_byte_are_the_same_requests(site: Site) -> None:
    with closing(site.connect()) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in _post(GATEWAY.batch()):
            connection.send(bytes((byte,)))
        status, _, body = _answer(connection)
        assert status == 200
        assert is_receipt(body)


def test_requests_that_come_together_are_answered_in_their_order(site: Site) -> None:
    with closing(site.connect()) as connection:
        connection.sendall(_post(GATEWAY.batch()) + _post(b"") + _post(b"hello"))
        answers = [_answer(connection) for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 200, 400]
    assert is_receipt(answers[0][2])
    assert answers[1][2] == b""


def test_a_body_in_chunks_is_a_body(site: Site) -> None:
    def chunks() -> Iterator[bytes]:
        batch = GATEWAY.batch()
        yield batch[:40]
        yield batch[40:]

    with httpx.Client(timeout=TIMEOUT_S) as client:
        url = f"http://127.0.0.1:{site.port}{PATH}"
        assert is_receipt(client.post(url, content=chunks()).content)


def test_a_client_that_asks_first_is_told_to_go_on(site: Site) -> None:
    with closing(site.connect()) as connection:
        head, _, body = _post(GATEWAY.batch(), "Expect: 100-continue").partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert is_receipt(_answer(connection)[2])


def test_pages_and_batches_share_a_connection(site: Site) -> None:
    """As behind a proxy: from the first page on it is the pages' connection."""
    with closing(site.connect()) as connection:
        connection.sendall(_post(GATEWAY.batch()))
        assert is_receipt(_answer(connection)[2])
        connection.sendall(b"GET / HTTP/1.1\r\nHost: cloud\r\n\r\n")
        assert _answer(connection)[2] == b'"page"'
        assert not site.open
        connection.sendall(_post(GATEWAY.batch()))
        assert is_receipt(_answer(connection)[2])


def test_another_method_is_refused_as_the_pages_would(site: Site) -> None:
    with closing(site.connect()) as connection:
        connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: cloud\r\n\r\n".encode())
        assert _answer(connection)[0] == 405


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (_post(b"x", path="/v1/gateways/gw-nobody/batches"), 404),
        (_post(b"", path="/v1/gateways/gw-demo-01/other"), 404),
        (_post(b"", length=BODY_BYTES + 1), 413),
        (_post(b"", "Transfer-Encoding: chunked"), 400),
        (_post(b"", "Upgrade: websocket", "Connection: Upgrade"), 400),
        (_post(b"", f"X-Long: {'x' * HEAD_BYTES}")[:-1], 431),
        (b"POST /v1/gateways/gw-demo-01/batches HTTP/9\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_read_on_is_refused_and_the_connection_ends(
    site: Site, request_bytes: bytes, status: int
) -> None:
    with closing(site.connect()) as connection:
        connection.sendall(request_bytes)
        assert _answer(connection)[0] == status
        assert _is_closed(connection)
    assert site.app.exchanges.reading_bytes == 0


def test_a_body_without_a_length_is_cut_off_at_the_cap(site: Site) -> None:
    with closing(site.connect()) as connection:
        head = _post(b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
        chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
        connection.sendall(head)
        sender = threading.Thread(target=_send_quietly, args=(connection, chunk * 6))
        sender.start()
        assert _answer(connection)[0] == 413
        sender.join(TIMEOUT_S)
    assert site.app.exchanges.reading_bytes == 0


def _send_quietly(connection: socket.socket, data: bytes) -> None:
    try:
        connection.sendall(data)
    except OSError:
        return  # refused half-way, as it should be


def test_half_a_request_holds_nobodys_place_once_it_is_gone(site: Site) -> None:
    with closing(site.connect()) as connection:
        connection.sendall(_post(GATEWAY.batch())[:-10])
        until_sync(lambda: site.app.exchanges.reading_bytes > 0, TIMEOUT_S, "half a body")
    until_sync(lambda: site.app.exchanges.reading_bytes == 0, TIMEOUT_S, "its end")
    GATEWAY.sent.clear()


def test_bodies_that_are_being_read_are_bounded_over_all_gateways(site: Site) -> None:
    site.app.exchanges.reading_bytes = BODIES_BYTES
    with closing(site.connect()) as connection:
        connection.sendall(_post(b"", length=5))
        status, headers, _ = _answer(connection)
        assert (status, headers["retry-after"]) == (429, "1")
    site.app.exchanges.reading_bytes = 0


def test_a_client_that_says_it_is_the_last_request_gets_the_answer_and_the_end(
    site: Site,
) -> None:
    with closing(site.connect()) as connection:
        connection.sendall(_post(b"", "Connection: close"))
        assert _answer(connection)[0] == 200
        assert _is_closed(connection)


def test_half_a_request_and_an_idle_connection_are_ended_in_time(site: Site) -> None:
    with closing(site.connect()) as idle, closing(site.connect()) as slow:
        idle.sendall(_post(b""))
        _answer(idle)
        slow.sendall(_post(GATEWAY.batch())[:-10])
        until_sync(
            lambda: site.app.exchanges.reading_bytes > 0 and len(site.open) == 2,
            TIMEOUT_S,
            "half a body",
        )
        loop = next(iter(site.open))._loop
        later_s = loop.time() + max(READ_S, site.server.config.timeout_keep_alive) + 1
        for front in tuple(site.open):
            loop.call_soon_threadsafe(front.tick, later_s)
        assert _answer(slow)[0] == 408
        assert _is_closed(slow)
        assert _is_closed(idle)


def test_a_server_that_ends_answers_what_it_has_taken(tmp_path: Path) -> None:
    gateway = SigningGateway()
    with running_core(tmp_path / "cloud", gateway) as core:
        site = Site(core)
        with _serving(site), closing(site.connect()) as connection:
            connection.sendall(_post(gateway.batch()))
            until_sync(lambda: core.intake.counts["offered"], TIMEOUT_S, "the batch")
            site.server.should_exit = True
            (receipt,) = split_sequence(_answer(connection)[2])
            assert is_receipt(receipt)
            assert _is_closed(connection)


def test_the_prefix_is_what_every_request_of_ours_begins_with() -> None:
    assert _post(b"").startswith(http_front.OURS)
