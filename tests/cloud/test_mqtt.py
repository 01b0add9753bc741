"""Batches through a real Mosquitto: mutual TLS, an ACL by certificate name, and its death."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from cloud.config import MqttConfig
from cloud.core import Core
from cloud.ingest.mqtt import MqttTransport
from evidence.outcome import Refusal, decode_down, is_receipt
from evidence.receipt import claimed_runs
from tests.support.certificates import Authority, Identity
from tests.support.cloud_core import running_core
from tests.support.mosquitto import Broker, mutual_tls_broker, plain_broker
from tests.support.signing import SigningGateway
from tests.support.wait import until_sync

pytestmark = pytest.mark.engine
OTHER = SigningGateway("gw-demo-02", 2)


@pytest.fixture
def gateway() -> SigningGateway:
    gateway = SigningGateway()
    gateway.start_ms = int(time.time() * 1000) - 86_400_000
    return gateway


@pytest.fixture
def core(tmp_path: Path, gateway: SigningGateway) -> Iterator[Core]:
    with running_core(tmp_path / "cloud", gateway, OTHER) as core:
        yield core


class Device:
    """A gateway's connection: publishes, and keeps what comes down."""

    def __init__(
        self, broker: Broker, name: str, identity: Identity | None, version: int = 5
    ) -> None:
        self.name = name
        self.down: list[bytes] = []
        self.refused: list[int] = []
        self._ready = threading.Event()
        protocol = MQTTProtocolVersion(version)
        self._client = paho.Client(CallbackAPIVersion.VERSION2, name, protocol=protocol)
        if identity is not None:
            self._client.tls_set_context(identity.client_context())
        self._client.on_message = lambda _c, _u, m: self.down.append(bytes(m.payload))
        self._client.on_connect = lambda c, *_: c.subscribe(f"cw/1/{name}/down", qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_publish = lambda _c, _u, _m, code, _p: self.refused.append(code.value)
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()
        assert self._ready.wait(10)

    def send(self, *batches: bytes, topic: str = "") -> None:
        for data in batches:
            self._client.publish(topic or f"cw/1/{self.name}/up", data, qos=1)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def transport(core: Core, broker: Broker, identity: Identity | None) -> Iterator[MqttTransport]:
    """The cloud's connection to a broker."""
    config = MqttConfig(
        host=broker.host,
        port=broker.port,
        ca=identity.ca if identity else None,
        cert=identity.cert if identity else None,
        key=identity.key if identity else None,
    )
    transport = MqttTransport(config, "cw-test", core.intake, core.keyring, core.answers)
    transport.start()
    until_sync(transport.subscribed.is_set, what="the subscription")
    try:
        yield transport
    finally:
        transport.stop()


@contextmanager
def device(
    broker: Broker, name: str, identity: Identity | None, version: int = 5
) -> Iterator[Device]:
    one = Device(broker, name, identity, version)
    try:
        yield one
    finally:
        one.close()


def _authority(broker: Broker) -> Authority:
    assert broker.authority is not None
    return broker.authority


def _is_proven(device: Device, gateway: SigningGateway, hi: int) -> bool:
    runs = [run for m in device.down if is_receipt(m) for run in claimed_runs(m)]
    return any(run.lo == 0 and run.hi == hi for run in runs)


def test_batches_over_mutual_tls_come_back_as_receipts(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        authority = _authority(broker)
        with (
            transport(core, broker, authority.client("ingest")),
            device(broker, gateway.id, authority.client(gateway.id)) as one,
        ):
            one.send(*gateway.batches(20))
            until_sync(lambda: _is_proven(one, gateway, 19), what="the receipt of all 20")


def test_the_broker_keeps_a_gateway_to_its_own_topic(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        authority = _authority(broker)
        with (
            transport(core, broker, authority.client("ingest")) as cloud,
            device(broker, OTHER.id, authority.client(OTHER.id)) as thief,
        ):
            thief.send(gateway.batch(), topic=f"cw/1/{gateway.id}/up")
            until_sync(lambda: thief.refused == [135], what="the broker's refusal")
            assert cloud.counts["messages"] == 0


def test_a_batch_on_another_gateways_topic_is_refused_even_if_the_broker_lets_it_through(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with plain_broker(tmp_path) as broker:
        with transport(core, broker, None), device(broker, OTHER.id, None) as thief:
            thief.send(gateway.batch())
            until_sync(lambda: thief.down, what="the refusal")
        down = decode_down(thief.down[0], core.keys.control.public, OTHER.id)
        assert isinstance(down, Refusal)
        assert down.code == "route"
        until_sync(lambda: core.sequencer.counts["groups"], what="the finding")


def test_a_client_of_another_authority_is_not_let_in(tmp_path: Path, core: Core) -> None:
    with mutual_tls_broker(tmp_path) as broker:
        foreign = Authority(tmp_path / "foreign").client("ingest")
        mixed = Identity(
            name="ingest", cert=foreign.cert, key=foreign.key, ca=_authority(broker).ca
        )
        config = MqttConfig(
            host=broker.host, port=broker.port, ca=mixed.ca, cert=mixed.cert, key=mixed.key
        )
        cloud = MqttTransport(config, "cw-test", core.intake, core.keyring, core.answers)
        cloud.start()
        until_sync(lambda: "certificate" in broker.log or "alert" in broker.log)
        assert not cloud.subscribed.is_set()
        cloud.stop()


def test_a_broker_killed_and_restarted_loses_nothing_that_is_sent_again(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with (
        plain_broker(tmp_path) as broker,
        transport(core, broker, None) as cloud,
        device(broker, gateway.id, None) as one,
    ):
        one.send(*gateway.batches(5))
        until_sync(lambda: _is_proven(one, gateway, 4), what="the first receipt")
        broker.kill()
        until_sync(lambda: not cloud.subscribed.is_set(), what="the loss to be noticed")
        broker.start()
        until_sync(cloud.subscribed.is_set, 40, "the cloud to be back")
        one.send(*gateway.sent.values(), gateway.batch())
        until_sync(lambda: _is_proven(one, gateway, 5), 40, "the receipt after all")
    assert core.sequencer.counts["stored"] == 6


def test_a_message_is_given_back_to_the_broker_until_it_is_committed(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with plain_broker(tmp_path) as broker:
        with transport(core, broker, None) as cloud:
            cloud._client.ack = lambda *_: paho.MQTT_ERR_SUCCESS  # type: ignore[method-assign]
            with device(broker, gateway.id, None) as one:
                one.send(gateway.batch())
                until_sync(lambda: core.sequencer.counts["stored"] == 1)
        with transport(core, broker, None) as again:
            until_sync(lambda: again.counts["messages"] == 1, what="the message once more")
            until_sync(lambda: core.sequencer.counts["duplicates"] == 1)


def test_a_gateway_of_mqtt_3_1_1_is_served_as_well(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with (
        plain_broker(tmp_path) as broker,
        transport(core, broker, None),
        device(broker, gateway.id, None, version=4) as one,
    ):
        one.send(gateway.batch())
        until_sync(lambda: _is_proven(one, gateway, 0), what="the receipt")


def test_garbage_on_a_strangers_topic_disturbs_nobody(
    tmp_path: Path, core: Core, gateway: SigningGateway
) -> None:
    with (
        plain_broker(tmp_path) as broker,
        transport(core, broker, None) as cloud,
        device(broker, gateway.id, None) as one,
    ):
        one.send(b"", b"\xff" * 100, bytes(70_000), topic="cw/1/nobody/up")
        until_sync(lambda: cloud.counts["messages"] == 3)
        one.send(gateway.batch())
        until_sync(lambda: _is_proven(one, gateway, 0), what="the receipt")
        assert core.quarantine.unknown_seen == 3


class OldBroker:
    """Speaks MQTT 3.1.1 only, and says so as `refusal`; takes one subscription."""

    def __init__(self, refusal: bytes) -> None:
        self._refusal = refusal
        self.filters: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self._server.getsockname()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            with client:
                self._speak(client)

    def _speak(self, client: socket.socket) -> None:
        connect = client.recv(1024)
        if connect[connect.index(b"MQTT") + 4] != 4:
            client.sendall(self._refusal)
            return
        client.sendall(b"\x20\x02\x00\x00")
        subscribe = client.recv(1024)
        self.filters.append(subscribe[6:-1])
        client.sendall(b"\x90\x03" + subscribe[2:4] + b"\x01")
        client.recv(1024)


@pytest.mark.parametrize("refusal", [b"\x20\x03\x00\x84\x00", b"\x20\x02\x00\x01"])
def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1(core: Core, refusal: bytes) -> None:
    broker = OldBroker(refusal)
    config = MqttConfig(host=broker.host, port=broker.port, ca=None, cert=None, key=None)
    cloud = MqttTransport(config, "cw-test", core.intake, core.keyring, core.answers)
    cloud.start()
    try:
        until_sync(cloud.subscribed.is_set, what="the subscription")
        assert broker.filters == [b"cw/1/+/up"]
    finally:
        cloud.stop()
        broker.close()
