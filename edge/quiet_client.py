"""An MQTT client whose end is looked at by somebody.

aiomqtt keeps a lost connection as the exception of a future. When the broker goes away while
nobody waits for a message, nobody asks that future, and asyncio prints "exception was never
retrieved" into the log of a gateway that has handled the loss long ago.
"""

import asyncio
from typing import Any

import aiomqtt


def quiet_client(host: str, port: int, **options: Any) -> aiomqtt.Client:  # noqa: ANN401
    """Return an `aiomqtt.Client`; `options` are its own."""
    client = aiomqtt.Client(host, port, **options)
    client._disconnected.add_done_callback(_look_at)  # noqa: SLF001 - there is no other way
    return client


def _look_at(ended: asyncio.Future[None]) -> None:
    if not ended.cancelled():
        ended.exception()
