"""The cursor: the last stored value, or the one before it, and never something else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.cursor import (
    FILE_BYTES,
    MAX_BLOB_BYTES,
    CursorFile,
    decode_slot,
    encode_slot,
    read_slots,
)
from evidence.errors import StorageFaultError
from tests.support.faulty_disk import FaultyDisk


@given(st.integers(0, 2**64 - 1), st.binary(max_size=MAX_BLOB_BYTES))
def test_a_slot_comes_back(generation: int, blob: bytes) -> None:
    assert decode_slot(encode_slot(generation, blob)) == (generation, blob)


@given(st.binary(max_size=1100))
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    newest, sound = read_slots(data)
    assert newest is None
    assert not sound or data == bytes(FILE_BYTES)


def test_a_new_cursor_is_empty_and_a_stored_value_is_found_again(tmp_path: Path) -> None:
    path = tmp_path / "cursor"
    with CursorFile.open(path) as cursor:
        assert cursor.load() is None
        for n in range(5):
            cursor.store(b"%d" % n)
    with CursorFile.open(path) as cursor:
        assert cursor.load() == b"4"
        assert not cursor.damaged
    assert path.stat().st_size == FILE_BYTES


def test_a_value_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with CursorFile.open(tmp_path / "cursor") as cursor, pytest.raises(ValueError, match="fit"):
        cursor.store(bytes(MAX_BLOB_BYTES + 1))


@pytest.mark.parametrize("seed", range(30))
def test_a_power_cut_costs_the_newest_value_at_most(tmp_path: Path, seed: int) -> None:
    faults = FaultyDisk(seed=seed)
    cursor = CursorFile.open(tmp_path / "cursor", disk=faults.disk())
    cursor.store(b"old")
    faults.fail("fdatasync")
    with pytest.raises(StorageFaultError):
        cursor.store(b"new")
    cursor.close()
    faults.crash()
    with CursorFile.open(tmp_path / "cursor") as cursor:
        assert cursor.load() in {b"old", b"new"}


def test_after_a_failed_flush_a_new_file_is_made(tmp_path: Path) -> None:
    path, faults = tmp_path / "cursor", FaultyDisk()
    with CursorFile.open(path, disk=faults.disk()) as cursor:
        cursor.store(b"old")
        inode = path.stat().st_ino
        faults.fail("fdatasync")
        with pytest.raises(StorageFaultError):
            cursor.store(b"lost")
        cursor.store(b"new")
        cursor.store(b"newer")
        assert path.stat().st_ino != inode
    with CursorFile.open(path) as cursor:
        assert cursor.load() == b"newer"


@pytest.mark.parametrize("stored", [0, 1, 2, 3])
def test_every_single_damaged_byte_is_noticed(tmp_path: Path, stored: int) -> None:
    path = tmp_path / "cursor"
    with CursorFile.open(path) as cursor:
        for n in range(stored):
            cursor.store(b"value %d" % n)
    data = path.read_bytes()
    assert read_slots(data)[1]
    for at in range(len(data)):
        flipped = bytearray(data)
        flipped[at] ^= 0x40
        newest, sound = read_slots(bytes(flipped))
        assert not sound
        values = {b"value %d" % n for n in range(stored)}
        assert newest is None or newest[1] in values
