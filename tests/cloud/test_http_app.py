"""Batches over HTTP: what comes back, what is refused, and what waits for the next request."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from cloud.core import Core
from cloud.ingest.exchanges import BODIES_BYTES, BODY_BYTES, PARALLEL_REQUESTS
from cloud.ingest.http_app import IngestApp
from cloud.ingest.intake import HELD_BATCHES, Intake, Outlets
from evidence.outcome import Refusal, Slow, decode_down, is_receipt, split_sequence
from evidence.receipt import claimed_runs
from tests.support.cloud_core import running_core
from tests.support.signing import SigningGateway, spoiled
from tests.support.wait import until


@pytest.fixture
def gateway() -> SigningGateway:
    gateway = SigningGateway()
    gateway.start_ms = int(time.time() * 1000) - 86_400_000
    return gateway


@pytest.fixture
def core(tmp_path: Path, gateway: SigningGateway) -> Iterator[Core]:
    with running_core(tmp_path / "cloud", gateway, SigningGateway("gw-demo-02", 2)) as core:
        yield core


@pytest.fixture
def app(core: Core) -> IngestApp:
    pages = FastAPI()
    pages.add_api_route("/", lambda: "page")
    return IngestApp(pages, core.intake, core.keyring, core.answers)


@pytest.fixture
async def client(app: IngestApp) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as client:
        yield client


def _url(gateway: SigningGateway) -> str:
    return f"/v1/gateways/{gateway.id}/batches"


async def test_a_batch_is_answered_by_its_receipt(
    client: httpx.AsyncClient, gateway: SigningGateway
) -> None:
    reply = await client.post(_url(gateway), content=gateway.batch())
    (message,) = split_sequence(reply.content)
    assert [tuple(run) for run in claimed_runs(message)] == [(gateway.epoch, 0, 0)]
    assert reply.headers["content-type"] == "application/cbor-seq"


async def test_many_batches_are_answered_by_one_receipt_and_each_refusal(
    client: httpx.AsyncClient, gateway: SigningGateway, core: Core
) -> None:
    good = gateway.batches(20)
    bad = spoiled(gateway.batch())
    reply = await client.post(_url(gateway), content=b"".join([*good, bad]))
    messages = split_sequence(reply.content)
    (receipt,) = [m for m in messages if is_receipt(m)]
    assert [tuple(run) for run in claimed_runs(receipt)] == [(gateway.epoch, 0, 19)]
    (refusal,) = [m for m in messages if not is_receipt(m)]
    down = decode_down(refusal, core.keys.control.public, gateway.id)
    assert isinstance(down, Refusal)
    assert (down.code, down.seq) == ("signature", 20)


async def test_a_lost_reply_costs_a_question_and_no_second_copy(
    client: httpx.AsyncClient, gateway: SigningGateway, core: Core
) -> None:
    batch = gateway.batch()
    await client.post(_url(gateway), content=batch)
    reply = await client.post(_url(gateway), content=batch)
    assert is_receipt(reply.content)
    assert core.sequencer.counts["stored"] == 1


async def test_an_outcome_that_comes_too_late_waits_for_the_next_request(
    core: Core, gateway: SigningGateway
) -> None:
    app = IngestApp(FastAPI(), core.intake, core.keyring, core.answers, wait_s=0)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as client:
        reply = await client.post(_url(gateway), content=gateway.batch())
        assert reply.content == b""
        await until(lambda: app.exchanges.mail)
        reply = await client.post(_url(gateway), content=b"")
        assert is_receipt(reply.content)
        reply = await client.post(_url(gateway), content=b"")
        assert reply.content == b""


async def test_an_answer_goes_to_the_request_that_asked_and_to_no_other(
    client: httpx.AsyncClient, gateway: SigningGateway
) -> None:
    mine, thief = await asyncio.gather(
        client.post(_url(gateway), content=gateway.batch()),
        client.post(_url(gateway), content=b""),
    )
    assert is_receipt(mine.content)
    assert thief.content == b""


async def test_another_gateways_batch_is_refused_on_this_url(
    client: httpx.AsyncClient, gateway: SigningGateway, core: Core
) -> None:
    other = SigningGateway("gw-demo-02", 2)
    reply = await client.post(_url(gateway), content=other.batch())
    down = decode_down(reply.content, core.keys.control.public, gateway.id)
    assert isinstance(down, Refusal)
    assert down.code == "route"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/v1/gateways/gw-nobody/batches", b"", 404, "no gateway 'gw-nobody'"),
        ("POST", "/v1/gateways/../batches", b"", 404, ""),
        ("GET", "/v1/gateways/gw-demo-01/batches", b"", 405, "use POST"),
        ("POST", "/v1/gateways/gw-demo-01/batches", b"hello", 400, "not a CBOR sequence"),
        ("POST", "/v1/gateways/gw-demo-01/batches", b"\xd2\x84\x43", 400, "whole batches"),
        ("POST", "/v1/gateways/gw-demo-01/batches", bytes(BODY_BYTES + 1), 413, "body over"),
    ],
)
async def test_a_request_that_cannot_be_is_refused_with_the_remedy(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, status: int, said: str
) -> None:
    reply = await client.request(method, path, content=body)
    assert reply.status_code == status
    assert said in reply.text


async def test_a_body_without_a_length_is_cut_off_at_the_cap(
    client: httpx.AsyncClient, gateway: SigningGateway
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield bytes(1 << 16)

    reply = await client.post(_url(gateway), content=endless())
    assert reply.status_code == 413
    assert json.loads(reply.content)["remedy"] == "send fewer batches per request"


async def test_one_gateway_cannot_hold_every_connection(
    core: Core, gateway: SigningGateway
) -> None:
    idle = Intake(core.keyring, Outlets(checked=lambda _: None, rejected=lambda _: None))
    app = IngestApp(FastAPI(), idle, core.keyring, core.answers, wait_s=0.2)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as client:
        requests = [
            client.post(_url(gateway), content=batch)
            for batch in gateway.batches(PARALLEL_REQUESTS + 1)
        ]
        replies = await asyncio.gather(*requests)
    assert sorted(r.status_code for r in replies) == [200] * PARALLEL_REQUESTS + [429]
    (refused,) = [r for r in replies if r.status_code == 429]
    assert refused.headers["retry-after"] == "1"


async def test_a_full_intake_asks_the_gateway_to_slow_down(
    client: httpx.AsyncClient, gateway: SigningGateway, core: Core
) -> None:
    core.intake._held = HELD_BATCHES
    reply = await client.post(_url(gateway), content=gateway.batch())
    core.intake._held = 0
    down = decode_down(reply.content, core.keys.control.public, gateway.id)
    assert isinstance(down, Slow)


async def test_every_other_address_is_the_pages(client: httpx.AsyncClient) -> None:
    assert (await client.get("/")).json() == "page"


async def test_half_a_body_is_refused_and_holds_nobodys_place(
    app: IngestApp, gateway: SigningGateway
) -> None:
    half = [
        {"type": "http.request", "body": gateway.batch()[:50], "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return half.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": _url(gateway), "headers": []}
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert not app.exchanges.waiting
    assert app.exchanges.reading_bytes == 0


async def test_bodies_that_are_being_read_are_bounded_over_all_gateways(
    client: httpx.AsyncClient, app: IngestApp, gateway: SigningGateway
) -> None:
    app.exchanges.reading_bytes = BODIES_BYTES
    reply = await client.post(_url(gateway), content=gateway.batch())
    assert reply.status_code == 429
