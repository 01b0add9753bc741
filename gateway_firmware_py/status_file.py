"""The status of a running gateway, in a file that people, scripts and the demo read.

Written at most every `MIN_GAP_MS`, and otherwise only when something happened that a person
would want to see: on a card, every write counts. For the same reason the file is made whole
once and then overwritten where it lies, in one call: a rename would cost the card sixteen
blocks for one. A reader that meets the middle of a write reads again.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

MIN_GAP_MS = 5_000
MAX_GAP_MS = 60_000
BLOCK_BYTES = 4096
READ_ATTEMPTS = 3

Facts = tuple[object, ...]
"""What makes a new status worth writing."""


class StatusFile:
    """One file; belongs to the event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: Facts = ()
        self._written_ms: int | None = None

    def may_be_due(self, now_ms: int) -> bool:
        """Return whether it is worth working out the facts; `now_ms` is monotonic."""
        return self._written_ms is None or now_ms - self._written_ms >= MIN_GAP_MS

    def is_due(self, facts: Facts, now_ms: int) -> bool:
        """Return whether to write now."""
        if self._written_ms is None:
            return True
        age_ms = now_ms - self._written_ms
        return age_ms >= MAX_GAP_MS or (age_ms >= MIN_GAP_MS and facts != self._facts)

    def write(self, status: Mapping[str, object], facts: Facts, now_ms: int) -> None:
        """Replace the file; raises OSError."""
        self._facts, self._written_ms = facts, now_ms
        data = json.dumps(status).encode()  # indented it would take ten times as long
        blocks = -(-len(data) // BLOCK_BYTES)
        data = data.ljust(blocks * BLOCK_BYTES, b"\n")
        if not self._path.exists():
            self._make(data)
            return
        with self._path.open("r+b", buffering=0) as file:
            file.write(data)
            if file.seek(0, os.SEEK_END) > len(data):
                file.truncate(len(data))

    def _make(self, data: bytes) -> None:
        temporary = self._path.with_name(f"{self._path.name}.tmp")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(self._path)


def read_status(path: Path) -> dict[str, object] | None:
    """Return the last status written, or None when there is none that can be read."""
    for _ in range(READ_ATTEMPTS):
        try:
            status = json.loads(path.read_text())
        except OSError:
            return None
        except ValueError:
            continue
        return status if isinstance(status, dict) else None
    return None


def rss_kib() -> int:
    """Return how much memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
