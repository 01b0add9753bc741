"""A crash at any statement of any step: asked again, the step ends done, and done once."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from device_registry.enrolment.statements import signed_statement
from evidence.keys import SoftwareKey
from tests.support.enrolling import DAY_MS, NOW_MS, Device, World, open_world


class PowerCut(BaseException):
    """The process ends here; nothing of ours may catch it."""


class Fuse:
    """Cuts the power before the `left`-th statement or commit; never again after that."""

    def __init__(self, world: World, left: int) -> None:
        self.left = left
        self.is_blown = False
        self._listening = (
            (world.store.engine, "before_cursor_execute", self._statement),
            (world.store.engine, "commit", self._commit),
        )
        for one in self._listening:
            event.listen(*one)

    def remove(self) -> None:
        """Take it out."""
        for one in self._listening:
            event.remove(*one)

    def _statement(self, *_: object) -> None:
        self._burn()

    def _commit(self, _: Connection) -> None:
        self._burn()

    def _burn(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.is_blown = True
            raise PowerCut


def run(device: Device, new: SoftwareKey) -> None:
    """Do everything from the beginning, as a device that knows nothing of what was done."""
    device.certify()
    device.enrol()
    device.world.now_ms = NOW_MS + 61 * DAY_MS
    device.renew()
    device.rotate(new)


def test_power_cut_at_any_statement_leaves_one_certificate_and_one_key(tmp_path: Path) -> None:
    world = open_world(tmp_path)
    # What is tested is our order of steps; a disk's flushes take most of the time otherwise.
    event.listen(world.store.engine, "connect", _without_flushes)
    world.store.engine.dispose()
    cuts = 0
    while True:
        gateway = f"gw-{cuts:04}"
        world.now_ms = NOW_MS
        device = Device(world, gateway, world.claim(gateway))
        new = SoftwareKey.generate()
        fuse = Fuse(world, cuts + 1)
        try:
            run(device, new)
        except PowerCut:
            cuts += 1
            check_legal(world, gateway)
            run(device, new)
        fuse.remove()
        assert world.states("certificate", gateway) == ["superseded", "valid"]
        assert world.states("key", gateway) == ["active", "superseded"]
        assert world.state("claim", device.claim.id.hex()) == "used"
        assert signed_statement(world.store, new.kid) == device.rotation(new)
        if not fuse.is_blown:
            break
    assert cuts > 40
    world.store.close()


def _without_flushes(connection: sqlite3.Connection, _: object) -> None:
    connection.execute("PRAGMA synchronous=OFF").close()


def check_legal(world: World, gateway: str) -> None:
    """Fail unless the registry shows a whole number of steps."""
    seen = (
        world.state("gateway", gateway),
        tuple(world.states("certificate", gateway)),
        tuple(world.states("key", gateway)),
    )
    assert seen in {
        ("claimed", (), ()),
        ("claimed", ("valid",), ()),
        ("enrolled", ("valid",), ("active",)),
        ("enrolled", ("superseded", "valid"), ("active",)),
        ("enrolled", ("superseded", "valid"), ("active", "superseded")),
    }, seen


def test_the_fuse_cuts(tmp_path: Path) -> None:
    world = open_world(tmp_path)
    Fuse(world, 1)
    with pytest.raises(PowerCut):
        world.store.get("site", "x")
    world.store.close()
