"""The live stream of a page: server-sent events out of a queue of updates.

Events: `hello` {now}, `reading` {point, t, v}, `changed` {}. Between them a comment is sent now
and then, so that proxies keep the connection and a dead one is noticed.
"""

import asyncio
import json
from asyncio import Queue
from collections.abc import AsyncIterator, Collection
from typing import Final, assert_never

from dashboards.models import ChangedUpdate, LiveUpdate, ReadingUpdate

KEEP_ALIVE_S: Final = 15
STREAM_S: Final = 300
"""How long a stream goes on after its viewer's rights were looked at."""
KEEP_ALIVE: Final = b": still here\n\n"
RETRY_MS: Final = 2000
"""How soon a browser comes again after the connection broke."""


def hello(now_ms: int) -> bytes:
    """Return the first event: the server's time, and when to come again."""
    return f"retry: {RETRY_MS}\n".encode() + _event("hello", {"now": now_ms})


def encode(update: LiveUpdate, wanted: Collection[str] | None) -> bytes:
    """Return `update` as an event, empty when it concerns none of the `wanted` points."""
    match update:
        case ReadingUpdate():
            if wanted is not None and update.point not in wanted:
                return b""
            times, values = list(update.times), list(update.values)
            return _event("reading", {"point": update.point, "t": times, "v": values})
        case ChangedUpdate():
            return _event("changed", {})
        case _:
            assert_never(update)


async def events(
    queue: Queue[LiveUpdate | None], wanted: Collection[str] | None, now_ms: int
) -> AsyncIterator[bytes]:
    """Yield the stream until the viewer is told to come again.

    It ends by itself after `STREAM_S`: the browser comes again at once, and whether its viewer
    may still see this is asked anew.
    """
    yield hello(now_ms)
    loop = asyncio.get_running_loop()
    end_s = loop.time() + STREAM_S
    while loop.time() < end_s:
        try:
            async with asyncio.timeout(KEEP_ALIVE_S):
                update = await queue.get()
        except TimeoutError:
            yield KEEP_ALIVE
            continue
        if update is None:
            return
        if event := encode(update, wanted):
            yield event


def _event(name: str, data: object) -> bytes:
    body = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return f"event: {name}\ndata: {body}\n\n".encode()
