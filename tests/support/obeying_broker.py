"""A real Mosquitto whose ACL and CRL the registry writes, and gateways that connect to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLError

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.enrolment.broker import BrokerAccess, BrokerConfig
from device_registry.authority import key_file
from device_registry.authority.issuing import CLIENT_CA_NAME
from tests.support.enrolling import Device, World
from tests.support.mosquitto import Broker
from tests.support.wait import until_sync

_LISTENER = """\
pid_file {folder}/mosquitto.pid
listener {{port}} 127.0.0.1
cafile {ca}
certfile {folder}/broker.crt
keyfile {folder}/broker.key
crlfile {folder}/crl.pem
acl_file {folder}/acl
require_certificate true
use_identity_as_username true
allow_anonymous false
"""
ANSWER_S = 10


@dataclass(slots=True)
class ObeyingBroker:
    """A broker, what tells it who may come, and the world behind both."""

    world: World
    broker: Broker
    access: BrokerAccess
    config: BrokerConfig

    @property
    def reloads(self) -> int:
        """Return how often the broker has read its files again."""
        return self.broker.log.count("Reloading config")

    def obey(self, access: BrokerAccess | None = None) -> None:
        """Write what the registry says, and return when the broker has read it."""
        before = self.reloads

        def is_told() -> bool:
            (access or self.access).look()
            return self.reloads > before

        until_sync(is_told, ANSWER_S, "the broker to read its files again")

    def connect(
        self, name: str, leaf: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> "Peer":
        """Return a client with this certificate; `Peer.is_in` says whether it was let in."""
        stem = self.broker.folder / f"{leaf.serial_number:x}"
        if not stem.with_suffix(".crt").exists():
            key_file.save_key(stem.with_suffix(".key"), key)
            chain = (leaf, self.world.authority.certificate)
            key_file.save_certificates(stem.with_suffix(".crt"), *chain)
        return Peer(self, name, stem)

    def gateway(self, device: Device) -> "Peer":
        """Connect as an enrolled device."""
        assert device.certificate is not None
        return self.connect(device.gateway, device.certificate, device.tls)

    def cloud(self) -> "Peer":
        """Connect as the cloud."""
        key = key_file.new_key()
        leaf = self.world.authority.issue("ingest", key.public_key(), self.world.now_ms)
        return self.connect("ingest", leaf, key)


class Peer:
    """One MQTT client over mutual TLS."""

    def __init__(self, of: ObeyingBroker, name: str, stem: Path) -> None:
        self.name = name
        self.is_in = False
        self.heard: list[tuple[str, bytes]] = []
        self._answers: list[str] = []
        self._answered = threading.Event()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_publish = self._on_publish
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        root = of.world.folder / "root" / "root.crt"
        self._client.tls_set(
            str(root), str(stem.with_suffix(".crt")), str(stem.with_suffix(".key"))
        )
        with suppress(SSLError, OSError):
            self._client.connect("localhost", of.broker.port)
            self._client.loop_start()
            assert self._answered.wait(ANSWER_S)

    def publish(self, topic: str, data: bytes = b"x") -> str:
        """Return what the broker says to a message: "ok" or its refusal."""
        before = len(self._answers)
        self._client.publish(topic, data, qos=1)
        until_sync(lambda: len(self._answers) > before, ANSWER_S, "an answer to the message")
        return self._answers[-1]

    def subscribe(self, topic: str) -> str:
        """Return what the broker says to a subscription."""
        before = len(self._answers)
        self._client.subscribe(topic, qos=1)
        until_sync(lambda: len(self._answers) > before, ANSWER_S, "an answer")
        return self._answers[-1]

    def close(self) -> None:
        """End."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(
        self, _: object, __: object, ___: object, code: ReasonCode, *____: object
    ) -> None:
        self.is_in = not code.is_failure
        self._answered.set()

    def _on_disconnect(self, *_: object) -> None:
        self.is_in = False
        self._answered.set()

    def _on_publish(
        self, _: object, __: object, ___: int, code: ReasonCode, ____: Properties
    ) -> None:
        self._answers.append(str(code) if code.is_failure else "ok")

    def _on_subscribe(
        self, _: object, __: object, ___: int, codes: list[ReasonCode], ____: Properties
    ) -> None:
        self._answers.append(str(codes[0]) if codes[0].is_failure else "ok")

    def _on_message(self, _: object, __: object, message: mqtt.MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))


@contextmanager
def obeying_broker(world: World) -> Iterator[ObeyingBroker]:
    """Run Mosquitto with the files that the registry of `world` writes."""
    folder = world.folder / "mosquitto"
    folder.mkdir()
    key = key_file.new_key()
    leaf = world.authority.server(["localhost"], key.public_key(), world.now_ms)
    key_file.save_key(folder / "broker.key", key)
    key_file.save_certificates(folder / "broker.crt", leaf, world.authority.certificate)
    config = BrokerConfig(
        acl=folder / "acl", crl=folder / "crl.pem", pid_file=folder / "mosquitto.pid"
    )
    access = BrokerAccess(config, world.store, world.authority, lambda: world.now_ms)
    access.look()
    ca = world.folder / "authority" / CLIENT_CA_NAME
    broker = Broker(folder=folder, listener=_LISTENER.format(folder=folder, ca=ca))
    broker.start()
    try:
        yield ObeyingBroker(world, broker, access, config)
    finally:
        access.stop()
        broker.stop()
