"""How often one caller may do one thing: a bucket of permits that refills evenly.

Kept in memory: a restart forgives, which is worth less to an attacker than a disk write for
every request costs us. Lock-outs of logins are kept in the registry instead.
"""

import threading
from collections import OrderedDict
from typing import Final

MAX_CALLERS: Final = 20_000
"""Buckets held at once; the least recently used is forgotten first."""
MINUTE_MS: Final = 60_000


class Limits:
    """Counts callers; may be called from any thread."""

    def __init__(self, max_callers: int = MAX_CALLERS) -> None:
        self._max_callers = max_callers
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self.refused = 0

    def allows(self, caller: str, per_minute: int, at_ms: int) -> bool:
        """Take one of `per_minute` permits; False when none is left."""
        with self._lock:
            left, then_ms = self._buckets.pop(caller, (float(per_minute), at_ms))
            refill = max(at_ms - then_ms, 0) * per_minute / MINUTE_MS
            left = min(left + refill, float(per_minute))
            is_allowed = left >= 1
            self._buckets[caller] = (left - 1 if is_allowed else left, at_ms)
            if len(self._buckets) > self._max_callers:
                self._buckets.popitem(last=False)
            self.refused += not is_allowed
            return is_allowed
