"""The MQTT source: keeps one connection to a broker and hands every publication to the intake.

The session is always a clean one: a broker that kept messages for us would deliver old
measurements as new ones. The queue between the network and the intake is bounded; what does
not fit is counted. Nothing is ever published.
"""

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Iterable
from typing import Final

import aiomqtt
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.reasoncodes import ReasonCode

from edge.cancellation import heed_cancellation
from edge.clock import Clock
from edge.errors import SourceConfigError
from edge.mqtt_source.config import MqttBroker
from edge.mqtt_source.connecting import Knocking, Version, after_failure, after_loss
from edge.mqtt_source.intake import Arrival, Counts, Intake
from edge.quiet_client import quiet_client
from edge.retry import delay_s
from edge.sink import Sink

log = logging.getLogger(__name__)
SILENT_LOG = logging.getLogger(f"{__name__}.paho")
SILENT_LOG.setLevel(logging.CRITICAL)  # what it would say is counted or raised here

MAX_QUEUED_MESSAGES: Final = 1_000
CONNECT_TIMEOUT_S: Final = 5.0
KEEPALIVE_S: Final = 10
"""A broker that falls silent is noticed after two of these."""
TICK_S: Final = 1.0
TOPICS_PER_SUBSCRIBE: Final = 100
QOS: Final = 1
REFUSED_FROM: Final = 0x80  # a SUBACK code from here on is a no
Code = int | ReasonCode
_PROTOCOLS: Final = {
    Version.V5: aiomqtt.ProtocolVersion.V5,
    Version.V311: aiomqtt.ProtocolVersion.V311,
}


class MqttSource:
    """All sensors behind one broker; `run` until cancelled."""

    def __init__(
        self,
        broker: MqttBroker,
        sink: Sink,
        clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._broker = broker
        self._clock = clock
        self._draw = draw
        self._intake = Intake(broker.devices, sink)
        self._tls = _tls_context(broker)
        self.connected = False
        self.version: Version | None = None

    @property
    def counts(self) -> Counts:
        """Return what came in so far, by what became of it."""
        return self._intake.counts

    async def run(self) -> None:
        """Listen for ever, through every loss of the broker."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_silence(), name=f"mqtt {self._broker.name} silence")
            group.create_task(self._stay_connected(), name=f"mqtt {self._broker.name}")

    async def _watch_silence(self) -> None:
        while True:
            self._intake.tick(self._clock.mono_ms())
            await asyncio.sleep(TICK_S)

    async def _stay_connected(self) -> None:
        knocking = Knocking()
        while True:
            heed_cancellation()
            await asyncio.sleep(delay_s(knocking.failures, self._draw()))
            try:
                await self._listen(knocking.version)
            except aiomqtt.MqttError as exc:
                knocking = self._lost(knocking, exc)

    def _lost(self, knocking: Knocking, exc: aiomqtt.MqttError) -> Knocking:
        place = f"{self._broker.host}:{self._broker.port}"
        if not self.connected:
            if knocking.failures == 1:  # both versions were refused
                log.warning("mqtt broker %s cannot be reached: %s", place, exc)
            return after_failure(knocking)
        self.connected = False
        log.warning("mqtt broker %s is gone: %s", place, exc)
        return after_loss(knocking)

    async def _listen(self, version: Version) -> None:
        async with self._client(version) as client:
            topics = self._intake.topics
            for at in range(0, len(topics), TOPICS_PER_SUBSCRIBE):
                chosen = topics[at : at + TOPICS_PER_SUBSCRIBE]
                codes = await client.subscribe([(topic, QOS) for topic in chosen])
                self._note_refused(refused(chosen, codes))
            heed_cancellation()
            self.connected, self.version = True, version
            self.counts.connections += 1
            log.info("listening on mqtt broker %s, version %s", self._broker.host, version)
            async for message in client.messages:
                self._take(message)

    def _note_refused(self, topics: list[str]) -> None:
        self.counts.refused_topics += len(topics)
        for topic in topics:
            log.warning("mqtt broker %s does not let us read %s", self._broker.host, topic)

    def _take(self, message: aiomqtt.Message) -> None:
        sync, _ = self._clock.sync()
        wall_ms = self._clock.wall_ms() if sync else None
        arrival = Arrival(self._clock.mono_ms(), wall_ms)
        topic, payload = str(message.topic), bytes(message.payload)
        self._intake.message(topic, payload, arrival, retained=bool(message.retain))

    def _client(self, version: Version) -> aiomqtt.Client:
        broker, is_5 = self._broker, version is Version.V5
        return quiet_client(
            broker.host,
            broker.port,
            username=broker.username or None,
            password=broker.password or None,
            protocol=_PROTOCOLS[version],
            clean_session=None if is_5 else True,
            clean_start=True if is_5 else MQTT_CLEAN_START_FIRST_ONLY,  # 5 only
            timeout=CONNECT_TIMEOUT_S,
            keepalive=KEEPALIVE_S,
            tls_context=self._tls,
            logger=SILENT_LOG,
            queue_type=_counting_queue(self.counts),
            max_queued_incoming_messages=MAX_QUEUED_MESSAGES,
        )


def refused(topics: Iterable[str], codes: Iterable[Code]) -> list[str]:
    """Return the topics whose subscription the broker did not grant."""
    values = (code if isinstance(code, int) else code.value for code in codes)
    answers = zip(topics, values, strict=False)
    return [topic for topic, value in answers if value >= REFUSED_FROM]


def _counting_queue(counts: Counts) -> type[asyncio.Queue[aiomqtt.Message]]:
    class CountingQueue(asyncio.Queue[aiomqtt.Message]):
        """Counts what does not fit; the library would only log it."""

        def put_nowait(self, item: aiomqtt.Message) -> None:
            """Add a message, or count it as lost."""
            if self.full():
                counts.overflowed += 1
            else:
                super().put_nowait(item)

    return CountingQueue


def _tls_context(broker: MqttBroker) -> ssl.SSLContext | None:
    if not broker.ca:
        return None
    try:
        return ssl.create_default_context(cafile=broker.ca)
    except (OSError, ssl.SSLError) as exc:
        raise SourceConfigError(
            f"mqtt {broker.name!r}: ca {broker.ca} is not a readable certificate file: {exc}"
        ) from exc
