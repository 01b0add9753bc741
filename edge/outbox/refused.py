"""The evidence folder: batches that the cloud refuses for good.

A refused batch is still what this gateway saw and signed. It leaves the send queue and stays
here, one file each, until `MAX_BYTES` push the oldest out; `dropped` counts those.
"""

import re
from pathlib import Path

from evidence.disk import REAL_DISK, Disk, write_file

MAX_BYTES = 16 << 20
_NOT_PLAIN = re.compile(r"[^a-z0-9-]")


class RefusedFolder:
    """Files named `EPOCH-SEQ-CODE.cbor` in `folder`; belongs to the disk thread."""

    def __init__(
        self, folder: Path, *, max_bytes: int = MAX_BYTES, disk: Disk = REAL_DISK
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._max_bytes = max_bytes
        self._disk = disk
        self.dropped = 0

    @property
    def count(self) -> int:
        """Return how many batches lie here."""
        return len(self._files())

    def keep(self, batch: bytes, epoch: bytes, seq: int, code: str) -> None:
        """Store a batch durably.

        Raises:
            EvidenceError: the disk refused, or has no room.
        """
        plain = _NOT_PLAIN.sub("-", code.lower())[:32]
        self._make_room(len(batch))
        path = self._folder / f"{epoch.hex()}-{seq:012d}-{plain}.cbor"
        write_file(path, batch, disk=self._disk)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.cbor"), key=lambda path: path.stat().st_mtime_ns)

    def _make_room(self, size: int) -> None:
        files = self._files()
        used = sum(path.stat().st_size for path in files)
        for path in files:
            if used + size <= self._max_bytes:
                return
            used -= path.stat().st_size
            self._disk.unlink(path)
            self.dropped += 1
