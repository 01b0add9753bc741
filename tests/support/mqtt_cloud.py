"""The fake cloud behind a broker: takes what comes up, answers on the gateway's `down`."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiomqtt

from tests.support.fake_cloud import FakeCloud


@asynccontextmanager
async def mqtt_cloud(
    cloud: FakeCloud,
    port: int,
    context: ssl.SSLContext | None = None,
    protocol: aiomqtt.ProtocolVersion = aiomqtt.ProtocolVersion.V311,
) -> AsyncIterator[FakeCloud]:
    """Serve `cloud` on the broker at `port`, as the client `ingest`."""
    client = aiomqtt.Client(
        "localhost" if context else "127.0.0.1",
        port,
        identifier="ingest",
        tls_context=context,
        protocol=protocol,
    )
    async with client:
        await client.subscribe("cw/1/+/up", 1)
        task = asyncio.create_task(_serve(client, cloud))
        try:
            yield cloud
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _serve(client: aiomqtt.Client, cloud: FakeCloud) -> None:
    async for message in client.messages:
        down = str(message.topic).removesuffix("up") + "down"
        for answer in cloud.take([bytes(message.payload)]):
            await client.publish(down, answer, 1)
