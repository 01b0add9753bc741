"""Claims that were just made: shown to their maker for a while, held in memory only.

The registry keeps no secret, so that after this, or a restart, only the phone that showed a
claim has it.
"""

import threading
from collections import OrderedDict
from typing import Final

from evidence.enrolment.claim import Claim

KEPT_MS: Final = 15 * 60_000
MOST: Final = 1000
"""Claims held at once; beyond, the oldest is forgotten."""


class FreshClaims:
    """See the module; called from worker threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[str, int, Claim]] = OrderedDict()

    def put(self, claim: Claim, account: str, at_ms: int) -> None:
        """Hold a claim for the account that made it."""
        with self._lock:
            self._held[claim.id.hex()] = (account, at_ms, claim)
            while len(self._held) > MOST:
                self._held.popitem(last=False)

    def get(self, id_: str, account: str, at_ms: int) -> Claim | None:
        """Return a claim to the account that made it, while it is held."""
        with self._lock:
            maker, made_ms, claim = self._held.get(id_, ("", 0, None))
            is_held = claim is not None and at_ms - made_ms < KEPT_MS
            if not is_held:
                self._held.pop(id_, None)
        return claim if is_held and maker == account else None
