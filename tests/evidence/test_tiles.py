"""The log on disk: the same tree after every restart, and no tree over other records."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.checkpoint import Checkpoint, open_note, sign
from evidence.cose import ALG_ED25519
from evidence.errors import CorruptError, LogFullError, RestoredError, StorageFaultError
from evidence.keys import SoftwareKey
from evidence.merkle import Frontier, leaf_hash, verify_consistency, verify_inclusion
from evidence.tile import KEEP_TILES
from evidence.tile_layout import decode_bundle, full_tiles, partial_tiles
from evidence.tiles import LeavesFrom, TileLog
from tests.support.faulty_disk import FaultyDisk

ORIGIN = "example.org/log/2026"
KEY = SoftwareKey(ALG_ED25519, bytes(32))
KEYS = {ORIGIN: KEY.public}


def leaf(index: int) -> bytes:
    return b"leaf %d" % index


def leaves_up_to(count: int, changed: int | None = None) -> LeavesFrom:
    """Return what reads `count` records; the one at `changed` is another."""
    return lambda first: (b"other" if n == changed else leaf(n) for n in range(first, count))


def opened(directory: Path, count: int = 0, **options: object) -> TileLog:
    return TileLog.open(directory, KEYS, leaves_up_to(count), **options)  # type: ignore[arg-type]


def note_of(log: TileLog) -> bytes:
    return sign(Checkpoint(origin=ORIGIN, size=log.size, root=log.root()), KEY, KEY.public)


def grown(directory: Path, count: int, **options: object) -> TileLog:
    log = opened(directory, **options)
    log.append([leaf(n) for n in range(count)])
    log.publish(note_of(log))
    return log


def root_of(count: int) -> bytes:
    frontier = Frontier()
    for n in range(count):
        frontier.append(leaf_hash(leaf(n)))
    return frontier.root()


def files(directory: Path) -> set[str]:
    return {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}


def expected_files(size: int) -> set[str]:
    names = {name.path for name in (*full_tiles(size), *partial_tiles(size))}
    return names | ({"checkpoint"} if size else set())


@pytest.mark.parametrize("count", [1, 255, 256, 257, 600, 70000])
def test_the_files_are_exactly_those_of_the_size(tmp_path: Path, count: int) -> None:
    log = grown(tmp_path, count)
    assert log.root() == root_of(count)
    assert files(tmp_path) == expected_files(count)
    note = (tmp_path / "checkpoint").read_bytes()
    assert open_note(note, KEYS).size == count
    last = max((n for n in files(tmp_path) if "entries" in n), key=len)
    assert decode_bundle((tmp_path / last).read_bytes())[-1].startswith(b"leaf ")


def test_partial_tiles_of_former_checkpoints_are_removed(tmp_path: Path) -> None:
    log = opened(tmp_path)
    for n in range(0, 1100, 37):
        log.append([leaf(n + k) for k in range(37)])
        log.publish(note_of(log))
        assert files(tmp_path) == expected_files(log.size)
    assert log.root() == root_of(log.size)


@settings(max_examples=25, deadline=None)
@given(published=st.integers(1, 1500), more=st.integers(0, 700), data=st.data())
def test_a_log_opens_where_it_was_and_takes_what_came_after(
    published: int, more: int, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("log")
    grown(directory, published)
    compare = data.draw(st.integers(0, 2000))
    log = opened(directory, published + more, compare_leaves=compare)
    assert (log.size, log.published_size) == (published + more, published)
    assert log.root() == root_of(published + more)
    log.publish(note_of(log))
    assert files(directory) == expected_files(published + more)
    index = data.draw(st.integers(0, log.size - 1))
    path = log.inclusion(index, log.size)
    verify_inclusion(leaf_hash(leaf(index)), index, log.size, path, log.root())
    proof = log.consistency(published, log.size)
    verify_consistency(published, log.size, proof, root_of(published), log.root())


@pytest.mark.parametrize("count", [0, 255, 299])
def test_records_that_do_not_reach_the_checkpoint_are_a_restored_archive(
    tmp_path: Path, count: int
) -> None:
    grown(tmp_path, 300)
    with pytest.raises(RestoredError):
        opened(tmp_path, count)


@pytest.mark.parametrize("changed", [0, 255, 256, 299])
def test_another_record_under_the_checkpoint_is_a_restored_archive(
    tmp_path: Path, changed: int
) -> None:
    grown(tmp_path, 300)
    with pytest.raises(RestoredError):
        TileLog.open(tmp_path, KEYS, leaves_up_to(400, changed))


def test_a_changed_checkpoint_or_tile_is_refused(tmp_path: Path) -> None:
    grown(tmp_path, 300)
    for name in ("checkpoint", "tile/0/000"):
        path = tmp_path / name
        before = path.read_bytes()
        path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
        with pytest.raises((CorruptError, RestoredError)):
            opened(tmp_path, 300)
        path.write_bytes(before)
    assert opened(tmp_path, 300).size == 300


def test_an_old_tile_is_checked_against_the_tree_when_it_is_read(tmp_path: Path) -> None:
    count = (KEEP_TILES + 2) * 256
    grown(tmp_path, count)
    path = tmp_path / "tile/0/000"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    log = opened(tmp_path, count, compare_leaves=0)
    with pytest.raises(CorruptError) as caught:
        log.inclusion(5, count)
    assert caught.value.path == path
    log.inclusion(count - 5, count)


def test_proofs_of_old_leaves_hold_after_their_tiles_were_forgotten(tmp_path: Path) -> None:
    count = (KEEP_TILES + 5) * 256 + 3
    log = grown(tmp_path, count)
    root = log.root()
    for index in (0, 255, 256, 65535, 65536, count - 1):
        verify_inclusion(
            leaf_hash(leaf(index)), index, count, log.inclusion(index, count), root
        )


def test_every_leaf_is_proven_in_trees_old_and_new(tmp_path: Path) -> None:
    log = grown(tmp_path, 1030)
    for size in (256, 257, 511, 512, 700, 1030, 512):
        root = root_of(size)
        for index in range(size):
            path = log.inclusion(index, size)
            verify_inclusion(leaf_hash(leaf(index)), index, size, path, root)
    for index in (-1, 1030):
        with pytest.raises(ValueError, match="no leaf"):
            log.inclusion(index, 1030)


def test_a_checkpoint_of_another_tree_is_not_published(tmp_path: Path) -> None:
    log = grown(tmp_path, 10)
    note = note_of(log)
    log.append([leaf(10)])
    with pytest.raises(ValueError, match="not the checkpoint"):
        log.publish(note)
    assert (tmp_path / "checkpoint").read_bytes() == note


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "rename"])
def test_a_fault_while_publishing_leaves_the_former_checkpoint(
    tmp_path: Path, call: str
) -> None:
    faults = FaultyDisk()
    log = grown(tmp_path, 300, disk=faults.disk())
    log.append([leaf(n) for n in range(300, 900)])
    note = note_of(log)
    faults.fail(call)
    with pytest.raises(StorageFaultError):
        log.publish(note)
    published = open_note((tmp_path / "checkpoint").read_bytes(), KEYS)
    assert published.size == 300
    if call == "fdatasync":
        with pytest.raises(StorageFaultError):  # never flushed twice
            log.publish(note)
        log = opened(tmp_path, 900)
    log.publish(note)
    assert opened(tmp_path, 900).published_size == 900
    assert files(tmp_path) == expected_files(900)


def test_a_full_disk_while_appending_loses_no_leaf(tmp_path: Path) -> None:
    faults = FaultyDisk()
    log = opened(tmp_path, disk=faults.disk())
    faults.fail("pwrite", 28)
    with pytest.raises(LogFullError):
        log.append([leaf(n) for n in range(256 * 40)])
    assert log.size == 256 * 40
    log.publish(note_of(log))
    assert files(tmp_path) == expected_files(256 * 40)
    assert log.root() == root_of(256 * 40)


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_at_any_publish_leaves_a_log_that_opens(tmp_path: Path, seed: int) -> None:
    faults = FaultyDisk(seed=seed)
    log = opened(tmp_path, disk=faults.disk())
    log.append([leaf(n) for n in range(400)])
    log.publish(note_of(log))
    log.append([leaf(n) for n in range(400, 1000)])
    if seed % 2:
        faults.fail("rename")
        with pytest.raises(StorageFaultError):
            log.publish(note_of(log))
    faults.crash()
    log = opened(tmp_path, 1000, compare_leaves=1000)
    assert (log.published_size, log.root()) == (400, root_of(1000))
    log.publish(note_of(log))
    assert files(tmp_path) == expected_files(1000)
