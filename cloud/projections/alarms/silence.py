"""Who is expected and does not come: gateways (two of their periods) and the daily backup.

Pure. Silence is a matter of the server's clock, so it is found live only: what was found is
recorded in the archive, and a rebuild takes it from there. That is also why an outage of the
server, during which nobody could be heard, makes no gateway silent: who was last heard before
the server started is given time to come back.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

START_GRACE_MS: Final = 360_000  # gateways back off up to 5 min from a server that was away
ASK_AGAIN_MS: Final = 60_000  # whether a gateway is in use again
NEVER_MS: Final = 1 << 62


class SilenceChange(NamedTuple):
    """Somebody fell silent (at the due time) or was heard again."""

    key: str
    began: bool
    since_ms: int
    """When it was last heard before."""
    at_ms: int


@dataclass(slots=True)
class _Expected:
    heard_ms: int
    limit_ms: int


class SilenceWatch:
    """Expects every key from its first `heard` on."""

    def __init__(self) -> None:
        self._expected: dict[str, _Expected] = {}
        self._silent: set[str] = set()
        self._begun_ms: int | None = None
        self._none_due_ms = -NEVER_MS  # no silence begins before; only saves looking

    def begin(self, now_ms: int) -> None:
        """Begin to find silence, the server having started at `now_ms`; once is enough."""
        if self._begun_ms is None:
            self._begun_ms = now_ms

    def heard(self, key: str, limit_ms: int, at_ms: int) -> SilenceChange | None:
        """Note that `key` was heard and is due again within `limit_ms`."""
        expected = self._expected.get(key)
        if expected is None:
            self._expected[key] = _Expected(at_ms, limit_ms)
            self._none_due_ms = min(self._none_due_ms, at_ms + limit_ms)
            return None
        since_ms, expected.heard_ms = expected.heard_ms, at_ms
        if limit_ms != expected.limit_ms:
            expected.limit_ms = limit_ms
            self._none_due_ms = -NEVER_MS
        if key not in self._silent:
            return None
        self._silent.discard(key)
        self._none_due_ms = min(self._none_due_ms, at_ms + limit_ms)
        return SilenceChange(key, began=False, since_ms=since_ms, at_ms=at_ms)

    def due(
        self, now_ms: int, is_in_use: Callable[[str], bool] = lambda _key: True
    ) -> Iterator[SilenceChange]:
        """Yield who fell silent before `now_ms`; nobody before `begin` was called.

        Who was taken out of use owes nothing.
        """
        if self._begun_ms is None or now_ms <= self._none_due_ms:
            return
        earliest_ms = NEVER_MS
        for key, expected in self._expected.items():
            if key in self._silent:
                continue
            due_ms = expected.heard_ms + expected.limit_ms
            if expected.heard_ms < self._begun_ms:
                due_ms = max(due_ms, self._begun_ms + START_GRACE_MS)
            if now_ms > due_ms and not is_in_use(key):
                earliest_ms = min(earliest_ms, now_ms + ASK_AGAIN_MS)
            elif now_ms > due_ms:
                self._silent.add(key)
                yield SilenceChange(key, began=True, since_ms=expected.heard_ms, at_ms=due_ms)
            else:
                earliest_ms = min(earliest_ms, due_ms)
        self._none_due_ms = earliest_ms

    def released(
        self, now_ms: int, is_in_use: Callable[[str], bool]
    ) -> Iterator[SilenceChange]:
        """Yield whose silence is none any more, because it was taken out of use."""
        for key in [key for key in self._silent if not is_in_use(key)]:
            self._silent.discard(key)
            self._none_due_ms = min(self._none_due_ms, now_ms + ASK_AGAIN_MS)
            since_ms = self._expected[key].heard_ms
            yield SilenceChange(key, began=False, since_ms=since_ms, at_ms=now_ms)

    def mark(self, key: str, limit_ms: int, change: SilenceChange) -> None:
        """Take over a change that was recorded."""
        self._expected.setdefault(key, _Expected(change.since_ms, limit_ms))
        if change.began:
            self._silent.add(key)
        else:
            self._silent.discard(key)

    def last_heard_ms(self, key: str) -> int | None:
        """Return when `key` was last heard."""
        expected = self._expected.get(key)
        return None if expected is None else expected.heard_ms

    def is_silent(self, key: str) -> bool:
        """Return whether `key` is silent now."""
        return key in self._silent

    def snapshot(self) -> dict[str, Any]:
        """Return everything remembered, as values that JSON can carry."""
        return {
            key: [e.heard_ms, e.limit_ms, key in self._silent]
            for key, e in self._expected.items()
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._expected = {
            key: _Expected(heard_ms, limit_ms) for key, (heard_ms, limit_ms, _) in saved.items()
        }
        self._silent = {key for key, (_, _, is_silent) in saved.items() if is_silent}
        self._none_due_ms = -NEVER_MS
