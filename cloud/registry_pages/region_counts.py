"""How much of the registry lies in each region, counted by the database and kept a while.

On a registry of 100,000 gateways the counting is most of a page's time; it is done again when
the registry has changed, or a minute later: a scope may cover more after midnight, when an
authority becomes competent without a change.
"""

import threading
from collections.abc import Mapping
from typing import Final

from device_registry.access.scope import Scope
from device_registry.store.store import RegistryStore

COUNTED: Final = ("organisation", "site", "gateway")
KEPT_MS: Final = 60_000
SCOPES_HELD: Final = 200
"""Scopes whose counts are kept at once."""

Counts = Mapping[str, Mapping[str, int]]
"""For each kind, how many there are in each region, by the region's code."""


class RegionCounts:
    """See the module; called from worker threads."""

    def __init__(self, store: RegistryStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._held: dict[tuple[Scope, ...], tuple[int, int, Counts]] = {}

    def of(self, within: tuple[Scope, ...], at_ms: int) -> Counts:
        """Return the counts of what one of these scopes covers."""
        revision = self.store.revision()
        with self._lock:
            known, counted_ms, counts = self._held.get(within, (-1, 0, {}))
        if known == revision and at_ms - counted_ms < KEPT_MS:
            return counts
        counts = {
            kind: self.store.count_by(kind, "region_code", within=within) for kind in COUNTED
        }
        with self._lock:
            if len(self._held) >= SCOPES_HELD:
                self._held.clear()
            self._held[within] = (revision, at_ms, counts)
        return counts
