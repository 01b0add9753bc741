"""Log-ins that are under way at a provider, each known by a cookie of its browser.

Kept in memory: a restart ends them, and the person begins again.
"""

import secrets
import threading
from collections import OrderedDict
from typing import Final

from cloud.access.providers import Flow

VALID_MS: Final = 10 * 60_000
MAX_FLOWS: Final = 1000
"""Under way at once; the oldest is forgotten first."""


class Flows:
    """See the module; may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flows: OrderedDict[str, tuple[int, Flow]] = OrderedDict()

    def begin(self, flow: Flow, at_ms: int) -> str:
        """Keep a flow and return the cookie that its browser brings back."""
        cookie = secrets.token_urlsafe(32)
        with self._lock:
            self._flows[cookie] = (at_ms + VALID_MS, flow)
            if len(self._flows) > MAX_FLOWS:
                self._flows.popitem(last=False)
        return cookie

    def end(self, cookie: str, provider: str, at_ms: int) -> Flow | None:
        """Return the flow of a cookie, once, if it is at `provider` and not too old."""
        with self._lock:
            until_ms, flow = self._flows.pop(cookie, (0, None))
        if flow is None or flow.provider != provider or at_ms >= until_ms:
            return None
        return flow
