"""A configuration on its way from the registry to a gateway, while programs are killed.

Real processes: what is published is applied in the end, over MQTT and over HTTPS, by a gateway
and a cloud that were killed in between; not one reading is lost, doubled or missed.
"""

import asyncio
import random
import socket
from contextlib import closing
from pathlib import Path

import pytest

from cloud.config import load_config
from cloud.opening import open_registry_store
from device_registry.configuring.publishing import KIND, publish
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from simulators.installation import GATEWAY, SITE
from simulators.registry_document import Wiring, pharmacy, wired
from tests.support.stack import HOST, PACE, Stack, Wishes, stack

LEAD = Actor(account="lead", role="technician", via="cli")


def configured(store: RegistryStore) -> list[str]:
    """Return the states of the gateway's configurations, the oldest first."""
    rows = store.find(KIND, where={"gateway": GATEWAY})
    return [r.text("state") for r in sorted(rows, key=lambda row: row.number("version"))]


def wire(running: Stack, store: RegistryStore) -> None:
    """Enter the devices that the gateway reads by its file, under the names it has for them."""
    wiring = Wiring(
        host=HOST,
        modbus_port=running.site.modbus_port,
        mqtt=(HOST, 9),
        scanner_port=9,
        listen="",
        period_s=1,
        seal_s=PACE.seal_s,
    )
    document = wired(pharmacy(SITE, GATEWAY, with_mqtt=False), wiring)
    used = {point["sensor"] for point in document["point"]}
    (gateway,) = document["gateway"]
    links = {name: gateway["links"][name] for name in ("modbus", "seal")}
    with store.change(LEAD, "wired", store.now_ms()) as change:
        change.put("gateway", GATEWAY, links=links)
        for sensor in document["sensor"]:
            if sensor["id"] in used:
                device = sensor["id"].removeprefix(f"{SITE}-")
                link = {**sensor["link"], "device": device}
                change.put("sensor", sensor["id"], **{**sensor, "link": link})
        for point in document["point"]:
            change.put("point", point["id"], sensor=point["sensor"], source=point["source"])


def read_every(store: RegistryStore, seconds: int) -> None:
    """Let every sensor be read at another interval, and tell the gateway."""
    with store.change(LEAD, "other intervals", store.now_ms()) as change:
        for sensor in store.find("sensor"):
            change.put("sensor", sensor.id, refresh_s=seconds)
    publish(store, GATEWAY, LEAD, why="other intervals", at_ms=store.now_ms())


def _is_let_go(running: Stack) -> bool:
    """Return whether nobody listens on the cloud's port, or the cloud still does."""
    if running.cloud.alive:
        return True
    try:
        with socket.create_server((HOST, running.installation.cloud_port)):
            return True
    except OSError:  # the kernel takes a moment to let go of a killed program's port
        return False


@pytest.mark.parametrize("wishes", [Wishes(mqtt="tls"), Wishes()], ids=["mqtt", "https"])
async def test_killed_on_the_way_a_configuration_is_applied_and_nothing_is_lost(
    tmp_path: Path, wishes: Wishes
) -> None:
    rng = random.Random(5)
    async with stack(tmp_path, wishes) as running:
        config = load_config(running.installation.folder / "cloud.toml")
        with closing(open_registry_store(config)) as store:
            wire(running, store)
            read_every(store, 1)
            await running.eventually(lambda: configured(store) == ["applied"], "version 1")
            read_every(store, 2)
            for program in (running.gateway, running.cloud, running.gateway):
                await running.pass_s(rng.random())
                await asyncio.to_thread(program.kill)
                await running.eventually(lambda: _is_let_go(running), "the port to be let go")
                program.start()
            await running.cloud_up()
            wanted = ["superseded", "applied"]
            await running.eventually(lambda: configured(store) == wanted, "version 2")
        (await running.audit()).assert_clean()
