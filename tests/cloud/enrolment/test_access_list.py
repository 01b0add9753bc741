"""Who may come to the broker, state by state of gateway, key, certificate and revocation."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cloud.enrolment.access_list import acl_text
from cloud.enrolment.broker import BrokerAccess, BrokerConfig
from device_registry.store.audit import Actor
from evidence.keys import SoftwareKey
from tests.support.enrolling import DAY_MS, Device, World, open_world

LEAD = Actor(account="lead")
GATEWAY = "gw-0001"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    opened = open_world(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture
def device(world: World) -> Device:
    one = Device(world, GATEWAY, world.claim(GATEWAY))
    one.certify()
    one.enrol()
    return one


def put(world: World, kind: str, id_: str, values: Mapping[str, object]) -> None:
    with world.store.change(LEAD, "test", world.now_ms) as change:
        change.put(kind, id_, **values)


def judged(world: World) -> tuple[tuple[str, ...], int]:
    """Return who is let in, and how many certificates are on the list of revoked ones."""
    acl, crl, pid_file = (world.folder / name for name in ("acl", "crl", "pid"))
    config = BrokerConfig(acl=acl, crl=crl, pid_file=pid_file)
    access = BrokerAccess(config, world.store, world.authority, lambda: world.now_ms)
    listed = access.access_list(world.now_ms)
    return listed.gateways, len(listed.revoked)


def ask_revocation(world: World, device: Device, state: str) -> None:
    asked = {
        "gateway": GATEWAY,
        "kid": device.key.kid.hex(),
        "reason": "stolen",
        "requested_by": "one",
        "state": state,
    }
    put(world, "revocation", "rev-1", asked)


def test_a_gateway_with_a_certificate_is_let_in_while_it_lasts(
    world: World, device: Device
) -> None:
    assert judged(world) == ((GATEWAY,), 0)
    world.now_ms += 91 * DAY_MS
    assert judged(world) == ((), 0)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("requested", ((GATEWAY,), 0)),
        ("declined", ((GATEWAY,), 0)),
        ("approved", ((), 1)),
        ("effective", ((), 1)),
    ],
)
def test_a_revocation_counts_when_two_people_have_asked(
    world: World, device: Device, state: str, expected: tuple[tuple[str, ...], int]
) -> None:
    ask_revocation(world, device, state)
    assert judged(world) == expected


def test_a_revoked_key_shuts_out_with_every_certificate_of_the_gateway(
    world: World, device: Device
) -> None:
    world.now_ms += 61 * DAY_MS
    device.renew()
    put(world, "key", device.key.kid.hex(), {"state": "revoked"})
    assert judged(world) == ((), 2)


def test_a_revoked_old_key_does_not_shut_out_the_new_one(world: World, device: Device) -> None:
    device.rotate(SoftwareKey.generate())
    put(world, "key", device.key.kid.hex(), {"state": "revoked"})
    assert judged(world) == ((GATEWAY,), 0)


def test_the_next_device_is_let_in_and_the_revoked_one_stays_out(
    world: World, device: Device
) -> None:
    put(world, "key", device.key.kid.hex(), {"state": "revoked"})
    following = Device(world, GATEWAY, world.claim(GATEWAY))
    following.certify()
    assert judged(world) == ((), 2)  # not before its evidence key is known
    following.enrol()
    assert judged(world) == ((GATEWAY,), 1)


def test_a_retired_gateway_is_shut_out(world: World, device: Device) -> None:
    put(world, "gateway", GATEWAY, {"state": "retired"})
    assert judged(world) == ((), 1)


def test_the_acl_names_each_gateways_own_topics() -> None:
    text = acl_text(["gw-0001", "gw-0002"], "ingest")
    assert text.split("\n\n")[1:] == [
        "user gw-0001\ntopic write cw/1/gw-0001/up\ntopic read cw/1/gw-0001/down",
        "user gw-0002\ntopic write cw/1/gw-0002/up\ntopic read cw/1/gw-0002/down\n",
    ]
