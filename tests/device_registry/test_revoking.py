"""A revocation takes two people and the log; each step may be repeated, none be left out."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry import revoking
from device_registry.errors import InvalidFieldsError, RevocationRefusedError
from device_registry.store.audit import Actor
from tests.support.enrolling import NOW_MS, Device, World, open_world

GATEWAY = "gw-0001"
LI, WANG = Actor(account="li", role="quality_head"), Actor(account="wang", role="technician")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = open_world(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def kid(world: World) -> str:
    """The evidence key of a gateway that is taken on."""
    device = Device(world, GATEWAY, world.claim(GATEWAY))
    device.certify()
    return device.enrol().kid.hex()


def _requested(world: World, kid: str) -> str:
    return revoking.request(world.store, LI, kid, "stolen", NOW_MS + 1)


def _field(world: World, id_: str, field: str) -> object:
    row = world.store.get("revocation", id_)
    assert row is not None
    return row.maybe(field)


def test_two_people_and_a_record_of_the_log_revoke_a_key(world: World, kid: str) -> None:
    id_ = _requested(world, kid)
    revoking.approve(world.store, WANG, id_, NOW_MS + 2)
    assert world.state("key", kid) == "active", "only the log makes it effective"
    revoking.make_effective(world.store, kid, 812, NOW_MS + 3)
    assert world.state("key", kid) == "revoked"
    assert world.state("revocation", id_) == "effective"
    assert _field(world, id_, "effective_index") == 812
    assert (_field(world, id_, "requested_by"), _field(world, id_, "approved_by")) == (
        "li",
        "wang",
    )
    assert world.states("certificate", GATEWAY) == ["revoked"]


def test_who_asked_cannot_approve_whatever_their_role(world: World, kid: str) -> None:
    id_ = _requested(world, kid)
    with pytest.raises(RevocationRefusedError, match="ask another person"):
        revoking.approve(
            world.store, Actor(account="li", role="enterprise_head"), id_, NOW_MS + 2
        )
    assert world.state("revocation", id_) == "requested"


def test_every_step_may_be_repeated(world: World, kid: str) -> None:
    id_ = _requested(world, kid)
    assert _requested(world, kid) == id_
    for _ in range(2):
        revoking.approve(world.store, WANG, id_, NOW_MS + 2)
    assert _requested(world, kid) == id_
    revoking.make_effective(world.store, kid, 812, NOW_MS + 3)
    changes = world.store.revision()
    revoking.make_effective(world.store, kid, 900, NOW_MS + 4)
    assert world.store.revision() == changes
    with pytest.raises(RevocationRefusedError, match="is revoked"):
        _requested(world, kid)


def test_what_is_declined_stays_so_and_can_be_asked_again(world: World, kid: str) -> None:
    id_ = _requested(world, kid)
    revoking.decline(world.store, WANG, id_, "found again", NOW_MS + 2)
    with pytest.raises(RevocationRefusedError, match="is declined"):
        revoking.approve(world.store, WANG, id_, NOW_MS + 3)
    assert _requested(world, kid) != id_


def test_what_is_approved_cannot_be_taken_back(world: World, kid: str) -> None:
    id_ = _requested(world, kid)
    revoking.approve(world.store, WANG, id_, NOW_MS + 2)
    with pytest.raises(RevocationRefusedError, match="can become effective"):
        revoking.decline(world.store, LI, id_, "changed my mind", NOW_MS + 3)


def test_a_key_that_is_not_there_or_no_reason_is_refused(world: World, kid: str) -> None:
    with pytest.raises(RevocationRefusedError, match="no key"):
        _requested(world, "00" * 8)
    with pytest.raises(RevocationRefusedError, match="no revocation"):
        revoking.approve(world.store, WANG, "nothing", NOW_MS)
    with pytest.raises(InvalidFieldsError):
        revoking.request(world.store, LI, kid, " ", NOW_MS)


def test_a_stolen_device_that_was_replaced_takes_nothing_from_the_new_one(
    world: World, kid: str
) -> None:
    replacement = Device(world, GATEWAY, world.claim(GATEWAY))
    replacement.certify()
    new = replacement.enrol().kid.hex()
    id_ = _requested(world, kid)
    revoking.approve(world.store, WANG, id_, NOW_MS + 2)
    revoking.make_effective(world.store, kid, 812, NOW_MS + 3)
    assert (world.state("key", kid), world.state("key", new)) == ("revoked", "active")
    assert world.states("certificate", GATEWAY) == ["revoked", "valid"]


def test_the_log_is_believed_where_the_registry_has_forgotten(world: World, kid: str) -> None:
    revoking.make_effective(world.store, kid, 812, NOW_MS + 3)
    assert world.state("key", kid) == "revoked"
    revoking.make_effective(world.store, "00" * 8, 813, NOW_MS + 3)


def test_the_diagram_shows_the_moves() -> None:
    drawn = set(re.findall(r"^ +(\w+) --> (\w+)", revoking.__doc__ or "", re.MULTILINE))
    assert drawn == {(a, b) for a, after in revoking.MOVES.items() for b in after}
