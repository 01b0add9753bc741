"""A configuration goes down at contact until its gateway answers, and the registry follows."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.configuring.offering import FIRST_WAIT_S, Offers
from cloud.configuring.service import Configuring
from cloud.core import Core, wall_ms
from cloud.ingest.delivery import VIA_HTTPS, VIA_MQTT, Delivery
from cloud.opening import open_core, open_registry_store
from device_registry.configuring.publishing import KIND, publish
from device_registry.store.store import RegistryStore
from evidence.batch import Event, EventKind
from evidence.configuration import (
    ConfigurationDocument,
    Stage,
    Standing,
    document_hash,
    open_configuration,
)
from evidence.errors import WireError
from evidence.keys import SoftwareKey
from tests.support.cloud_core import AT_MS, make_installation
from tests.support.measured_site import LEAD, equip, put_point
from tests.support.routes import RecordingRoute
from tests.support.signing import SigningGateway
from tests.support.wait import until_sync

CONTROL = SoftwareKey(-19, b"control-key-of-a-test-cloud-----")


@contextmanager
def server(folder: Path, gateway: SigningGateway) -> Iterator[tuple[Core, Configuring]]:
    """Run the parts of a server that a configuration meets."""
    config = make_installation(folder, gateway)
    with closing(open_registry_store(config)) as store:
        equip(store, gateway)
    with running(folder, gateway, config) as parts:
        yield parts


@contextmanager
def running(
    folder: Path, gateway: SigningGateway, config: object = None
) -> Iterator[tuple[Core, Configuring]]:
    core = open_core(config)  # type: ignore[arg-type]
    configuring = Configuring(core)
    configuring.start()
    core.start()
    try:
        yield core, configuring
    finally:
        core.intake.stop()
        configuring.stop()
        core.stop()


def offer(core: Core, gateway: SigningGateway) -> None:
    """Publish what the registry says, and let the server notice."""
    publish(core.store, gateway.id, LEAD, why="points", at_ms=wall_ms())
    core.watch.look()


def contact(
    core: Core,
    gateway: SigningGateway,
    route: RecordingRoute,
    *events: Event,
    via: str = VIA_HTTPS,
) -> list[ConfigurationDocument]:
    """Send a batch and return the configurations that came back with its receipt."""
    gateway.start_ms = wall_ms()
    body = gateway.body(())
    data = gateway.sign(replace(body, events=events, columns=None))
    settled = route.settled
    core.intake.offer([Delivery(data, via, route)])
    until_sync(lambda: route.settled > settled)
    return documents(core, gateway, route.take())


def documents(
    core: Core, gateway: SigningGateway, messages: list[bytes]
) -> list[ConfigurationDocument]:
    found = []
    for message in messages:
        try:
            found.append(open_configuration(message, core.keys.control.public, gateway.id))
        except WireError:
            continue
    return found


def state(document: ConfigurationDocument, stage: Stage, reason: str = "") -> Event:
    standing = Standing(
        version=document.version, sha256=document_hash(document), stage=stage, reason=reason
    )
    body = {1: "1", 2: bytes(32), 3: 1, 4: 9, 5: "software", 6: {}, **standing.fields}
    return Event(t_off=0, kind=EventKind.STATE, body=body)


def row_state(store: RegistryStore, gateway: SigningGateway, version: int = 1) -> str:
    row = store.get(KIND, f"{gateway.id}:{version}")
    return row.text("state") if row is not None else ""


@pytest.mark.parametrize("via", [VIA_HTTPS, VIA_MQTT])
def test_an_offer_goes_with_the_receipt_and_ends_with_the_answer(
    tmp_path: Path, via: str
) -> None:
    gateway = SigningGateway()
    with server(tmp_path, gateway) as (core, configuring):
        route = RecordingRoute(gateway.id)
        assert contact(core, gateway, route, via=via) == []
        offer(core, gateway)
        (document,) = contact(core, gateway, route, via=via)
        assert document.version == 1
        assert "[[modbus]]" in document.sources
        assert contact(core, gateway, route, via=via) == [], "not twice within its pause"
        contact(core, gateway, route, state(document, Stage.TRIAL), via=via)
        contact(core, gateway, route, state(document, Stage.APPLIED), via=via)
        until_sync(lambda: row_state(core.store, gateway) == "applied")
        core.watch.look()
        until_sync(lambda: not len(configuring.offers))


def test_a_refusal_is_kept_with_its_reason_and_the_next_version_is_offered(
    tmp_path: Path,
) -> None:
    gateway = SigningGateway()
    with server(tmp_path, gateway) as (core, _):
        route = RecordingRoute(gateway.id)
        offer(core, gateway)
        (document,) = contact(core, gateway, route)
        contact(core, gateway, route, state(document, Stage.ROLLED_BACK, "no point answered"))
        until_sync(lambda: row_state(core.store, gateway) == "rolled_back")
        row = core.store.get(KIND, f"{gateway.id}:1")
        assert row is not None
        assert row.text("reason") == "no point answered"
        offer(core, gateway)
        (second,) = contact(core, gateway, route)
        assert second.version == 2


def test_after_a_restart_what_was_not_answered_is_offered_again(tmp_path: Path) -> None:
    gateway = SigningGateway()
    with server(tmp_path, gateway) as (core, _):
        config = core.config
        offer(core, gateway)
        (before,) = contact(core, gateway, RecordingRoute(gateway.id))
    with running(tmp_path, gateway, config) as (core, _):
        (after,) = contact(core, gateway, RecordingRoute(gateway.id))
    assert document_hash(after) == document_hash(before)


class Hands:
    """A clock moved by hand."""

    now_s = 0.0

    def mono_s(self) -> float:
        return self.now_s


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    url = f"sqlite:///{tmp_path}/registry.db"
    with closing(RegistryStore.open(url, now_ms=lambda: AT_MS)) as opened:
        equip(opened, SigningGateway())
        yield opened


def test_an_offer_that_is_not_answered_comes_again_with_growing_pauses(
    store: RegistryStore,
) -> None:
    gateway, hands = SigningGateway(), Hands()
    publish(store, gateway.id, LEAD, why="points", at_ms=AT_MS)
    offers = Offers(store, CONTROL, lambda _: gateway.site, hands.mono_s)
    sent = []
    for second in range(200):
        hands.now_s = float(second)
        if offers.at_contact(gateway.id):
            sent.append(second)
    assert sent == [0, FIRST_WAIT_S, 3 * FIRST_WAIT_S, 7 * FIRST_WAIT_S, 15 * FIRST_WAIT_S]
    assert not offers.at_contact("gw-other-1")


def test_a_newer_version_goes_at_once_and_the_older_never_again(store: RegistryStore) -> None:
    gateway, hands = SigningGateway(), Hands()
    offers = Offers(store, CONTROL, lambda _: gateway.site, hands.mono_s)
    publish(store, gateway.id, LEAD, why="points", at_ms=AT_MS)
    offers.refresh()
    assert offers.at_contact(gateway.id)
    with store.change(LEAD, "a point", AT_MS) as change:
        of = {"quantity": "temperature", "unit": "Cel"}
        put_point(change, gateway, 9, sensor="probe-1", source="temperature", **of)
    publish(store, gateway.id, LEAD, why="points", at_ms=AT_MS)
    offers.refresh()
    (message,) = offers.at_contact(gateway.id)
    assert open_configuration(message, CONTROL.public, gateway.id).version == 2


def test_a_gateway_that_enrols_gets_what_it_is_to_run_by(store: RegistryStore) -> None:
    gateway = SigningGateway()
    offers = Offers(store, CONTROL, lambda _: gateway.site, Hands().mono_s)
    assert offers.first_configuration(gateway.id) == b""
    publish(store, gateway.id, LEAD, why="points", at_ms=AT_MS)
    message = offers.first_configuration(gateway.id)
    assert open_configuration(message, CONTROL.public, gateway.id).version == 1


def test_a_gateway_that_began_anew_without_its_offer_gets_it_at_once(
    store: RegistryStore,
) -> None:
    gateway, hands = SigningGateway(), Hands()
    publish(store, gateway.id, LEAD, why="points", at_ms=AT_MS)
    offers = Offers(store, CONTROL, lambda _: gateway.site, hands.mono_s)
    assert offers.at_contact(gateway.id)
    offers.heard(gateway.id, 1)
    assert not offers.at_contact(gateway.id), "it is trying it"
    offers.heard(gateway.id, None)
    assert offers.at_contact(gateway.id)
