"""The registry's PostgreSQL killed under a running core: who was heard goes on as before."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from cloud.core import Core
from cloud.ingest import keyring
from cloud.ingest.http_app import IngestApp
from cloud.opening import open_core, open_registry_store
from cloud.readside import ReadSide
from evidence.outcome import is_receipt, split_sequence
from tests.support.cloud_core import make_installation, register
from tests.support.engines import engine
from tests.support.postgres import Postgres
from tests.support.signing import SigningGateway
from tests.support.wait import until

BACK_S = 60
HOT = [1500] * 40
"""15 degrees for 400 s: longer than any pack's delay."""


async def test_ingest_receipts_and_alarms_go_on_without_the_registrys_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyring, "PAUSE_S", 0.5)
    heard, late = SigningGateway("gw-demo-01", 1), SigningGateway("gw-demo-02", 2)
    with _postgres() as server, _core(tmp_path, server, heard, late) as core:
        reads = ReadSide(core)
        reads.start()
        try:
            await _outage(server, core, reads, (heard, late))
        finally:
            reads.stop()


async def _outage(
    server: Postgres, core: Core, reads: ReadSide, gateways: tuple[SigningGateway, ...]
) -> None:
    heard, late = gateways
    async with _client(core) as client:
        assert await _is_receipted(client, heard, heard.batch())
        await until(lambda: _seen_by(reads) == {core.reader.next_index}, what="the batch")
        server.kill()
        assert await _is_receipted(client, heard, heard.batch(HOT))
        await until(lambda: reads.status()["alarms"], what="the alarm")
        reply = await client.post(_url(late), content=late.batch())
        assert reply.status_code == 503
        assert "the registry does not answer" in reply.text
        server.start_again()
        await until(lambda: core.keyring.knows_gateway(late.id), BACK_S, "the registry")
        assert await _is_receipted(client, late, late.batch())
    assert core.sequencer.fault == ""


async def _is_receipted(
    client: httpx.AsyncClient, gateway: SigningGateway, batch: bytes
) -> bool:
    reply = await client.post(_url(gateway), content=batch)
    return [is_receipt(message) for message in split_sequence(reply.content)] == [True]


def _seen_by(reads: ReadSide) -> set[object]:
    """Return how far the projections are."""
    followed = reads.status()["projections"]
    assert isinstance(followed, dict)
    return {projection["cursor"] for projection in followed.values()}


def _url(gateway: SigningGateway) -> str:
    return f"/v1/gateways/{gateway.id}/batches"


@contextmanager
def _postgres() -> Iterator[Postgres]:
    """Start a server of this test's own, which it may kill."""
    engine("initdb")
    server = Postgres(Path(tempfile.mkdtemp(prefix="coldwarden-pg-")))
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def _core(folder: Path, server: Postgres, *gateways: SigningGateway) -> Iterator[Core]:
    config = replace(make_installation(folder), registry_url=server.registry())
    with closing(open_registry_store(config)) as store:
        register(store, *gateways)
    with open_core(config) as core:
        yield core


@asynccontextmanager
async def _client(core: Core) -> AsyncIterator[httpx.AsyncClient]:
    app = IngestApp(FastAPI(), core.intake, core.keyring, core.answers)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://cloud") as client:
        yield client
