"""MQTT sensors that report to a broker, each with a connection and a will of its own.

Used by `simulators.site` and by tests. A device that loses the broker keeps trying; what it
measured meanwhile is gone, as with the real ones. MQTT 3.1.1, which every sensor speaks.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import aiomqtt

from simulators.ledger import Ledger
from simulators.mqtt_formats import Format, Message
from simulators.refrigerator import Sample

RECONNECT_S = 1.0
QOS = 1
ANSWER_TIMEOUT_S = 3.0  # a publication waits this long, also when the broker has gone
SILENCED = logging.getLogger("coldwarden.simulators.mqtt")
SILENCED.setLevel(logging.CRITICAL)  # a sensor has no console to complain on


@dataclass(slots=True, kw_only=True)
class MqttDevice:
    """One sensor; `sample` gives what it measures now, `period_s` is in real seconds."""

    name: str
    format: Format
    sample: Callable[[], Sample]
    period_s: float
    asleep: bool = False
    connected: bool = field(default=False, init=False)

    def connection(self, host: str, port: int) -> aiomqtt.Client:
        """Return this device's own connection, with its will."""
        gone = self.format.offline
        will = aiomqtt.Will(gone.topic, gone.payload, qos=QOS, retain=gone.retain)
        client = aiomqtt.Client(
            host,
            port,
            identifier=self.name,
            will=will,
            protocol=aiomqtt.ProtocolVersion.V311,
            timeout=ANSWER_TIMEOUT_S,
            logger=SILENCED,
        )
        # A connection lost while nobody waits for a message: nobody else asks how it ended.
        client._disconnected.add_done_callback(_look_at)  # noqa: SLF001
        return client


class MqttSensors:
    """All MQTT devices of a site; `run` until cancelled."""

    def __init__(
        self, devices: list[MqttDevice], ledger: Ledger, now_ms: Callable[[], int]
    ) -> None:
        self.devices = devices
        self._ledger = ledger
        self._now_ms = now_ms

    async def run(self, host: str, port: int) -> None:
        """Report to the broker at `host`:`port`, over and over."""
        async with asyncio.TaskGroup() as group:
            for device in self.devices:
                group.create_task(self._keep_reporting(device, host, port), name=device.name)

    async def _keep_reporting(self, device: MqttDevice, host: str, port: int) -> None:
        while True:
            _heed_cancellation()
            try:
                async with device.connection(host, port) as client:
                    await self._report(device, client)
            except aiomqtt.MqttError:
                device.connected = False
                await asyncio.sleep(RECONNECT_S)

    async def _report(self, device: MqttDevice, client: aiomqtt.Client) -> None:
        await _publish(client, device.format.online)
        device.connected = True
        while True:
            if not device.asleep:
                message = device.format.report(device.sample(), self._now_ms())
                await _publish(client, message)
                text = message.payload.decode()
                self._ledger.served(device.name, "message", topic=message.topic, payload=text)
            await asyncio.sleep(device.period_s)


async def _publish(client: aiomqtt.Client, message: Message) -> None:
    await client.publish(message.topic, message.payload, qos=QOS, retain=message.retain)
    _heed_cancellation()


def _heed_cancellation() -> None:
    """Raise what Python 3.11's `wait_for`, inside the library, swallows now and then."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _look_at(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled():
        ended.exception()
