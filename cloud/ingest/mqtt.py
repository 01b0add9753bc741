"""Batches from a broker: topic `cw/1/{gateway}/up` in, `cw/1/{gateway}/down` out.

paho with manual acknowledgement: the broker hears of a message only after its batch is on disk
or refused for good. MQTT 5 with a shared subscription and a receive maximum, which is our
back-pressure; 3.1.1 where the broker has no 5. The broker is a convenience: what it loses, the
gateway sends again, because it frees a batch only on a verified receipt.
"""

import ssl
import threading
from collections import Counter

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from cloud.config import MqttConfig
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import VIA_MQTT, Delivery
from cloud.ingest.intake import Intake
from cloud.ingest.keyring import Keyring

RECEIVE_MAXIMUM = 1000  # messages the broker may have unacknowledged with us
SESSION_S = 3600  # how long the broker keeps our subscription while we restart
DOWN_EXPIRY_S = 60  # an older answer has been asked for again
KEEPALIVE_S = 20
RECONNECT_MAX_S = 30
SLOW_WINDOW = 1
SLOW_S = 5
_OTHER_PROTOCOL = frozenset({1, 132})  # how a broker without MQTT 5 says so
_TOPIC = "cw/1/+/up"


class GatewayTopic:
    """The `Route` of one gateway behind the broker."""

    __slots__ = ("_transport", "gateway")

    def __init__(self, transport: "MqttTransport", gateway: str) -> None:
        self._transport = transport
        self.gateway = gateway

    def answer(self, message: bytes, settled: int) -> None:
        """Publish; see `Route`."""
        del settled
        self._transport.publish(self.gateway, message)


class MqttTransport:
    """One connection to the broker, on paho's own thread.

    `subscribed` is set while batches can come.
    """

    def __init__(
        self,
        config: MqttConfig,
        client_id: str,
        intake: Intake,
        keyring: Keyring,
        answers: Answers,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.subscribed = threading.Event()
        self._config = config
        self._client_id = client_id
        self._intake = intake
        self._keyring = keyring
        self._answers = answers
        self._routes: dict[str, GatewayTopic] = {}
        self._session = 0
        self._protocol = MQTTProtocolVersion.MQTTv5
        self._client = self._make_client()

    def start(self) -> None:
        """Begin to connect, and keep trying; returns at once."""
        self._connect()

    def stop(self) -> None:
        """Disconnect and end paho's thread."""
        self._client.disconnect()
        self._client.loop_stop()
        self.subscribed.clear()

    def publish(self, gateway: str, message: bytes) -> None:
        """Send a down message; lost when the broker is away, which costs one question."""
        properties = None
        if self._protocol == MQTTProtocolVersion.MQTTv5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = DOWN_EXPIRY_S
        self._client.publish(f"cw/1/{gateway}/down", message, qos=1, properties=properties)

    def _make_client(self) -> mqtt.Client:
        five = self._protocol == MQTTProtocolVersion.MQTTv5
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._client_id,
            protocol=self._protocol,
            clean_session=None if five else False,
            manual_ack=True,
        )
        client.max_inflight_messages_set(RECEIVE_MAXIMUM)
        client.max_queued_messages_set(10 * RECEIVE_MAXIMUM)
        client.reconnect_delay_set(1, RECONNECT_MAX_S)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = self._on_subscribe
        if self._config.ca is not None:
            client.tls_set_context(_tls(self._config))
        return client

    def _connect(self) -> None:
        five = self._protocol == MQTTProtocolVersion.MQTTv5
        properties = None
        if five:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_S
            properties.ReceiveMaximum = RECEIVE_MAXIMUM
        self._client.connect_async(
            self._config.host,
            self._config.port,
            keepalive=KEEPALIVE_S,
            clean_start=False if five else mqtt.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self._client.loop_start()

    def _on_connect(
        self, client: mqtt.Client, _data: object, _flags: object, code: ReasonCode, _p: object
    ) -> None:
        if code.is_failure:
            self.counts["connect-refused"] += 1
            if code.value in _OTHER_PROTOCOL and self._protocol == MQTTProtocolVersion.MQTTv5:
                self._fall_back(client)
            return
        self._session += 1
        five = self._protocol == MQTTProtocolVersion.MQTTv5
        client.subscribe(f"$share/ingest/{_TOPIC}" if five else _TOPIC, qos=1)

    def _fall_back(self, refused: mqtt.Client) -> None:
        """Go on with MQTT 3.1.1; paho ends the refused client's thread by itself."""
        self._protocol = MQTTProtocolVersion.MQTTv311
        refused.disconnect()
        self._client = self._make_client()
        self._connect()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, _code: object, _p: object
    ) -> None:
        self.subscribed.clear()
        self.counts["disconnects"] += 1

    def _on_subscribe(self, *_: object) -> None:
        self.subscribed.set()

    def _on_message(
        self, client: mqtt.Client, _data: object, message: mqtt.MQTTMessage
    ) -> None:
        gateway = message.topic.split("/")[2]
        route = self._route(gateway)
        session, mid, qos = self._session, message.mid, message.qos

        def committed() -> None:
            # A packet id means nothing on a later connection, where the broker sends anew.
            if session == self._session:
                client.ack(mid, qos)

        if self._intake.offer((Delivery(bytes(message.payload), VIA_MQTT, route, committed),)):
            self.counts["messages"] += 1
            return
        if self._keyring.knows_gateway(gateway):
            route.answer(self._answers.slow(gateway, SLOW_WINDOW, SLOW_S), 1)
        committed()  # the gateway still holds it and sends it again

    def _route(self, gateway: str) -> GatewayTopic:
        route = self._routes.get(gateway)
        if route is None:
            route = GatewayTopic(self, gateway)
            if self._keyring.knows_gateway(gateway):
                self._routes[gateway] = route
        return route


def _tls(config: MqttConfig) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(config.ca))
    context.load_cert_chain(str(config.cert), str(config.key))
    return context
