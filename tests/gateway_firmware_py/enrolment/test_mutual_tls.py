"""An enrolled gateway on a real Mosquitto, and through a proxy: with nothing but its claim."""

import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_firmware_py.enrolment.renewal import renew_if_due
from tests.support.connect_proxy import connect_proxy
from tests.support.device_board import Board
from tests.support.enrolment_server import OFFER, enrolment_server
from tests.support.fake_enrolment import serving_enrolment
from tests.support.gateway_process import PROGRAM
from tests.support.obeying_broker import obeying_broker
from tests.support.wait import until_sync

GATEWAY = "gw-0001"
QUICK = """\
[uplink]
stop_grace_s = 0.1
backoff_max_s = 0.5
[clock]
vouched = true
[seal]
period_s = 0.3
[outbox]
max_mib = 64
"""
LATER_MS = 61 * 86_400_000


@pytest.mark.engine
def test_a_claim_is_all_it_takes_to_be_let_in_by_the_broker_and_again_after_renewal(
    tmp_path: Path,
) -> None:
    (tmp_path / "cloud").mkdir()
    (tmp_path / "device").mkdir()
    board = Board(tmp_path / "device")
    board.config.write_text(QUICK)
    with (
        enrolment_server(tmp_path / "cloud") as cloud,
        obeying_broker(cloud.world) as mosquitto,
    ):
        made = cloud.world.claim(GATEWAY)
        board.enrol(replace(made, url=cloud.url, pin=cloud.anchors.pin()))
        text = board.config.read_text().replace(
            str(OFFER.mqtt_port), str(mosquitto.broker.port)
        )
        text = text.replace('mode = "auto"', 'mode = "mqtt"').replace(
            OFFER.https_url, cloud.url
        )
        board.config.write_text(text)
        mosquitto.access.look()
        ingest = mosquitto.cloud()
        until_sync(lambda: ingest.subscribe("cw/1/+/up") == "ok")
        gateway = subprocess.Popen(
            [*PROGRAM, "run", "--config", str(board.config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until_sync(lambda: len(ingest.heard) > 1, 30, "batches over mutual TLS")
            assert {topic for topic, _ in ingest.heard} == {f"cw/1/{GATEWAY}/up"}
            now_ms = time.time_ns() // 1_000_000
            assert renew_if_due(board.gateway(now_ms + LATER_MS), board.evidence_key())
            ingest.close()
            mosquitto.broker.stop()
            mosquitto.broker.start()
            again = mosquitto.cloud()
            until_sync(lambda: again.subscribe("cw/1/+/up") == "ok")
            until_sync(lambda: again.heard, 30, "batches under the new certificate")
            again.close()
        finally:
            gateway.terminate()
            assert gateway.wait(30) == 0


def test_a_shop_behind_a_proxy_enrols_through_it_and_goes_on_so(tmp_path: Path) -> None:
    (tmp_path / "device").mkdir()
    board = Board(tmp_path / "device")
    with serving_enrolment(tmp_path) as cloud, connect_proxy() as proxy:
        board.enrol(cloud.claim(), proxy=proxy.url)
        assert set(proxy.asked) == {f"127.0.0.1:{cloud.port}"}
        https = board.settings().uplink.https
        assert https is not None
        assert https.proxy == proxy.url
        asked = len(proxy.asked)
        now_ms = time.time_ns() // 1_000_000
        assert renew_if_due(board.gateway(now_ms + LATER_MS), board.evidence_key())
        assert len(proxy.asked) > asked
