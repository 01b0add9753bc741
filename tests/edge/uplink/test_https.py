"""Batches over HTTP: a real port, a real client, a cloud that keeps the contract."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from edge.uplink import https
from edge.uplink.https import HttpsEndpoint, HttpsTransport
from edge.uplink.transport import RefusedError, UnreachedError
from evidence.outcome import is_receipt
from tests.support.batches import GATEWAY, SignedBatch, chain_of
from tests.support.certificates import Authority, Identity
from tests.support.connect_proxy import connect_proxy
from tests.support.fake_cloud import FakeCloud
from tests.support.http_cloud import Mood, http_cloud
from tests.support.ports import free_port
from tests.support.wait import until


def server_context(authority: Authority, valid_days: float = 1) -> ssl.SSLContext:
    return loaded(authority.server(valid_days=valid_days))


def loaded(identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.cert, identity.key)
    return context


def transport(port: int, *, ca: str = "", answer_timeout_s: float = 2.0) -> HttpsTransport:
    scheme = "https" if ca else "http"
    return HttpsTransport(
        HttpsEndpoint(
            url=f"{scheme}://127.0.0.1:{port}",
            gateway=GATEWAY,
            ca=ca,
            answer_timeout_s=answer_timeout_s,
        )
    )


class Connection:
    """A transport that runs; `down` is what came down."""

    def __init__(self, way: HttpsTransport) -> None:
        self.way = way
        self.down: list[bytes] = []
        self.connected = asyncio.Event()
        self.task: asyncio.Task[None] = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async def connected() -> None:
            self.connected.set()

        async def inbox(data: bytes) -> None:
            self.down.append(data)

        await self.way.run(connected, inbox)

    def send(self, batches: list[SignedBatch]) -> None:
        self.way.send([batch.data for batch in batches])


@asynccontextmanager
async def running(way: HttpsTransport) -> AsyncIterator[Connection]:
    connection = Connection(way)
    try:
        async with asyncio.timeout(10):
            await connection.connected.wait()
        yield connection
    finally:
        connection.task.cancel()
        with suppress(asyncio.CancelledError, UnreachedError, RefusedError):
            await connection.task


async def failure(way: HttpsTransport) -> BaseException:
    """Return what the transport ends with."""
    connection = Connection(way)
    async with asyncio.timeout(10):
        with suppress(UnreachedError, RefusedError):
            await connection.task
    error = connection.task.exception()
    assert error is not None
    return error


async def test_batches_go_up_and_receipts_come_down() -> None:
    async with http_cloud(FakeCloud()) as server, running(transport(server.port)) as link:
        link.send(chain_of(5))
        await until(lambda: link.down)
        assert all(is_receipt(message) for message in link.down)
        assert len(server.cloud.stored) == 5
        assert server.requests == 2  # one to see that it is there, one for all five


async def test_outcomes_that_come_late_are_collected_while_any_is_owed() -> None:
    async with http_cloud(FakeCloud()) as server, running(transport(server.port)) as link:
        server.hold_receipts = True
        link.send(chain_of(1))
        await until(lambda: server.cloud.stored)
        assert not link.down
        server.hold_receipts = False
        link.way.expect(answers=True)
        await until(lambda: link.down)
        link.way.expect(answers=False)
        assert server.empty_requests >= 2


async def test_what_is_sealed_meanwhile_does_not_wait_behind_a_request() -> None:
    async with http_cloud(FakeCloud()) as server, running(transport(server.port)) as link:
        first, second = chain_of(2)
        server.mood = Mood.SILENT
        link.send([first])
        await until(lambda: server.requests == 2)
        server.mood = Mood.GOOD
        link.send([second])
        await until(lambda: link.down)
        assert list(server.cloud.stored) == [(second.body.epoch, 1)]


async def test_a_connection_that_the_server_closed_is_opened_again() -> None:
    async with http_cloud(FakeCloud()) as server, running(transport(server.port)) as link:
        server.mood = Mood.CLOSES_IDLE
        for batch in chain_of(4):
            before = len(link.down)
            link.send([batch])
            await until(lambda n=before: len(link.down) > n)
        assert len(server.cloud.stored) == 4
        assert server.connections >= 4


async def test_a_server_that_is_not_there_is_unreached() -> None:
    assert isinstance(await failure(transport(free_port())), UnreachedError)


@pytest.mark.parametrize("mood", [Mood.PORTAL, Mood.BUSY])
async def test_an_answer_that_is_no_outcome_is_a_refusal(mood: Mood) -> None:
    async with http_cloud(FakeCloud()) as server:
        server.mood = mood
        assert isinstance(await failure(transport(server.port)), RefusedError)


async def test_a_server_that_never_answers_is_unreached_after_the_time_out() -> None:
    async with http_cloud(FakeCloud()) as server:
        server.mood = Mood.SILENT
        error = await failure(transport(server.port, answer_timeout_s=0.1))
        assert isinstance(error, UnreachedError)


async def test_a_dropped_link_ends_at_once_though_a_request_hangs() -> None:
    async with http_cloud(FakeCloud()) as server, running(transport(server.port)) as link:
        server.mood = Mood.SILENT
        link.send(chain_of(1))
        await until(lambda: server.requests == 2)
        link.task.cancel()
        async with asyncio.timeout(1):
            with suppress(asyncio.CancelledError):
                await link.task


async def test_tls_with_the_pinned_authority_works(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    async with (
        http_cloud(FakeCloud(), server_context(authority)) as server,
        running(transport(server.port, ca=str(authority.ca))) as link,
    ):
        link.send(chain_of(1))
        await until(lambda: link.down)


async def test_threat_12_another_authority_is_refused(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs", "other")
    async with http_cloud(FakeCloud(), server_context(theirs)) as server:
        error = await failure(transport(server.port, ca=str(ours.ca)))
    assert isinstance(error, RefusedError)
    assert "certificate verify failed" in str(error)


async def test_threat_12_an_expired_certificate_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    async with http_cloud(FakeCloud(), server_context(authority, valid_days=-1)) as server:
        error = await failure(transport(server.port, ca=str(authority.ca)))
    assert isinstance(error, RefusedError)
    assert "expired" in str(error)


async def test_threat_12_a_server_of_another_name_is_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    names = x509.SubjectAlternativeName([x509.DNSName("other.example")])
    purpose = ExtendedKeyUsageOID.SERVER_AUTH
    other = authority._issue("other.example", purpose, 1, names)
    async with http_cloud(FakeCloud(), loaded(other)) as server:
        error = await failure(transport(server.port, ca=str(authority.ca)))
    assert isinstance(error, RefusedError)
    assert "certificate verify failed" in str(error)


async def test_threat_12_a_gateways_certificate_cannot_play_the_server(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ours")
    thief = authority.client("127.0.0.1")
    async with http_cloud(FakeCloud(), loaded(thief)) as server:
        error = await failure(transport(server.port, ca=str(authority.ca)))
    assert isinstance(error, RefusedError)
    assert "certificate verify failed" in str(error)


async def test_threat_12_a_server_without_tls_gets_nothing_from_a_gateway_that_wants_it(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path / "ours")
    async with http_cloud(FakeCloud()) as server:
        error = await failure(transport(server.port, ca=str(authority.ca)))
    assert isinstance(error, RefusedError)
    assert server.requests == 0


def test_the_server_waits_shorter_than_a_request_does() -> None:
    assert HttpsEndpoint(url="", gateway="").answer_timeout_s > 2 > https.COLLECT_GAP_S


async def test_batches_go_through_the_proxy_of_a_shop(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with http_cloud(FakeCloud(), server_context(authority)) as server:
        with connect_proxy() as proxy:
            way = HttpsTransport(
                HttpsEndpoint(
                    url=f"https://127.0.0.1:{server.port}",
                    gateway=GATEWAY,
                    ca=str(authority.ca),
                    proxy=proxy.url,
                )
            )
            async with running(way) as link:
                link.send(chain_of(3))
                await until(lambda: len(server.cloud.stored) == 3)
            assert f"127.0.0.1:{server.port}" in proxy.asked
