"""How much the outbox may take, and what is kept back for the worst day.

Used by `edge.outbox.outbox`. Of `max_bytes` one segment is kept for summary batches: a gateway
that is full still says so, signed, and records alarms. A reserve file holds that segment's
space against other programs that fill the disk.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 4 << 20
RESERVE_SLACK_BYTES = 1 << 16  # for directory entries and the cursor
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxLimits:
    """What the outbox may take, and how long receipted batches stay when room is plenty."""

    max_bytes: int = 1 << 30
    keep_ms: int = 30 * DAY_MS
    segment_bytes: int = SEGMENT_BYTES

    def allows(self, size_bytes: int, *, summary: bool) -> bool:
        """Return whether the segments may take `size_bytes`."""
        return size_bytes <= self.max_bytes - (0 if summary else self.segment_bytes)


class Reserve:
    """A file that only takes up space, until a summary batch needs it."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._size_bytes = size_bytes

    def hold(self) -> bool:
        """Take the space if it is free, and return whether it is ours.

        Without it the outbox works all the same. The slack is taken only where it is free: a
        small file written since the reserve was spent would keep it from being held ever again.
        """
        if self._path.exists() and self._path.stat().st_size >= self._size_bytes:
            return True
        return self._take(self._size_bytes + RESERVE_SLACK_BYTES) or self._take(
            self._size_bytes
        )

    def _take(self, size_bytes: int) -> bool:
        with suppress(OSError):
            self.release()
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size_bytes)
            except OSError:
                self.release()
                return False
            finally:
                os.close(descriptor)
            return True
        return False

    def release(self) -> bool:
        """Give the space back; return whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True
