"""Every open page gets what is published; a slow one holds nobody up."""

import asyncio
import threading

import pytest

from cloud.pages.viewers import TooManyViewersError, Viewers
from dashboards.models import ChangedUpdate, ReadingUpdate
from tests.support.wait import until

UPDATE = ReadingUpdate(point="p", times=(1,), values=(5.0,))


async def test_an_update_from_any_thread_reaches_every_viewer() -> None:
    viewers = Viewers()
    with viewers.subscribe() as one, viewers.subscribe() as two:
        thread = threading.Thread(target=viewers.publish, args=(UPDATE,))
        thread.start()
        async with asyncio.timeout(5):
            assert [await one.get(), await two.get()] == [UPDATE, UPDATE]
        thread.join(5)


async def test_a_viewer_that_left_gets_nothing_and_frees_its_place() -> None:
    viewers = Viewers(max_viewers=1)
    with viewers.subscribe() as queue:
        pass
    viewers.publish(UPDATE)
    assert viewers.count == 0
    with viewers.subscribe():
        assert viewers.count == 1
    assert queue.empty()


async def test_the_number_of_viewers_is_bounded() -> None:
    viewers = Viewers(max_viewers=1)
    with viewers.subscribe():
        with pytest.raises(TooManyViewersError), viewers.subscribe():
            pass
        assert viewers.count == 1


async def test_a_viewer_that_is_too_slow_is_told_to_come_again() -> None:
    viewers = Viewers(queue_updates=2)
    with viewers.subscribe() as slow:
        for _ in range(3):
            viewers.publish(ChangedUpdate())
        await until(lambda: viewers.dropped == 1)
        assert slow.get_nowait() is None
        assert slow.empty()
