"""Configurations as rows: what the registry says, offered once, and followed to its end."""

import tomllib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text as sql

from device_registry.configuring.errors import CannotConfigureError
from device_registry.configuring.following import Word, acknowledge
from device_registry.configuring.publishing import (
    KIND,
    document_of,
    first_document,
    publish,
    publish_all,
)
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from evidence.configuration import Stage, Standing, document_hash
from gateway_firmware_py.config.read import load_settings, reconfigured
from tests.support.cloud_core import AT_MS
from tests.support.gateway_process import GatewayProcess
from tests.support.measured_site import LEAD, equip, put_point, put_sensor
from tests.support.signing import SigningGateway

GATEWAY = SigningGateway()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    url = f"sqlite:///{tmp_path}/registry.db"
    with closing(RegistryStore.open(url, now_ms=lambda: AT_MS)) as opened:
        equip(opened, GATEWAY)
        yield opened


def published(store: RegistryStore) -> Row:
    row = publish(store, GATEWAY.id, LEAD, why="new points", at_ms=AT_MS)
    assert row is not None
    return row


def said(row: Row, stage: Stage, reason: str = "") -> Standing:
    sha256 = bytes.fromhex(row.text("sha256"))
    return Standing(version=row.number("version"), sha256=sha256, stage=stage, reason=reason)


def hear(store: RegistryStore, row: Row, stage: Stage, reason: str = "") -> int:
    word = Word(gateway=GATEWAY.id, standing=said(row, stage, reason), is_live=True)
    return acknowledge(store, [word], AT_MS)


def states(store: RegistryStore) -> dict[str, str]:
    return {row.id.partition(":")[2]: row.text("state") for row in store.find(KIND)}


def more(store: RegistryStore, channel: int = 9) -> None:
    with store.change(LEAD, "a point", AT_MS) as change:
        put_point(
            change,
            GATEWAY,
            channel,
            sensor="probe-1",
            source="temperature",
            quantity="temperature",
            unit="Cel",
        )


def test_the_gateway_reads_what_the_registry_says(store: RegistryStore, tmp_path: Path) -> None:
    document = document_of(published(store))
    gateway = GatewayProcess(folder=tmp_path / "gw", uplink='https_url = "http://127.0.0.1:9"')
    settings = reconfigured(load_settings(gateway.config), document)
    (bus,) = settings.buses
    assert (bus.name, bus.device, bus.baud) == ("bus1", "/dev/ttyUSB0", 9600)
    (device,) = bus.devices
    assert (device.unit, device.period_ms, device.serial) == (3, 20_000, "SN-probe-1")
    assert device.profile.ref == "XY-MD02@1"
    assert [(c.number, c.quantity) for c in settings.channels] == [
        (1, "temperature"),
        (2, "humidity"),
        (3, "temperature"),
        (4, "door"),
    ]
    assert settings.mqtt[0].devices[0].points[0].path == "$.temperature"
    assert settings.seal.period_ms == 60_000
    assert {(j.channel, j.pack.name) for j in settings.judged} == {
        (1, "CN_COLD_2_8"),
        (3, "CN_COLD_2_8"),
    }
    assert list(document.profiles) == ["XY-MD02.toml"], "its version is pinned by its text"


def test_what_a_gateway_has_been_told_is_not_told_again(store: RegistryStore) -> None:
    row = published(store)
    assert (row.id, row.text("state")) == (f"{GATEWAY.id}:1", "offered")
    assert row.text("sha256") == document_hash(document_of(row)).hex()
    assert publish(store, GATEWAY.id, LEAD, why="again", at_ms=AT_MS + 1) is None


def test_a_newer_one_supersedes_an_offer_that_was_not_answered(store: RegistryStore) -> None:
    first = published(store)
    more(store)
    published(store)
    assert states(store) == {"1": "superseded", "2": "offered"}
    assert hear(store, first, Stage.APPLIED) == 0, "it answered late; the newer one counts"


def test_an_answer_moves_the_row_once_and_the_one_before_is_superseded(
    store: RegistryStore,
) -> None:
    first = published(store)
    assert hear(store, first, Stage.TRIAL) == 0
    assert hear(store, first, Stage.APPLIED) == 1
    revision = store.revision()
    assert hear(store, first, Stage.APPLIED) == 0
    assert store.revision() == revision
    more(store)
    second = published(store)
    assert states(store) == {"1": "applied", "2": "offered"}
    hear(store, second, Stage.APPLIED)
    assert states(store) == {"1": "superseded", "2": "applied"}


def test_a_rolled_back_one_keeps_its_reason_and_the_same_may_be_offered_anew(
    store: RegistryStore,
) -> None:
    hear(store, published(store), Stage.ROLLED_BACK, "no point gave a value")
    row = store.get(KIND, f"{GATEWAY.id}:1")
    assert row is not None
    assert (row.text("state"), row.text("reason")) == ("rolled_back", "no point gave a value")
    assert first_document(store, GATEWAY.id) is None
    assert published(store).number("version") == 2


def test_a_word_on_another_document_of_that_number_means_nothing(store: RegistryStore) -> None:
    row = published(store)
    standing = Standing(version=1, sha256=bytes(32), stage=Stage.APPLIED)
    words = [
        Word(gateway=GATEWAY.id, standing=standing, is_live=True),
        Word(gateway="gw-other-1", standing=said(row, Stage.APPLIED), is_live=True),
    ]
    assert acknowledge(store, words, AT_MS) == 0
    assert states(store) == {"1": "offered"}


@pytest.mark.parametrize(("is_live", "state"), [(True, "offered"), (False, "applied")])
def test_a_gateway_whose_card_was_put_back_is_offered_the_newest_again(
    store: RegistryStore, *, is_live: bool, state: str
) -> None:
    first = published(store)
    hear(store, first, Stage.APPLIED)
    more(store)
    hear(store, published(store), Stage.APPLIED)
    standing = said(first, Stage.APPLIED)
    acknowledge(store, [Word(gateway=GATEWAY.id, standing=standing, is_live=is_live)], AT_MS)
    assert states(store)["2"] == state


def test_every_point_that_cannot_be_read_is_named_with_the_remedy(store: RegistryStore) -> None:
    with store.change(LEAD, "mistakes", AT_MS) as change:
        put_sensor(change, GATEWAY, "probe-3", profile="No-Such@1", link={"bus": "bus1"})
        put_sensor(change, GATEWAY, "probe-4", profile="XY-MD02@7", link={"bus": "bus1"})
        put_sensor(change, GATEWAY, "probe-5", profile="XY-MD02@1")
        of_temperature = {"quantity": "temperature", "unit": "Cel"}
        for channel, sensor in ((13, "probe-3"), (14, "probe-4"), (15, "probe-5"), (16, "")):
            put_point(
                change,
                GATEWAY,
                channel,
                sensor=sensor or None,
                source="temperature",
                **of_temperature,
            )
        put_point(change, GATEWAY, 17, sensor="probe-1", source="dew", **of_temperature)
        put_point(change, GATEWAY, 18, sensor="probe-1", source="humidity", **of_temperature)
    with store.engine.begin() as database:  # of a version that had this pack
        of_old = "UPDATE point SET rule_packs = '[\"NO\"]' WHERE channel = 18"
        database.execute(sql(of_old))
    with pytest.raises(CannotConfigureError) as refused:
        published(store)
    text = "\n".join(map(str, refused.value.problems))
    for part in (
        "no profile 'No-Such@1'; register it",
        "profile 'XY-MD02@7' is not there",
        "its sensor probe-5 is on no bus",
        f"point {GATEWAY.id}-q16: it has no sensor",
        "has no 'dew'; its source is one of humidity, temperature",
        "gives humidity in",
        "unknown rule pack 'NO'",
    ):
        assert part in text
    assert len(refused.value.problems) == 7
    assert states(store) == {}


def test_a_link_that_is_no_setting_is_refused_by_name(store: RegistryStore) -> None:
    with store.change(LEAD, "nested", AT_MS) as change:
        change.put("gateway", GATEWAY.id, links={"seal": {"period_s": {"a": 1}}})
    with pytest.raises(CannotConfigureError, match="dict has no place"):
        published(store)


def test_a_gateway_that_nobody_registered_is_refused(store: RegistryStore) -> None:
    with pytest.raises(CannotConfigureError, match="no such gateway"):
        publish(store, "gw-nobody", LEAD, why="x", at_ms=AT_MS)


def test_one_that_cannot_be_configured_keeps_no_other_from_it(store: RegistryStore) -> None:
    done = publish_all(store, ["gw-nobody", GATEWAY.id], LEAD, why="all", at_ms=AT_MS)
    assert isinstance(done["gw-nobody"], CannotConfigureError)
    assert isinstance(done[GATEWAY.id], Row)
    assert states(store) == {"1": "offered"}
    assert publish_all(store, [GATEWAY.id], LEAD, why="all", at_ms=AT_MS) == {GATEWAY.id: None}


def test_a_profile_of_the_registry_wins_over_the_one_that_ships(store: RegistryStore) -> None:
    text = document_of(published(store)).profiles["XY-MD02.toml"]
    own = text.replace("version = 1", "version = 2").replace("0x0001", "0x0011")
    with store.change(LEAD, "variant", AT_MS) as change:
        change.put("profile", "XY-MD02@2", document=own)
        change.put("sensor", "probe-1", profile="XY-MD02@2")
    document = document_of(published(store))
    assert document.profiles["XY-MD02.toml"] == own
    assert tomllib.loads(document.sources)["modbus"][0]["device"][0]["profile"] == "XY-MD02"


def test_passwords_are_in_no_audit_entry(store: RegistryStore) -> None:
    with store.change(LEAD, "password", AT_MS) as change:
        links = {"mqtt": [{"name": "z2m", "host": "h", "password": "hunter2"}]}
        change.put("gateway", GATEWAY.id, links=links)
        for sensor in ("probe-1",):
            change.put("sensor", sensor, link={"bus": "z2m", "format": "json", "topic": "x"})
        change.end("point", f"{GATEWAY.id}-q4")
    assert "hunter2" in document_of(published(store)).sources
    assert "hunter2" not in repr(store.audit(limit=1000))
