"""What we ask of Mosquitto: a certificate's name decides what its owner may say and hear."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

from tests.support.certificates import Authority, Identity
from tests.support.mosquitto import Broker, mutual_tls_broker, plain_broker

pytestmark = pytest.mark.engine
CONNECT = bytes.fromhex("100d00044d5154540402003c000163")  # 3.1.1, clean, client id "c"
CONNACK = b"\x20"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with mutual_tls_broker(tmp_path_factory.mktemp("mq")) as running:
        yield running


def client(broker: Broker, context: ssl.SSLContext) -> aiomqtt.Client:
    return aiomqtt.Client(
        broker.host, broker.port, tls_context=context, protocol=aiomqtt.ProtocolVersion.V5
    )


def answer_to_connect(broker: Broker, context: ssl.SSLContext) -> bytes:
    with socket.create_connection((broker.host, broker.port), timeout=10) as plain:
        try:
            with context.wrap_socket(plain, server_hostname="localhost") as secure:
                secure.sendall(CONNECT)
                return secure.recv(4)
        except (ssl.SSLError, ConnectionError):
            return b""


def issue(broker: Broker, name: str, valid_days: float = 1) -> Identity:
    assert broker.authority is not None
    return broker.authority.client(name, valid_days)


async def test_a_gateway_reaches_the_cloud_on_its_own_topic(broker: Broker) -> None:
    cloud = client(broker, issue(broker, "ingest").client_context())
    gateway = client(broker, issue(broker, "gw-demo-01").client_context())
    async with cloud, gateway:
        await cloud.subscribe("cw/1/+/up", qos=1)
        await gateway.publish("cw/1/gw-demo-01/up", b"mine", qos=1)
        message = await anext(aiter(cloud.messages))
    assert (str(message.topic), message.payload) == ("cw/1/gw-demo-01/up", b"mine")


async def test_a_gateway_is_refused_on_anothers_topic(broker: Broker) -> None:
    cloud = client(broker, issue(broker, "ingest").client_context())
    gateway = client(broker, issue(broker, "gw-demo-01").client_context())
    async with cloud, gateway:
        await cloud.subscribe("cw/1/+/up", qos=1)
        await gateway.publish("cw/1/gw-demo-02/up", b"forged", qos=1)
        await gateway.publish("cw/1/gw-demo-01/up", b"mine", qos=1)
        first = await anext(aiter(cloud.messages))
    assert first.payload == b"mine"


def test_strangers_and_the_expired_are_refused(broker: Broker, tmp_path: Path) -> None:
    assert broker.authority is not None
    nobody = ssl.create_default_context(cafile=str(broker.authority.ca))
    expired = issue(broker, "gw-demo-01", valid_days=-1).client_context()
    stranger = ssl.create_default_context(cafile=str(broker.authority.ca))
    foreign = Authority(tmp_path / "other").client("gw-demo-01")
    stranger.load_cert_chain(foreign.cert, foreign.key)
    for context in (nobody, expired, stranger):
        assert answer_to_connect(broker, context) == b""
    good = issue(broker, "gw-demo-01").client_context()
    assert answer_to_connect(broker, good)[:1] == CONNACK


async def test_a_killed_broker_returns_on_the_same_port(tmp_path: Path) -> None:
    with plain_broker(tmp_path) as plain:
        port = plain.port
        plain.kill()
        plain.start()
        async with aiomqtt.Client(plain.host, plain.port) as anybody:
            await anybody.publish("greeting", b"back", qos=1)
    assert plain.port == port
