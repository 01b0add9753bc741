"""Files are whole or absent, whatever call the disk refuses."""

import errno
from pathlib import Path

import pytest

from evidence.disk import REAL_DISK, Disk, created, storage_error, write_all, write_file
from evidence.errors import LogFullError, StorageFaultError
from tests.support.faulty_disk import FaultyDisk


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "rename"])
@pytest.mark.parametrize(
    ("number", "error"), [(errno.EIO, StorageFaultError), (errno.ENOSPC, LogFullError)]
)
def test_a_refused_call_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, call: str, number: int, error: type[Exception]
) -> None:
    path, faults = tmp_path / "file", FaultyDisk()
    write_file(path, b"old")
    faults.fail(call, number, partial_bytes=1)
    with pytest.raises(error):
        write_file(path, b"new", disk=faults.disk())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_power_cut_leaves_the_old_or_the_new_file(tmp_path: Path) -> None:
    for seed in range(20):
        path, faults = tmp_path / f"file{seed}", FaultyDisk(seed=seed)
        write_file(path, b"old" * 100)
        write_file(path, b"new" * 100, disk=faults.disk())
        faults.crash()
        assert path.read_bytes() == b"new" * 100


def test_temporary_files_lie_where_they_are_told(tmp_path: Path) -> None:
    scratch, folder, seen = tmp_path / "scratch", tmp_path / "folder", []
    scratch.mkdir()
    folder.mkdir()

    def rename(old: Path, new: Path) -> None:
        seen.append((old.parent, new.parent))
        old.rename(new)

    write_file(folder / "file", b"x", disk=Disk(rename=rename), scratch=scratch)
    assert seen == [(scratch, folder)]


def test_a_write_goes_on_after_a_short_one(tmp_path: Path) -> None:
    def pwrite(fd: int, data: bytes | memoryview, offset: int) -> int:
        return REAL_DISK.pwrite(fd, bytes(data)[:3], offset)

    disk = Disk(pwrite=pwrite)
    with created(disk, tmp_path / "file") as fd:
        write_all(disk, fd, b"0123456789", 2)
    assert (tmp_path / "file").read_bytes() == b"\0\x000123456789"


def test_errors_say_which_file_and_what_to_do() -> None:
    full = storage_error(OSError(errno.ENOSPC, "No space left on device"), Path("/d/f"))
    assert isinstance(full, LogFullError)
    assert "/d/f" in str(full)
    assert "free some space" in str(full)
