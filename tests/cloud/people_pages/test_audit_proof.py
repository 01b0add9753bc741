"""`cloud.people_pages.audit_proof`: what the log holds is proven, and nothing else."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.people_pages.audit_proof import AuditProofs
from device_registry.store.audit import AuditEntry
from tests.support.registered import SETUP, LoggedRegistry, logged_registry
from tests.support.sequencing import LOG_KEY
from tests.support.signing import SigningGateway


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LoggedRegistry]:
    with logged_registry(tmp_path, [SigningGateway("gw-0001", 1)]) as made:
        with made.store.change(SETUP, "another sign", made.cloud.hands.wall_ms()) as change:
            change.put("site", "chs-001", name_en="Harmony")
        yield made


def newest(world: LoggedRegistry) -> AuditEntry:
    (entry,) = world.store.latest(kind="site", limit=1)
    return entry


def proofs(world: LoggedRegistry) -> AuditProofs:
    return AuditProofs(world.cloud.stream, LOG_KEY.public)


def test_an_entry_in_the_log_is_proven(world: LoggedRegistry) -> None:
    world.settle()
    proof = proofs(world).find(newest(world))
    assert proof is not None
    assert proof.is_ok
    assert proof.leaf_index < proof.tree_size
    assert proof.log_origin in proof.checkpoint


def test_an_entry_on_its_way_has_no_proof_yet(world: LoggedRegistry) -> None:
    assert proofs(world).find(newest(world)) is None


def test_an_entry_that_was_altered_afterwards_is_not_proven(world: LoggedRegistry) -> None:
    world.settle()
    entry = newest(world)
    moved = replace(entry, log_index=(entry.log_index or 0) - 1)
    for altered in (replace(entry, actor="somebody else"), replace(entry, new=None), moved):
        proof = proofs(world).find(altered)
        assert proof is not None
        assert not proof.is_ok
