"""The way to the cloud over a broker: MQTT 5, or 3.1.1 where the broker has no 5, mutual TLS.

Nothing is asked of the broker but to pass messages on while it can: the session is clean, and
its acknowledgements mean nothing to us. QoS 1 only so that it queues rather than drops.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.reasoncodes import ReasonCode

from edge.cancellation import heed_cancellation
from edge.quiet_client import quiet_client
from edge.uplink.transport import (
    CONNECT_TIMEOUT_S,
    Connected,
    Inbox,
    RefusedError,
    UnreachedError,
)

SILENT_LOG = logging.getLogger(f"{__name__}.paho")
SILENT_LOG.setLevel(logging.CRITICAL)  # what it would say is raised here

KEEPALIVE_S = 30
QOS = 1
MAX_PENDING = 256  # publications that the broker has not acknowledged
MAX_QUEUED_DOWN = 1000
REFUSED_FROM = 0x80  # a SUBACK code from here on is a no
V5, V311 = aiomqtt.ProtocolVersion.V5, aiomqtt.ProtocolVersion.V311


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttEndpoint:
    """The broker, and the certificates of mutual TLS; `ca` empty means none (loopback only).

    `client` ends the session's name, for a program that is not the gateway's own.
    """

    host: str
    port: int
    gateway: str
    client: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""


class MqttTransport:
    """See the module and `edge.uplink.transport.Transport`."""

    def __init__(self, endpoint: MqttEndpoint) -> None:
        self._endpoint = endpoint
        self._version = V5
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def name(self) -> str:
        """Return the protocol with its version."""
        return "mqtt 5" if self._version is V5 else "mqtt 3.1.1"

    def send(self, batches: Sequence[bytes]) -> None:
        """See `Transport`."""
        for batch in batches:
            self._outgoing.put_nowait(batch)

    def expect(self, *, answers: bool) -> None:
        """See `Transport`; a broker passes them on unasked."""

    async def run(self, connected: Connected, inbox: Inbox) -> NoReturn:
        """See `Transport`."""
        self._outgoing = asyncio.Queue()
        place = f"{self._endpoint.host}:{self._endpoint.port}"
        client = self._client()
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as error:
            self._note_failure(error)
            raise _classified(error, place) from error
        try:
            heed_cancellation()
            await self._pass_on(client, connected, inbox)
        except aiomqtt.MqttError as error:
            raise UnreachedError(f"mqtt broker {place}: {error}") from error
        finally:
            with suppress(aiomqtt.MqttError):
                await client.__aexit__(None, None, None)
        raise AssertionError("a broker connection never ends by itself")

    async def _pass_on(
        self, client: aiomqtt.Client, connected: Connected, inbox: Inbox
    ) -> None:
        down = f"cw/1/{self._endpoint.gateway}/down"
        codes = await client.subscribe(down, QOS)
        if any(_value(code) >= REFUSED_FROM for code in codes):
            raise RefusedError(f"the broker does not let {self._endpoint.gateway} read {down}")
        heed_cancellation()
        await connected()
        sender = asyncio.create_task(self._send_all(client), name="uplink.mqtt.send")
        try:
            async for message in client.messages:
                heed_cancellation()
                await inbox(bytes(message.payload))
        finally:
            sender.cancel()

    async def _send_all(self, client: aiomqtt.Client) -> None:
        up = f"cw/1/{self._endpoint.gateway}/up"
        pending: set[asyncio.Task[None]] = set()
        try:
            while True:
                batch = await self._outgoing.get()
                if len(pending) >= MAX_PENDING:
                    await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                task = asyncio.create_task(_publish(client, up, batch), name="uplink.mqtt.up")
                pending.add(task)
                task.add_done_callback(pending.discard)
        finally:
            for task in pending:
                task.cancel()

    def _client(self) -> aiomqtt.Client:
        is_5 = self._version is V5
        return quiet_client(
            self._endpoint.host,
            self._endpoint.port,
            identifier=f"cw-{self._endpoint.gateway}{self._endpoint.client}",
            protocol=self._version,
            clean_session=None if is_5 else True,
            clean_start=True if is_5 else MQTT_CLEAN_START_FIRST_ONLY,  # 5 only
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            tls_context=self._tls_context(),
            logger=SILENT_LOG,
            max_queued_incoming_messages=MAX_QUEUED_DOWN,
        )

    def _tls_context(self) -> ssl.SSLContext | None:
        endpoint = self._endpoint
        if not endpoint.ca:
            return None
        try:
            context = ssl.create_default_context(cafile=endpoint.ca)
            context.load_cert_chain(endpoint.cert, endpoint.key)
        except (OSError, ssl.SSLError) as error:
            raise RefusedError(f"certificates of the uplink: {error}") from error
        return context

    def _note_failure(self, error: aiomqtt.MqttError) -> None:
        """Try the other version next, if what failed was not the network below it."""
        if not isinstance(error.__context__, OSError):
            self._version = V311 if self._version is V5 else V5


async def _publish(client: aiomqtt.Client, topic: str, batch: bytes) -> None:
    # The outcome is all that counts; a publication that fails is a batch that is sent again.
    with suppress(aiomqtt.MqttError):
        await client.publish(topic, batch, QOS)


def _classified(error: aiomqtt.MqttError, place: str) -> UnreachedError | RefusedError:
    if isinstance(error, MqttConnectError) or isinstance(error.__context__, ssl.SSLError):
        return RefusedError(f"mqtt broker {place}: {error}")
    return UnreachedError(f"mqtt broker {place}: {error}")


def _value(code: int | ReasonCode) -> int:
    return code if isinstance(code, int) else int(code.value)
