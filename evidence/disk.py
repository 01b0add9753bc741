"""Writing files so that they are whole or absent after a power cut.

The seam for faults: everything that changes a disk goes through the functions of a `Disk`,
so a test can refuse, tear or forget any single one of them.
"""

import errno
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from evidence.errors import EvidenceError, LogFullError, StorageFaultError

TEMPORARY = ".tmp"
_ZEROS_BYTES = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_serial = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The calls of the operating system that change what is on a disk, and one that reads."""

    open: Callable[[Path, int], int] = lambda path, flags: os.open(path, flags, 0o644)
    pread: Callable[[int, int, int], bytes] = os.pread
    pwrite: Callable[[int, bytes | memoryview, int], int] = os.pwrite
    fdatasync: Callable[[int], None] = os.fdatasync
    fsync: Callable[[int], None] = os.fsync
    rename: Callable[[Path, Path], None] = os.rename
    unlink: Callable[[Path], None] = os.unlink


REAL_DISK = Disk()


def storage_error(error: OSError, path: Path) -> EvidenceError:
    """Return the error of this package for `error`: no room, or a fault."""
    if error.errno in _NO_ROOM:
        return LogFullError(f"no room on the disk for {path}: {error}; free some space")
    return StorageFaultError(f"storage fault on {path}: {error}")


def write_all(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    """Write all of `data` at `offset`; raises the OSError of the first write that fails."""
    done = disk.pwrite(fd, data, offset)
    view = memoryview(data)
    while done < len(data):
        done += disk.pwrite(fd, view[done:], offset + done)


def write_zeros(disk: Disk, fd: int, offset: int, end: int) -> None:
    """Overwrite [offset, end) with zeros."""
    zeros = memoryview(bytes(min(_ZEROS_BYTES, max(end - offset, 0))))
    while offset < end:
        offset += disk.pwrite(fd, zeros[: end - offset], offset)


def sync_directory(disk: Disk, directory: Path) -> None:
    """Make renames and removals in `directory` durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        disk.fsync(fd)
    finally:
        os.close(fd)


def install(disk: Disk, temporary: Path, path: Path) -> None:
    """Rename a synced `temporary` to `path`, durably."""
    disk.rename(temporary, path)
    sync_directory(disk, path.parent)


def temporary_path(path: Path, scratch: Path | None) -> Path:
    """Return a fresh name for what will become `path`, in `scratch` or beside it."""
    return (scratch or path.parent) / f"{path.name}.{next(_serial)}{TEMPORARY}"


@contextmanager
def created(disk: Disk, path: Path) -> Iterator[int]:
    """Open an empty file for writing; closed on the way out, never synced here."""
    fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        yield fd
    finally:
        os.close(fd)


def write_file(
    path: Path, data: bytes, *, disk: Disk = REAL_DISK, scratch: Path | None = None
) -> None:
    """Put `data` at `path`, whole and durable, or leave what was there.

    Args:
        path: the file to create or replace; its folder must exist.
        data: all of its bytes.
        disk: the seam for faults.
        scratch: a folder on the same file system for the temporary file, so that a kill
            leaves nothing unknown beside `path`; default: the folder of `path`.

    Raises:
        LogFullError: no room.
        StorageFaultError: any other refusal of the disk.
    """
    temporary = temporary_path(path, scratch)
    try:
        with created(disk, temporary) as fd:
            write_all(disk, fd, data, 0)
            disk.fsync(fd)
        install(disk, temporary, path)
    except OSError as error:
        with suppress(OSError):
            disk.unlink(temporary)
        raise storage_error(error, path) from error
