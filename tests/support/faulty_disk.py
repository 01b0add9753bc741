"""A disk on real files that can refuse, write in part, and lose what was not synced.

`Disk` of the evidence package is the seam. A crash undoes unsynced writes from an arbitrary
byte on, unsynced renames and unsynced removals, as a power cut may.
"""

import errno
import os
import random
import stat
from dataclasses import dataclass, field
from pathlib import Path

from evidence.disk import Disk

SECTOR_BYTES = 512


@dataclass(slots=True)
class _Write:
    fd: int  # our own descriptor of the file
    offset: int
    old: bytes
    new: bytes


@dataclass(slots=True)
class FaultyDisk:
    """Counts flushes; `fail` arms one refusal of one call.

    Bytes `unreadable` of every file cannot be read.
    """

    seed: int = 0
    flushes: int = 0
    written_bytes: int = 0
    unreadable: range = range(0)
    _unsynced: dict[int, list[_Write]] = field(default_factory=dict)
    _renames: list[tuple[Path, Path]] = field(default_factory=list)
    _armed: dict[str, tuple[int, int]] = field(default_factory=dict)

    def disk(self) -> Disk:
        return Disk(
            pread=self._pread,
            pwrite=self._pwrite,
            fdatasync=self._sync,
            fsync=self._sync,
            rename=self._rename,
            unlink=self._unlink,
        )

    def fail(self, call: str, number: int = errno.EIO, partial_bytes: int = 0) -> None:
        """Make the next `call` raise OSError(number), a write after `partial_bytes`."""
        self._armed[call] = (number, partial_bytes)

    def heal(self) -> None:
        self._armed.clear()

    def crash(self) -> None:
        """Lose unsynced changes: a whole suffix at some byte, or single sectors."""
        rng = random.Random(self.seed)
        for writes in self._unsynced.values():
            keep = rng.randint(0, sum(len(w.new) for w in writes))
            torn = rng.random() < 0.5
            for write in reversed(writes):
                _undo(write, rng, None if torn else keep)
        for old, new in reversed(self._renames):
            if rng.random() < 0.5 and new.exists():
                new.rename(old)
        self.forget()

    def forget(self) -> None:
        """Take everything written so far as durable."""
        for writes in self._unsynced.values():
            for write in writes:
                os.close(write.fd)
        self._unsynced.clear()
        self._renames.clear()

    def _refuse(self, call: str) -> None:
        if call in self._armed:
            number, _ = self._armed.pop(call)
            raise OSError(number, os.strerror(number))

    def _pread(self, fd: int, size: int, offset: int) -> bytes:
        if offset < self.unreadable.stop and self.unreadable.start < offset + size:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return os.pread(fd, size, offset)

    def _pwrite(self, fd: int, data: bytes | memoryview, offset: int) -> int:
        if "pwrite" in self._armed:
            partial = self._armed["pwrite"][1]
            if partial:
                self._armed["pwrite"] = (self._armed["pwrite"][0], 0)
                return self._apply(fd, bytes(data[:partial]), offset)
        self._refuse("pwrite")
        return self._apply(fd, bytes(data), offset)

    def _apply(self, fd: int, data: bytes, offset: int) -> int:
        old = os.pread(fd, len(data), offset).ljust(len(data), b"\0")
        undo = _Write(os.dup(fd), offset, old, data)
        self._unsynced.setdefault(os.fstat(fd).st_ino, []).append(undo)
        self.written_bytes += len(data)
        return os.pwrite(fd, data, offset)

    def _sync(self, fd: int) -> None:
        self._refuse("fdatasync")
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            self._renames.clear()
            return
        self.flushes += 1
        for write in self._unsynced.pop(status.st_ino, []):
            os.close(write.fd)

    def _rename(self, old: Path, new: Path) -> None:
        self._refuse("rename")
        existed = new.exists()
        old.rename(new)
        if not existed:
            self._renames.append((old, new))

    def _unlink(self, path: Path) -> None:
        self._refuse("unlink")
        path.unlink()


def _undo(write: _Write, rng: random.Random, keep: int | None) -> None:
    """Put the old bytes back from byte `keep` on, or in every other sector or so."""
    if keep is not None:
        cut = min(keep, len(write.new))
        os.pwrite(write.fd, write.old[cut:], write.offset + cut)
        return
    for at in range(0, len(write.new), SECTOR_BYTES):
        if rng.random() < 0.5:
            os.pwrite(write.fd, write.old[at : at + SECTOR_BYTES], write.offset + at)
