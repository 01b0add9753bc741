"""A broker that goes away leaves no unread exception behind."""

import asyncio
import gc
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from edge.quiet_client import quiet_client
from tests.support.mosquitto import plain_broker
from tests.support.wait import until

pytestmark = pytest.mark.engine


async def test_a_broker_that_goes_away_leaves_nothing_unread(tmp_path: Path) -> None:
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    with plain_broker(tmp_path) as broker:
        client = quiet_client(broker.host, broker.port, timeout=5)
        await client.__aenter__()
        await asyncio.to_thread(broker.kill)
        await until(client._disconnected.done)
        with suppress(aiomqtt.MqttError):
            await client.__aexit__(None, None, None)
        del client
        gc.collect()
        assert complaints == []
        broker.start()
