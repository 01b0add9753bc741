"""A real Mosquitto lets in whom the registry knows, and obeys while it runs."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.enrolment.broker import BrokerAccess
from device_registry.store.audit import Actor
from tests.support.enrolling import Device, World, open_world
from tests.support.obeying_broker import ObeyingBroker, obeying_broker
from tests.support.wait import until_sync

LEAD = Actor(account="lead")
DENIED = "Not authorized"


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[ObeyingBroker]:
    world = open_world(tmp_path, now_ms=time.time_ns() // 1_000_000)
    with obeying_broker(world) as running:
        yield running
    world.store.close()


def enrolled(world: World, gateway: str) -> Device:
    device = Device(world, gateway, world.claim(gateway))
    device.certify()
    device.enrol()
    return device


def revoke(world: World, device: Device) -> None:
    """Revoke as the two-person flow ends: the key's state."""
    with world.store.change(LEAD, "stolen", world.now_ms) as change:
        change.put("key", device.key.kid.hex(), state="revoked")


def test_the_broker_obeys_while_it_runs(mosquitto: ObeyingBroker) -> None:
    world, access = mosquitto.world, mosquitto.access
    access.start()
    good, stolen = enrolled(world, "gw-good"), enrolled(world, "gw-stolen")
    access.poke()
    until_sync(lambda: b"gw-stolen" in mosquitto.config.acl.read_bytes(), what="the ACL")
    kept, thief = mosquitto.gateway(good), mosquitto.gateway(stolen)
    until_sync(lambda: thief.publish("cw/1/gw-stolen/up") == "ok", what="the reload")
    assert kept.publish("cw/1/gw-good/up") == "ok"
    revoke(world, stolen)
    # A minute is promised; a second and what a busy machine adds is what it takes.
    until_sync(lambda: thief.publish("cw/1/gw-stolen/up") == DENIED, 20, "the gate to close")
    assert kept.publish("cw/1/gw-good/up") == "ok"
    assert not mosquitto.gateway(stolen).is_in
    for peer in (kept, thief):
        peer.close()


def test_a_gateway_speaks_on_its_own_topics_only(mosquitto: ObeyingBroker) -> None:
    device, _ = enrolled(mosquitto.world, "gw-0001"), enrolled(mosquitto.world, "gw-0002")
    mosquitto.obey()
    peer, cloud = mosquitto.gateway(device), mosquitto.cloud()
    assert peer.publish("cw/1/gw-0001/up") == "ok"
    for topic in ("cw/1/gw-0002/up", "cw/1/gw-0001/down", "cw/1/gw-0001/up/x", "other"):
        assert peer.publish(topic) == DENIED
    # Mosquitto grants a subscription by its form, and judges every delivery by the ACL.
    peer.subscribe("cw/1/+/up")
    peer.subscribe("cw/1/+/down")
    for topic in ("cw/1/gw-0002/up", "cw/1/gw-0002/down"):
        assert cloud.publish(topic) == "ok"
    assert cloud.publish("cw/1/gw-0001/down", b"for you") == "ok"
    until_sync(lambda: peer.heard, what="the gateway's own message")
    assert peer.heard == [("cw/1/gw-0001/down", b"for you")]
    peer.close()
    cloud.close()


def test_two_revocations_of_one_second_both_count(mosquitto: ObeyingBroker) -> None:
    devices = [enrolled(mosquitto.world, f"gw-{n:04}") for n in range(3)]
    mosquitto.obey()
    for device in devices[:2]:
        revoke(mosquitto.world, device)
        mosquitto.obey()
    peers = [mosquitto.gateway(device) for device in devices]
    assert [peer.is_in for peer in peers] == [False, False, True]
    peers[2].close()


def test_a_device_that_takes_over_shuts_out_the_one_before(mosquitto: ObeyingBroker) -> None:
    old = enrolled(mosquitto.world, "gw-0001")
    new = enrolled(mosquitto.world, "gw-0001")
    mosquitto.obey()
    assert not mosquitto.gateway(old).is_in
    peer = mosquitto.gateway(new)
    assert peer.publish("cw/1/gw-0001/up") == "ok"
    peer.close()


def test_a_broker_that_is_not_ready_is_not_ended_by_the_signal(tmp_path: Path) -> None:
    world = open_world(tmp_path, now_ms=time.time_ns() // 1_000_000)
    with obeying_broker(world) as running:
        for _ in range(5):
            running.broker.stop()
            running.broker.start()  # returns as soon as its port is open: too early to signal
            running.obey()
            enrolled(world, f"gw-{running.broker.port}")
    world.store.close()


def test_a_crash_between_writing_and_telling_is_mended_at_the_next_start(
    mosquitto: ObeyingBroker,
) -> None:
    world, config = mosquitto.world, mosquitto.config
    pid = config.pid_file.read_text()
    config.pid_file.unlink()
    device = enrolled(world, "gw-0001")
    mosquitto.access.look()
    assert "start it with this pid_file" in mosquitto.access.trouble
    config.pid_file.write_text(pid)
    restarted = BrokerAccess(config, world.store, world.authority, lambda: world.now_ms)
    mosquitto.obey(restarted)
    assert restarted.trouble == ""
    peer = mosquitto.gateway(device)
    assert peer.publish("cw/1/gw-0001/up") == "ok"
    peer.close()
    mosquitto.access.look()
    assert mosquitto.access.trouble == ""


def test_another_process_is_never_signalled(mosquitto: ObeyingBroker) -> None:
    mosquitto.config.pid_file.write_text("1")
    enrolled(mosquitto.world, "gw-0001")
    mosquitto.access.look()
    assert "is not mosquitto" in mosquitto.access.trouble
