"""Listens on a broker for a while and keeps the latest message of each topic.

Used by `gateway_firmware_py.discovering.cli`. Nothing is published. Bounded: `MAX_TOPICS`
topics, messages of `MAX_BYTES`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import aiomqtt

from edge.errors import UnreachableError
from edge.quiet_client import quiet_client

MAX_TOPICS: Final = 2000
MAX_BYTES: Final = 65_536
CONNECT_TIMEOUT_S: Final = 5.0
EVERYTHING: Final = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where to listen, and as whom."""

    host: str
    port: int = 1883
    username: str = ""
    password: str = ""


async def listen(
    broker: BrokerAddress, for_s: float, progress: Callable[[str], None]
) -> dict[str, bytes]:
    """Return the latest message of each topic that was heard.

    Raises:
        UnreachableError: the broker cannot be reached, or lets nobody listen.
    """
    heard: dict[str, bytes] = {}
    client = quiet_client(
        broker.host,
        broker.port,
        username=broker.username or None,
        password=broker.password or None,
        timeout=CONNECT_TIMEOUT_S,
    )
    try:
        async with client:
            await client.subscribe(EVERYTHING)
            progress(f"listening on {broker.host}:{broker.port} for {for_s:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(for_s):
                    async for message in client.messages:
                        _keep(heard, message, progress)
    except aiomqtt.MqttError as error:
        place = f"{broker.host}:{broker.port}"
        raise UnreachableError(
            f"mqtt broker {place}: {error}; start it, or correct host, port and user"
        ) from error
    return heard


def _keep(
    heard: dict[str, bytes], message: aiomqtt.Message, progress: Callable[[str], None]
) -> None:
    topic, payload = str(message.topic), bytes(message.payload)
    if len(payload) > MAX_BYTES or (topic not in heard and len(heard) >= MAX_TOPICS):
        return
    if topic not in heard:
        progress(f"heard {topic}")
    heard[topic] = payload
