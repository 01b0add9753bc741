"""After a lost log gateways send again what it held: stored again is not stored twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evidence.archive_files import Manifest, Predecessor
from evidence.verifier.archive import verify_archive
from evidence.verifier.report import Report
from tests.support.archives import ORIGIN, ArchiveMaker, trust_of
from tests.support.batches import SignedBatch, chain_of, make_batch, next_batch

SUCCESSOR = "example.org/log/2026-2"
CHAIN = chain_of(8)


def archive(
    folder: Path, before: Sequence[SignedBatch], after: Sequence[SignedBatch]
) -> Report:
    """Return the report on a log with some batches, and on its successor with others."""
    lost = ArchiveMaker(folder / "archive")
    lost.batches(before)
    lost.publish()
    lost.close()
    manifest = Manifest(
        origin=SUCCESSOR,
        created_ms=1,
        first_index=1 + len(before),
        predecessor=Predecessor(origin=ORIGIN, size=lost.tiles.size, root=lost.tiles.root()),
    )
    follower = ArchiveMaker(folder / "archive-2", origin=SUCCESSOR, manifest=manifest)
    for batch in after:
        follower.batch(batch, lo=batch.body.seq)
    follower.publish()
    follower.close()
    trust = trust_of(origins=(ORIGIN, SUCCESSOR))
    return verify_archive(folder / "archive", trust, lambda _: None)


@pytest.mark.parametrize(
    "order", [(0, 1, 2, 3, 4, 5, 6, 7), (7, 6, 2, 3, 4), (2, 0, 6, 7), (4, 5, 3)]
)
def test_what_a_lost_log_held_may_be_stored_again(tmp_path: Path, order: Sequence[int]) -> None:
    report = archive(tmp_path, CHAIN[:6], [CHAIN[n] for n in order])
    assert report.passed, report.in_order()
    assert "fork" not in {noted.finding for noted in report.findings}


def test_stored_again_twice_is_named(tmp_path: Path) -> None:
    report = archive(tmp_path, CHAIN[:6], [*CHAIN[:4], CHAIN[2]])
    assert not report.passed


@pytest.mark.parametrize("seq", [0, 5])
def test_another_batch_for_an_end_of_what_was_held_is_named(tmp_path: Path, seq: int) -> None:
    other = make_batch(seq=seq, prev=CHAIN[seq].body.prev, config=bytes(32))
    assert not archive(tmp_path, CHAIN[:6], [other]).passed


def test_another_batch_among_those_stored_again_is_named(tmp_path: Path) -> None:
    other = next_batch(replace(CHAIN[2]), config=bytes(32))
    assert not archive(tmp_path, CHAIN[:6], [CHAIN[2], other, CHAIN[4]]).passed
