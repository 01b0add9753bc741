"""`cloud.people_pages.audit_proof`: what the log holds is proven, and nothing else."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cloud.errors import UnavailableError
from cloud.people_pages.audit_proof import AuditProofs
from device_registry.store.audit import AuditEntry
from evidence.archive_files import LOG
from evidence.audit_record import decode_audit_record
from evidence.checkpoint import open_note
from evidence.keys import SoftwareKey
from evidence.merkle import leaf_hash, verify_inclusion
from evidence.record import decode_record, leaf_of
from evidence.tile_layout import CHECKPOINT
from tests.support.people_site import PeopleSite
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


def test_a_new_log_without_a_checkpoint_has_no_proof_yet(world: LoggedRegistry) -> None:
    world.settle()
    entry = newest(world)
    (world.cloud.stream.current.folder / LOG / CHECKPOINT).unlink()
    assert proofs(world).find(entry) is None


def test_a_checkpoint_of_another_key_is_trouble_of_ours_and_no_proof(
    world: LoggedRegistry,
) -> None:
    world.settle()
    other = AuditProofs(world.cloud.stream, SoftwareKey.generate().public)
    with pytest.raises(UnavailableError):
        other.find(newest(world))


async def test_the_download_is_enough_to_check_an_entry_elsewhere(
    world: LoggedRegistry,
) -> None:
    world.settle()
    site = PeopleSite(world.store)
    site.find_proof = proofs(world).find
    viewer = await site.signed_in("root", "operator", scope="", firm="t1")
    seq = newest(world).seq
    assert "核验通过" in (await viewer.get(f"/audit?seq={seq}")).text
    given = (await viewer.get(f"/audit?seq={seq}&format=json")).json()
    proof = given["proof"]
    record = decode_record(bytes.fromhex(proof["record"]))
    assert record.data.hex() == given["cbor"]
    entry = decode_audit_record(record.data)
    assert (entry.seq, entry.why) == (seq, "another sign")
    assert json.loads(entry.new or "") == given["entry"]["new"] == {"name_en": "Harmony"}
    tree = open_note(proof["checkpoint"].encode(), {proof["log_origin"]: LOG_KEY.public})
    path = [bytes.fromhex(step) for step in proof["path"]]
    leaf = leaf_hash(leaf_of(record))
    verify_inclusion(leaf, proof["leaf_index"], tree.size, path, tree.root)
    (young,) = world.store.latest(limit=1)
    assert (await viewer.get(f"/audit?seq={young.seq}&format=json")).json()["proof"] is None
