"""What is kept of configurations: whole or as before, whatever the disk does."""

import errno
from pathlib import Path

import pytest

from evidence.configuration import ConfigurationDocument, Stage, Standing
from evidence.disk import Disk
from evidence.errors import EvidenceError
from gateway_firmware_py.configuring.errors import KeptConfigurationError
from gateway_firmware_py.configuring.store import ConfigurationStore, version_of
from gateway_firmware_py.configuring.trial import Before, OnTrial, Settled, begin, in_force
from tests.support.faulty_disk import FaultyDisk

GATEWAY = "gw-test-01"
BEFORE = Before(polled=True, linked=True)


def document(version: int) -> ConfigurationDocument:
    return ConfigurationDocument(
        version=version, gateway=GATEWAY, sources=f"[seal]\nperiod_s = {version}\n"
    )


ONE, TWO = document(1), document(2)


def test_nothing_kept_is_the_file_s_own_sources(tmp_path: Path) -> None:
    assert ConfigurationStore(tmp_path).load() == Settled()


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    refused = Standing(version=9, sha256=bytes(32), stage=Stage.ROLLED_BACK, reason="why: so")
    for kept in (
        Settled(current=store.put(ONE), refused=refused),
        begin(Settled(current=store.put(ONE)), store.put(TWO), BEFORE),
    ):
        store.put(ONE)
        store.put(TWO)
        store.save(kept)
        assert ConfigurationStore(tmp_path).load() == kept
        version = in_force(kept)
        assert version is not None
        assert store.get(version).version == version.number


def test_documents_that_no_state_names_are_removed(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    one, two = store.put(ONE), store.put(TWO)
    store.save(Settled(current=two))
    with pytest.raises(KeptConfigurationError):
        store.get(one)
    assert store.get(two) == TWO


@pytest.mark.parametrize("damage", [b"", b"\xa0", b"\xff" * 40])
def test_a_damaged_state_is_said_to_be_damaged(tmp_path: Path, damage: bytes) -> None:
    store = ConfigurationStore(tmp_path)
    store.save(Settled(current=store.put(ONE)))
    (tmp_path / "configuration" / "state").write_bytes(damage)
    with pytest.raises(KeptConfigurationError):
        store.load()


def test_a_document_that_is_not_the_one_kept_is_not_used(tmp_path: Path) -> None:
    store = ConfigurationStore(tmp_path)
    one, two = store.put(ONE), store.put(TWO)
    folder = tmp_path / "configuration"
    (folder / f"{one.sha256.hex()}.cbor").write_bytes(
        (folder / f"{two.sha256.hex()}.cbor").read_bytes()
    )
    with pytest.raises(KeptConfigurationError, match="not the document"):
        store.get(one)


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "rename"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_leaves_what_was_there(
    tmp_path: Path, call: str, number: int
) -> None:
    faulty = FaultyDisk()
    store = ConfigurationStore(tmp_path, disk=faulty.disk())
    before = Settled(current=store.put(ONE))
    store.save(before)
    faulty.fail(call, number)
    with pytest.raises(EvidenceError):
        store.put(TWO)
    faulty.heal()
    two = store.put(TWO)
    faulty.fail(call, number)
    with pytest.raises(EvidenceError):
        store.save(begin(before, two, BEFORE))
    assert store.load() == before
    assert store.get(version_of(ONE)) == ONE


class KilledError(Exception):
    """The process ended at this call."""


def killed_at(step: int) -> Disk:
    """Return a disk at whose `step`-th change the process ends."""
    left = [step]

    def after(call: object) -> object:
        def do(*arguments: object) -> object:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return call(*arguments)  # type: ignore[operator]

        return do

    real = Disk()
    names = ("open", "pwrite", "fsync", "rename", "unlink")
    return Disk(**{name: after(getattr(real, name)) for name in names})  # type: ignore[arg-type]


@pytest.mark.parametrize("step", range(12))
def test_killed_between_any_two_steps_one_of_two_states_is_found(
    tmp_path: Path, step: int
) -> None:
    calm = ConfigurationStore(tmp_path)
    before = Settled(current=calm.put(ONE))
    calm.save(before)
    trial = begin(before, version_of(TWO), BEFORE)
    dying = ConfigurationStore(tmp_path, disk=killed_at(step))
    died = False
    try:
        dying.put(TWO)
        dying.save(trial)
    except KilledError:
        died = True
    found = ConfigurationStore(tmp_path).load()
    assert found in (before, trial)
    version = in_force(found)
    assert version is not None
    assert calm.get(version).version == version.number
    if isinstance(found, OnTrial):
        assert calm.get(version_of(ONE)) == ONE, "what it goes back to is still there"
    assert died == (step < 10)
