"""`config_fanout_1000_s`: a thousand gateways are told to measure something else.

From the first change of the registry to the last gateway's word, followed into the registry
again: made from the rows, signed, sent with the receipt of a batch, acknowledged in a signed
batch, archived, noted. The server's parts are real and in this process; a gateway is its
signatures, and answers as fast as it is heard. The floor is what the signatures alone cost:
the control key's for every configuration, and the check of every gateway's two batches.
"""

import tempfile
import time
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from cloud.configure_command import AT_ONCE
from cloud.configuring.service import Configuring
from cloud.core import wall_ms
from cloud.ingest.delivery import VIA_HTTPS, Delivery
from cloud.opening import open_core, open_registry_store
from device_registry.configuring.publishing import KIND, publish_all
from device_registry.store.store import RegistryStore
from evidence.batch import Event, EventKind
from evidence.configuration import Stage, Standing, document_hash, open_configuration
from evidence.cose import parse1, verify1
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from tests.bench.row import Row
from tests.support.cloud_core import AT_MS, TEST, make_installation, register
from tests.support.routes import RecordingRoute
from tests.support.signing import SigningGateway
from tests.support.wait import until_sync

GATEWAYS = 1000
TIMEOUT_S = 300
LINKS = {"modbus": [{"name": "bus1", "host": "127.0.0.1", "port": 502}]}


def measure() -> list[Row]:
    """Return the figure."""
    gateways = [SigningGateway(f"gw-{n:05}", n + 1) for n in range(GATEWAYS)]
    with tempfile.TemporaryDirectory() as folder:
        took_s = _fan_out(Path(folder), gateways)
    floor_s = _signatures(gateways)
    return [
        Row(
            name="config_fanout_1000_s",
            value=took_s,
            unit="s",
            floor=floor_s,
            ratio=took_s / floor_s,
            note=f"{GATEWAYS} gateways, SQLite; floor: the signatures alone",
        )
    ]


def _fan_out(folder: Path, gateways: list[SigningGateway]) -> float:
    config = make_installation(folder)
    with closing(open_registry_store(config)) as store:
        register(store, *gateways)
        _wire(store, gateways)
    core = open_core(config)
    configuring = Configuring(core)
    configuring.start()
    core.start()
    routes = {gateway.id: RecordingRoute(gateway.id) for gateway in gateways}

    def send(gateway: SigningGateway, *events: Event) -> None:
        gateway.start_ms = wall_ms()
        data = gateway.sign(replace(gateway.body(()), events=events, columns=None))
        core.intake.offer([Delivery(data, VIA_HTTPS, routes[gateway.id])])

    try:
        began_s = time.perf_counter()
        for start in range(0, GATEWAYS, AT_ONCE):
            some = [gateway.id for gateway in gateways[start : start + AT_ONCE]]
            publish_all(core.store, some, TEST, why="fan-out", at_ms=wall_ms())
        core.watch.look()
        for gateway in gateways:
            send(gateway)
        for gateway in gateways:
            send(gateway, _answer(gateway, routes[gateway.id], core.keys.control))
        until_sync(lambda: _applied(core.store) == GATEWAYS, TIMEOUT_S, "every word")
        return time.perf_counter() - began_s
    finally:
        core.intake.stop()
        configuring.stop()
        core.stop()


def _wire(store: RegistryStore, gateways: list[SigningGateway]) -> None:
    sensor = {"model": "XY-MD02", "serial": "1", "profile": "XY-MD02@1", "state": "in_service"}
    link = {"bus": "bus1", "unit": 1}
    with store.change(TEST, "wired", AT_MS) as change:
        change.put_many("gateway", [{"id": g.id, "links": LINKS} for g in gateways])
        change.put_many(
            "sensor",
            [{"id": f"{g.id}-s", "site": g.site, "link": link, **sensor} for g in gateways],
        )
        change.put_many(
            "point",
            [
                {"id": f"{g.id}-p1", "sensor": f"{g.id}-s", "source": "temperature"}
                for g in gateways
            ],
        )


def _answer(gateway: SigningGateway, route: RecordingRoute, control: SoftwareKey) -> Event:
    """Return the word on the configuration that comes, as an honest gateway gives it."""
    found: list[Event] = []

    def has_come() -> bool:
        for message in route.take():
            try:
                document = open_configuration(message, control.public, gateway.id)
            except WireError:
                continue
            standing = Standing(
                version=document.version, sha256=document_hash(document), stage=Stage.APPLIED
            )
            body = {1: "1", 2: bytes(32), 3: 1, 4: 9, 5: "software", 6: {}, **standing.fields}
            found.append(Event(t_off=0, kind=EventKind.STATE, body=body))
        return bool(found)

    until_sync(has_come, TIMEOUT_S, f"the configuration of {gateway.id}")
    return found[0]


def _applied(store: RegistryStore) -> int:
    return store.count(KIND, where={"state": "applied"})


def _signatures(gateways: list[SigningGateway]) -> float:
    control = SoftwareKey(-19, sha256(b"a control key").digest())
    batches = [(g, parse1(data)) for g in gateways for data in list(g.sent.values())[:2]]
    began_s = time.perf_counter()
    for gateway in gateways:
        control.sign(gateway.id.encode() * 40)
    for gateway, envelope in batches:
        verify1(envelope, gateway.key.public)
    return time.perf_counter() - began_s
