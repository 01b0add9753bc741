"""The steps on a real registry: once, again after any loss, and never for two devices."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from device_registry.authority import key_file
from device_registry.enrolment.claims import cancel_claim
from device_registry.enrolment.errors import ClaimRefusedError, EnrolmentRefusedError, Reason
from device_registry.enrolment.statements import signed_statement
from device_registry.store.audit import Actor
from evidence.enrolment.request import read_request
from evidence.enrolment.rotation import read_rotation
from evidence.keys import SoftwareKey
from tests.support.enrolling import DAY_MS, TECHNICIAN, Device, World, open_world
from tests.support.postgres import postgres


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


def taken_on(world: World, gateway: str = "gw-0001") -> Device:
    device = Device(world, gateway, world.claim(gateway))
    device.certify()
    device.enrol()
    return device


def test_a_claim_becomes_a_gateway_with_one_certificate_and_one_key(world: World) -> None:
    device = Device(world, "gw-0001", world.claim("gw-0001"))
    assert world.state("gateway", "gw-0001") == "claimed"
    device.certify()
    assert world.state("claim", device.claim.id.hex()) == "bound"
    assert device.enrol().heartbeat_s == 60
    assert world.state("claim", device.claim.id.hex()) == "used"
    assert world.state("gateway", "gw-0001") == "enrolled"
    assert world.states("certificate", "gw-0001") == ["valid"]
    assert world.states("key", "gw-0001") == ["active"]


def test_what_the_key_signed_is_kept_with_it(world: World) -> None:
    device = taken_on(world)
    new = SoftwareKey.generate()
    device.rotate(new)
    request = read_request(signed_statement(world.store, device.key.kid))
    assert request.public == device.key.public
    rotation = read_rotation(signed_statement(world.store, new.kid), device.key.public)
    assert rotation.public == new.public
    assert signed_statement(world.store, b"no-such-") == b""


def test_a_lost_reply_issues_one_certificate_and_takes_one_key(world: World) -> None:
    device = Device(world, "gw-0001", world.claim("gw-0001"))
    assert device.certify() == device.certify()
    assert device.enrol() == device.enrol()
    assert device.certify() == device.certificate
    before = world.store.revision()
    device.certify()
    device.enrol()
    assert world.store.revision() == before
    assert world.states("certificate", "gw-0001") == ["valid"]
    assert world.states("key", "gw-0001") == ["active"]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_of_two_devices_racing_for_one_claim_one_is_taken_on(
    tmp_path: Path, database: str
) -> None:
    world = open_world(tmp_path, postgres().registry() if database == "postgresql" else "")
    claim = world.claim("gw-0001")
    devices = [Device(world, "gw-0001", claim) for _ in range(4)]
    start = threading.Barrier(len(devices))

    def race(device: Device) -> Reason | None:
        start.wait()
        try:
            device.certify()
            device.enrol()
        except EnrolmentRefusedError as error:
            return error.reason
        return None

    with ThreadPoolExecutor(len(devices)) as pool:
        outcomes = list(pool.map(race, devices))
    assert sorted(outcomes, key=str) == [None, *[Reason.OTHER_KEY] * 3]
    assert world.states("certificate", "gw-0001") == ["valid"]
    assert world.states("key", "gw-0001") == ["active"]
    world.store.close()


def test_the_claims_holder_cannot_enrol_an_evidence_key_without_the_bound_tls_key(
    world: World,
) -> None:
    device = Device(world, "gw-0001", world.claim("gw-0001"))
    device.certify()
    thief = Device(world, "gw-0001", device.claim)
    thief.certificate = world.authority.issue("gw-0001", thief.tls.public_key(), world.now_ms)
    with pytest.raises(EnrolmentRefusedError) as raised:
        thief.enrol()
    assert raised.value.reason is Reason.MISMATCH
    device.enrol()


def test_a_newer_claim_ends_the_one_before(world: World) -> None:
    old = Device(world, "gw-0001", world.claim("gw-0001"))
    old.certify()
    new = Device(world, "gw-0001", world.claim("gw-0001"))
    with pytest.raises(EnrolmentRefusedError) as raised:
        old.enrol()
    assert raised.value.reason is Reason.CANCELLED
    new.certify()
    new.enrol()
    assert world.states("certificate", "gw-0001") == ["revoked", "valid"]


def test_a_replaced_device_hands_over_to_the_new_one(world: World) -> None:
    old = taken_on(world)
    new = taken_on(world)
    assert world.state("key", old.key.kid.hex()) == "superseded"
    assert world.state("key", new.key.kid.hex()) == "active"
    assert world.states("certificate", "gw-0001") == ["revoked", "valid"]
    with pytest.raises(EnrolmentRefusedError) as raised:
        old.renew()
    assert raised.value.reason is Reason.MISMATCH


def test_a_cancelled_claim_is_refused(world: World) -> None:
    device = Device(world, "gw-0001", world.claim("gw-0001"))
    cancel_claim(world.store, TECHNICIAN, device.claim.id.hex(), world.now_ms)
    with pytest.raises(EnrolmentRefusedError) as raised:
        device.certify()
    assert raised.value.reason is Reason.CANCELLED
    with pytest.raises(ClaimRefusedError, match="no claim"):
        cancel_claim(world.store, TECHNICIAN, device.claim.id.hex(), world.now_ms)


def test_a_certificate_is_renewed_once_and_the_old_tls_key_does_not_come_back(
    world: World,
) -> None:
    device = taken_on(world)
    assert device.renew() == device.certificate
    world.now_ms += 61 * DAY_MS
    renewed = device.renew()
    assert renewed != device.certificate
    assert device.renew() == renewed
    assert world.states("certificate", "gw-0001") == ["superseded", "valid"]
    old = device.tls
    device.tls = key_file.new_key()
    assert device.renew() == device.renew()
    assert world.states("certificate", "gw-0001") == ["superseded", "superseded", "valid"]
    device.tls = old
    with pytest.raises(EnrolmentRefusedError) as raised:
        device.renew()
    assert raised.value.reason is Reason.OTHER_KEY


def test_a_lost_reply_rotates_once_and_a_second_rotation_of_the_key_is_refused(
    world: World,
) -> None:
    device = taken_on(world)
    new, other = SoftwareKey.generate(), SoftwareKey.generate(-9)
    assert device.rotate(new) == device.rotate(new)
    assert world.states("key", "gw-0001") == ["active", "superseded"]
    with pytest.raises(EnrolmentRefusedError) as raised:
        device.rotate(other)
    assert raised.value.reason is Reason.OTHER_KEY
    device.key = new
    device.rotate(other)
    assert world.state("key", other.kid.hex()) == "active"


def test_a_revoked_key_neither_renews_nor_rotates(world: World) -> None:
    device = taken_on(world)
    with world.store.change(Actor(account="lead"), "stolen", world.now_ms) as change:
        change.put("key", device.key.kid.hex(), state="revoked")
    for step in (device.renew, lambda: device.rotate(SoftwareKey.generate()), device.enrol):
        with pytest.raises(EnrolmentRefusedError) as raised:
            step()
        assert raised.value.reason is Reason.REVOKED


def test_a_key_of_one_gateway_does_not_speak_for_another(world: World) -> None:
    first, second = taken_on(world), taken_on(world, "gw-0002")
    second.key = first.key
    for step in (second.renew, lambda: second.rotate(SoftwareKey.generate())):
        with pytest.raises(EnrolmentRefusedError) as raised:
            step()
        assert raised.value.reason is Reason.UNKNOWN


def test_one_evidence_key_cannot_be_enrolled_for_two_gateways(world: World) -> None:
    first = taken_on(world)
    second = Device(world, "gw-0002", world.claim("gw-0002"), key=first.key)
    second.certify()
    with pytest.raises(EnrolmentRefusedError) as raised:
        second.enrol()
    assert raised.value.reason is Reason.OTHER_KEY


@pytest.mark.parametrize("gateway", ["gw-9999", "gw 1", "GW-0001", "ingest"])
def test_a_claim_needs_a_site_that_is_there_and_an_id_that_can_be(
    world: World, gateway: str
) -> None:
    taken_on(world, "gw-9999")
    with world.store.change(Actor(account="lead"), "gone", world.now_ms) as change:
        change.put("gateway", "gw-9999", state="retired")
    with pytest.raises(ClaimRefusedError, match="choose another id"):
        world.claim(gateway)


def test_every_step_is_in_the_audit_trail_and_the_secret_is_not(world: World) -> None:
    device = taken_on(world)
    entries = world.store.audit(after_seq=0, limit=1000)
    steps = [entry.why for entry in entries if entry.via == "enrolment"]
    assert set(steps) == {"certificate by claim", "evidence key enrolled"}
    assert device.claim.secret_hash.hex() not in str(entries)
