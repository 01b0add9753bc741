"""The stream says hello, then what concerns the page, then good-bye."""

import asyncio
import json
from asyncio import Queue

import pytest

from cloud.pages import live
from dashboards.models import ChangedUpdate, LiveUpdate, ReadingUpdate

READING = ReadingUpdate(point="p", times=(1, 2), values=(5.0, None))


def data(event: bytes) -> object:
    return json.loads(event.split(b"data: ")[1])


def test_a_reading_is_an_event_for_the_pages_that_want_it() -> None:
    event = live.encode(READING, None)
    assert event.startswith(b"event: reading\ndata: ")
    assert event.endswith(b"\n\n")
    assert data(event) == {"point": "p", "t": [1, 2], "v": [5.0, None]}
    assert live.encode(READING, {"p", "q"}) == event
    assert live.encode(READING, {"q"}) == b""


def test_a_change_concerns_every_page() -> None:
    assert live.encode(ChangedUpdate(), {"q"}) == b"event: changed\ndata: {}\n\n"


def test_a_number_that_json_does_not_have_is_never_sent() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        live.encode(ReadingUpdate(point="p", times=(1,), values=(float("nan"),)), None)


async def test_the_stream_ends_when_the_viewer_is_told_to_come_again() -> None:
    queue: Queue[LiveUpdate | None] = Queue()
    for update in (ReadingUpdate(point="q", times=(1,), values=(1.0,)), READING, None):
        queue.put_nowait(update)
    events = [event async for event in live.events(queue, {"p"}, now_ms=7)]
    assert events[0] == b'retry: 2000\nevent: hello\ndata: {"now":7}\n\n'
    assert events[1:] == [live.encode(READING, None)]


async def test_while_nothing_happens_the_connection_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "KEEP_ALIVE_S", 0.01)
    stream = live.events(Queue(), None, now_ms=7)
    await anext(stream)
    async with asyncio.timeout(5):
        assert await anext(stream) == live.KEEP_ALIVE
