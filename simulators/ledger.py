"""What the simulated devices served, in the order they served it.

Every device writes here. The last entries are kept in memory, all of them in a JSON-lines file
when one is named. A served answer may still get lost on the way: the ledger says what was
*offered*, the gateway's signed totals say what was *read*.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

KEPT_ENTRIES = 10_000


class Ledger:
    """An append-only account of one site; `now_ms` gives the wall clock."""

    def __init__(self, now_ms: Callable[[], int], path: Path | None = None) -> None:
        self._now_ms = now_ms
        self._entries: deque[dict[str, object]] = deque(maxlen=KEPT_ENTRIES)
        self._file: TextIO | None = None if path is None else path.open("a", encoding="utf-8")
        self.counts: dict[str, int] = {}

    def served(self, device: str, what: str, **facts: object) -> None:
        """Note that `device` answered with, published or refused `what`."""
        entry: dict[str, object] = {"at_ms": self._now_ms(), "device": device, "what": what}
        entry.update(facts)
        self._entries.append(entry)
        self.counts[what] = self.counts.get(what, 0) + 1
        if self._file is not None:
            self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(tuple(self._entries))

    def close(self) -> None:
        """Write out what is buffered and close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
