"""Changes of the registry reach the log once and in order, whatever crashes when."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from cloud.archive.finding import REGISTRY
from cloud.registry_log.place import FILE_NAME
from device_registry import revoking
from evidence.key_record import KeyEvent
from evidence.outcome import Refusal, is_receipt
from evidence.record import RecordKind
from tests.support.registered import (
    LI,
    SETUP,
    WANG,
    LoggedRegistry,
    PowerCutError,
    logged_registry,
)
from tests.support.routes import RecordingRoute
from tests.support.sequencing import control
from tests.support.signing import SigningGateway

CUTS_MAX = 120


@pytest.fixture
def gateways() -> list[SigningGateway]:
    return [SigningGateway(f"gw-{n:04d}", n + 1) for n in range(CUTS_MAX)]


@pytest.fixture
def world(tmp_path: Path, gateways: list[SigningGateway]) -> Iterator[LoggedRegistry]:
    with logged_registry(tmp_path, gateways[:3]) as made:
        yield made


def _rename(world: LoggedRegistry, name: str) -> None:
    with world.store.change(SETUP, "another sign", world.cloud.hands.wall_ms()) as change:
        change.put("site", "chs-001", name_en=name)


def _all_logged_once(world: LoggedRegistry) -> None:
    assert world.audit_seqs() == list(range(1, world.store.revision() + 1))
    noted = [entry.log_index for entry in world.store.audit(limit=10_000)]
    assert noted == [index for index, _ in world.found(RecordKind.AUDIT)]
    report = world.cloud.verify()
    assert report.passed, [c.first for c in report.in_order()]


def test_every_change_is_logged_once_in_order_and_noted(world: LoggedRegistry) -> None:
    world.settle()
    _rename(world, "Harmony")
    world.settle()
    _all_logged_once(world)


def test_a_key_record_comes_before_the_change_that_made_the_key(world: LoggedRegistry) -> None:
    world.settle()
    records = world.key_records()
    assert [r.event for r in records] == [KeyEvent.ENROLLED] * 3
    assert [r.gateway for r in records] == ["gw-0000", "gw-0001", "gw-0002"]
    for index, _ in world.found(RecordKind.KEY):
        assert index + 1 in [place for place, _ in world.found(RecordKind.AUDIT)]
    row = world.store.get("key", records[0].kid.hex())
    assert row is not None
    assert row.number("logged_index") == world.found(RecordKind.KEY)[0][0]


def test_nothing_is_given_before_the_window_before_it_is_on_disk(
    world: LoggedRegistry,
) -> None:
    for _ in range(3):
        world.shipping.step()
    world.cloud.sequencer.step()
    world.settle()
    _all_logged_once(world)


def test_a_restart_reads_from_the_saved_place_and_gives_nothing_twice(
    world: LoggedRegistry,
) -> None:
    world.settle()
    world.shipping.save()
    records = world.cloud.stream.next_index
    for damage in (None, b"", b"{"):
        if damage is not None:
            (world.cloud.folder / FILE_NAME).write_bytes(damage)
        world.restart()
        world.settle()
        assert world.cloud.stream.next_index == records
    _rename(world, "Harmony")
    world.settle()
    _all_logged_once(world)


def test_two_people_revoke_a_key_and_the_log_makes_it_effective(
    world: LoggedRegistry, gateways: list[SigningGateway]
) -> None:
    thief = gateways[0]
    world.settle()
    _revoke(world, thief)
    world.settle()
    revoked = world.key_records()[-1]
    assert (revoked.event, revoked.gateway) == (KeyEvent.REVOKED, thief.id)
    assert (revoked.requested_by, revoked.approved_by) == ("li", "wang")
    row = world.store.get("key", thief.key.kid.hex())
    assert row is not None
    assert row.text("state") == "revoked"
    assert row.number("revoked_index") == world.found(RecordKind.KEY)[-1][0]
    assert _is_shut_out(world, thief)
    _all_logged_once(world)


def test_a_power_cut_at_any_step_of_a_revocation_leaves_a_legal_state_and_ends_done(
    tmp_path: Path, gateways: list[SigningGateway]
) -> None:
    with logged_registry(tmp_path, gateways) as world:
        world.settle()
        for cut, gateway in enumerate(gateways, start=1):
            world.fuse.left = cut
            try:
                _revoke(world, gateway)
                world.settle()
            except PowerCutError:
                world.restart()
            world.fuse.left = 0
            _is_legal(world, gateway)
            _revoke(world, gateway)
            world.settle()
            assert _state(world, gateway) == "revoked"
            assert _is_shut_out(world, gateway)
            if not world.fuse.blown:
                break
            world.fuse.blown = False
        assert 15 < cut < CUTS_MAX
        revoked = [r.kid for r in world.key_records() if r.event is KeyEvent.REVOKED]
        assert len(revoked) == len(set(revoked)) == cut
        _all_logged_once(world)


def test_a_registry_restored_from_an_older_copy_adds_nothing_to_the_log(
    world: LoggedRegistry,
) -> None:
    world.settle()
    file = world.cloud.folder / "registry.db"
    world.store.close()
    older = file.read_bytes()
    world.restart()
    _rename(world, "Harmony")
    world.settle()
    world.store.close()
    for path in world.cloud.folder.glob("registry.db*"):
        path.unlink()
    file.write_bytes(older)
    world.restart()
    _rename(world, "Discord")
    logged = world.audit_seqs()
    world.shipping.step()
    world.cloud.sequencer.step()
    assert "restore the newest copy" in world.shipping.fault
    assert world.audit_seqs() == logged
    assert world.cloud.findings() == [REGISTRY]


def test_a_change_altered_in_the_database_is_not_logged(world: LoggedRegistry) -> None:
    world.settle()
    _rename(world, "Harmony")
    with world.store.engine.begin() as connection:
        connection.execute(text("UPDATE audit SET actor = 'nobody' WHERE actor = 'setup'"))
    world.shipping.step()
    assert "altered" in world.shipping.fault


def test_a_key_record_whose_entry_was_cut_off_is_not_given_twice(
    world: LoggedRegistry, gateways: list[SigningGateway]
) -> None:
    world.settle()
    _revoke(world, gateways[0])
    world.cuts_after_key = True
    with pytest.raises(PowerCutError):
        world.settle()
    world.cuts_after_key = False
    world.restart()
    assert world.key_records()[-1].event is KeyEvent.REVOKED
    assert _state(world, gateways[0]) == "active"
    world.settle()
    assert [r.event for r in world.key_records()].count(KeyEvent.REVOKED) == 1
    assert _state(world, gateways[0]) == "revoked"
    _all_logged_once(world)


def test_an_archive_that_lost_its_end_gets_again_what_was_there(
    world: LoggedRegistry,
) -> None:
    world.settle()
    world.shipping.save()
    changes = world.store.revision()
    world.store.close()
    world.cloud.stream.close()
    world.cloud.archive.rename(world.cloud.folder / "lost")
    world.cloud.open()
    world.open()
    world.settle()
    assert world.audit_seqs()[:changes] == list(range(1, changes + 1))
    _all_logged_once(world)


def _revoke(world: LoggedRegistry, gateway: SigningGateway) -> None:
    """Do everything from the beginning, as people who do not know how far it came."""
    kid, at_ms = gateway.key.kid.hex(), world.cloud.hands.wall_ms()
    if _state(world, gateway) == "revoked":
        return
    id_ = revoking.request(world.store, LI, kid, "stolen", at_ms)
    revoking.approve(world.store, WANG, id_, at_ms)


def _state(world: LoggedRegistry, gateway: SigningGateway) -> str:
    row = world.store.get("key", gateway.key.kid.hex())
    assert row is not None
    return row.text("state")


def _is_shut_out(world: LoggedRegistry, gateway: SigningGateway) -> bool:
    (answer,) = world.cloud.take(gateway.batch(), route=RecordingRoute(gateway.id))
    if is_receipt(answer):
        return False
    refusal = control(answer, gateway)
    return isinstance(refusal, Refusal) and refusal.code == "revoked"


def _is_legal(world: LoggedRegistry, gateway: SigningGateway) -> None:
    """Fail unless the key is either good everywhere, or shut out by a record of the log."""
    logged = [
        r
        for r in world.key_records()
        if r.kid == gateway.key.kid and r.event is KeyEvent.REVOKED
    ]
    assert len(logged) <= 1
    assert _is_shut_out(world, gateway) == bool(logged)
    if not logged:
        assert _state(world, gateway) == "active"
