"""A disk whose writes can be counted: what really reached the device, its journal included.

As root a small ext4 on a loop device, counted by the kernel; else the process's own count of
what it sent to the storage layer, which knows nothing of a journal.
"""

import ctypes
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

IMAGE_BYTES = 256 << 20
SECTOR_BYTES = 512
SECTORS_WRITTEN, FLUSHES = 6, 15  # fields of /sys/block/*/stat


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedDisk:
    """`written_bytes` and `flushes` grow; `note` says how they are counted."""

    folder: Path
    written_bytes: Callable[[], int]
    flushes: Callable[[], int]
    note: str

    def settle(self) -> None:
        """Let everything that was written reach the device, as time would."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
                raise OSError(ctypes.get_errno(), "syncfs")
        finally:
            os.close(descriptor)


@contextmanager
def counted_disk() -> Iterator[CountedDisk]:
    """Yield an empty folder on a disk that is counted."""
    with tempfile.TemporaryDirectory() as folder:
        mounted = _mount(Path(folder))
        if mounted is None:
            note = "/proc/self/io: no journal counted, run as root for that"
            yield CountedDisk(
                folder=Path(folder), written_bytes=_own_bytes, flushes=lambda: 0, note=note
            )
            return
        try:
            device = _device_of(mounted)
            yield CountedDisk(
                folder=mounted,
                written_bytes=lambda: _field(device, SECTORS_WRITTEN) * SECTOR_BYTES,
                flushes=lambda: _field(device, FLUSHES),
                note="at the device, ext4 with its journal",
            )
        finally:
            subprocess.run(["umount", str(mounted)], check=True)


def _mount(folder: Path) -> Path | None:
    """Return a fresh ext4 mounted below `folder`, None where that is not permitted."""
    if os.geteuid():
        return None
    image, mounted = folder / "image", folder / "mounted"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    mounted.mkdir()
    now = "lazy_itable_init=0,lazy_journal_init=0"  # else the kernel writes by itself later
    for command in (
        ["mkfs.ext4", "-q", "-F", "-b", "4096", "-E", now, str(image)],
        ["mount", "-o", "loop", str(image), str(mounted)],
    ):
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return None
    return mounted


def _device_of(mounted: Path) -> str:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        device, place, *_ = line.split()
        if place == str(mounted):
            return device.rpartition("/")[2]
    raise AssertionError(f"{mounted} is not mounted")


def _field(device: str, number: int) -> int:
    return int(Path(f"/sys/block/{device}/stat").read_text().split()[number])


def _own_bytes() -> int:
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("write_bytes")))
