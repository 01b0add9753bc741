"""Batches over brokers: a real Mosquitto with mutual TLS, and one that has only 3.1.1."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge.broker import EmbeddedBroker
from edge.uplink.mqtt import MqttEndpoint, MqttTransport
from edge.uplink.transport import RefusedError, UnreachedError
from evidence.outcome import is_receipt
from tests.support.batches import GATEWAY, chain_of
from tests.support.certificates import Authority, Identity
from tests.support.fake_cloud import FakeCloud
from tests.support.mosquitto import Broker, mutual_tls_broker, plain_broker
from tests.support.mqtt_cloud import mqtt_cloud
from tests.support.ports import free_port
from tests.support.wait import until

pytestmark = pytest.mark.engine


@dataclass(slots=True)
class Connection:
    """A transport that runs; `down` is what came down."""

    way: MqttTransport
    down: list[bytes] = field(default_factory=list)
    ups: int = 0

    async def run(self) -> None:
        await self.way.run(self._connected, self._inbox)

    async def _connected(self) -> None:
        self.ups += 1

    async def _inbox(self, data: bytes) -> None:
        self.down.append(data)


@asynccontextmanager
async def running(endpoint: MqttEndpoint) -> AsyncIterator[Connection]:
    connection = Connection(MqttTransport(endpoint))
    task = asyncio.create_task(connection.run())
    try:
        await until(lambda: connection.ups or task.done())
        yield connection
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, UnreachedError, RefusedError):
            await task


async def failure(way: MqttTransport) -> Exception:
    """Return what one attempt ends with."""
    try:
        async with asyncio.timeout(15):
            await Connection(way).run()
    except (UnreachedError, RefusedError) as error:
        return error
    raise AssertionError("an attempt that fails ends with an error")


def plain(port: int) -> MqttEndpoint:
    return MqttEndpoint(host="127.0.0.1", port=port, gateway=GATEWAY)


def secured(broker: Broker, identity: Identity) -> MqttEndpoint:
    return MqttEndpoint(
        host="localhost",
        port=broker.port,
        gateway=GATEWAY,
        ca=str(identity.ca),
        cert=str(identity.cert),
        key=str(identity.key),
    )


async def test_batches_travel_over_mutual_tls_and_receipts_come_back(tmp_path: Path) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        assert broker.authority is not None
        ingest = broker.authority.client("ingest").client_context()
        gateway = secured(broker, broker.authority.client(GATEWAY))
        async with (
            mqtt_cloud(FakeCloud(), broker.port, ingest) as cloud,
            running(gateway) as link,
        ):
            link.way.send([batch.data for batch in chain_of(20)])
            await until(lambda: len(cloud.stored) == 20)
            await until(lambda: len(link.down) == 20)
            assert all(is_receipt(message) for message in link.down)
            assert link.way.name == "mqtt 5"


async def test_a_broker_that_has_only_three_one_one_is_spoken_to_in_it() -> None:
    port = free_port()
    broker = EmbeddedBroker("127.0.0.1", port)
    await broker.start()
    try:
        way = MqttTransport(plain(port))
        with suppress(UnreachedError, RefusedError):
            async with asyncio.timeout(10):
                await Connection(way).run()
        assert way.name == "mqtt 3.1.1"
        async with mqtt_cloud(FakeCloud(), port) as cloud:
            connection = Connection(way)
            task = asyncio.create_task(connection.run())
            await until(lambda: connection.ups)
            way.send([batch.data for batch in chain_of(3)])
            await until(lambda: len(cloud.stored) == 3 and len(connection.down) == 3)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await broker.stop()


async def test_a_broker_that_is_killed_is_unreached_and_taken_up_again(tmp_path: Path) -> None:
    with plain_broker(tmp_path) as broker:
        connection = Connection(MqttTransport(plain(broker.port)))
        task = asyncio.create_task(connection.run())
        await until(lambda: connection.ups)
        broker.kill()
        await until(task.done)
        assert isinstance(task.exception(), UnreachedError)
        assert isinstance(await failure(connection.way), UnreachedError)
        assert connection.way.name == "mqtt 5"  # a broker that is gone says nothing of versions
        broker.start()
        async with running(plain(broker.port)) as again:
            assert again.ups == 1


# paho leaves the socket of a handshake that failed to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_threat_12_a_broker_of_another_authority_is_refused(tmp_path: Path) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        stranger = Authority(tmp_path / "other", "other").client(GATEWAY)
        error = await failure(MqttTransport(secured(broker, stranger)))
    assert isinstance(error, RefusedError)
    assert "certificate verify failed" in str(error)
    del error
    gc.collect()


async def test_threat_12_a_gateway_whose_certificate_has_expired_gets_no_link(
    tmp_path: Path,
) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        assert broker.authority is not None
        expired = broker.authority.client(GATEWAY, valid_days=-1)
        error = await failure(MqttTransport(secured(broker, expired)))
    assert isinstance(error, UnreachedError | RefusedError)


async def test_threat_16_another_gateways_topic_is_not_ours_to_write(tmp_path: Path) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        assert broker.authority is not None
        ingest = broker.authority.client("ingest").client_context()
        intruder = secured(broker, broker.authority.client("gw-other"))
        async with (
            mqtt_cloud(FakeCloud(), broker.port, ingest) as cloud,
            running(intruder) as link,
        ):
            link.way.send([chain_of(1)[0].data])
            await until(lambda: "Denied PUBLISH" in broker.log)
            assert not cloud.stored


async def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    identity = authority.client(GATEWAY)
    identity.key.write_text("not a key")
    endpoint = MqttEndpoint(
        host="localhost",
        port=1,
        gateway=GATEWAY,
        ca=str(identity.ca),
        cert=str(identity.cert),
        key=str(identity.key),
    )
    error = await failure(MqttTransport(endpoint))
    assert isinstance(error, RefusedError)
    assert "certificates of the uplink" in str(error)
    missing = replace(endpoint, ca=str(tmp_path / "nowhere"))
    assert isinstance(await failure(MqttTransport(missing)), RefusedError)
