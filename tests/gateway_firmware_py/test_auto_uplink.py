"""The whole program with two ways to the cloud: a real broker, and HTTPS when that is gone."""

import asyncio
from pathlib import Path

import pytest

from tests.support.fake_cloud import FakeCloud
from tests.support.gateway_process import GatewayProcess
from tests.support.http_cloud import http_cloud
from tests.support.mosquitto import mutual_tls_broker
from tests.support.mqtt_cloud import mqtt_cloud
from tests.support.wait import until

UPLINK = """\
mode = "auto"
https_url = "http://127.0.0.1:{https}"
mqtt_host = "localhost"
mqtt_port = {mqtt}
mqtt_ca = "{ca}"
mqtt_cert = "{cert}"
mqtt_key = "{key}"
stop_grace_s = 10
"""


@pytest.mark.engine
async def test_https_takes_over_when_the_broker_dies_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    cloud = FakeCloud()
    with mutual_tls_broker(tmp_path) as broker:
        assert broker.authority is not None
        ours = broker.authority.client(cloud.gateway)
        async with http_cloud(cloud) as server:
            uplink = UPLINK.format(
                https=server.port, mqtt=broker.port, ca=ours.ca, cert=ours.cert, key=ours.key
            )
            one = GatewayProcess(folder=tmp_path / "gateway", uplink=uplink)
            cloud.public = public = await asyncio.to_thread(one.init)
            one.start()
            try:
                context = broker.authority.client("ingest").client_context()
                async with mqtt_cloud(cloud, broker.port, context):
                    await until(lambda: len(cloud.stored) >= 3, 20)
                    assert server.requests == 0
                broker.kill()
                before = len(cloud.stored)
                await until(lambda: len(cloud.stored) >= before + 3, 30)
                assert server.requests > 0
            finally:
                assert await asyncio.to_thread(one.stop) == 0
            assert {(b.epoch, b.seq) for b in one.bodies(public)} == set(cloud.stored)
            assert one.status()["outbox"]["unreceipted"] == 0
            assert one.status()["uplink"]["way"] == "https"
