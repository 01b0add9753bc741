"""The status of a running gateway, in a file that people, scripts and the demo read.

Written whole or not at all, at most every `MIN_GAP_MS`, and otherwise only when something
happened that a person would want to see: on a card, every write counts.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

MIN_GAP_MS = 5_000
MAX_GAP_MS = 60_000

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
        temporary = self._path.with_name(f"{self._path.name}.tmp")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(status, indent=1) + "\n")
        temporary.replace(self._path)


def read_status(path: Path) -> dict[str, object] | None:
    """Return the last status written, or None when there is none that can be read."""
    try:
        status = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return status if isinstance(status, dict) else None


def rss_kib() -> int:
    """Return how much memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024
