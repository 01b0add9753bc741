"""Which way to the cloud to try next.

Pure. The first way is the better one (MQTT before HTTPS); another is tried after `TRIES` failed
attempts in a row, and what worked is tried first again. On a second choice that works, the
first is tried after `AGAIN_MS`, at a moment when nothing is in flight.
"""

from dataclasses import dataclass, replace

TRIES = 2
AGAIN_MS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The way in use or tried next, of `ways`; `since_ms` is when it connected."""

    ways: int
    at: int = 0
    failures: int = 0
    since_ms: int | None = None


def after_connect(choice: Choice, at_ms: int) -> Choice:
    """Return the choice after the present way connected."""
    return replace(choice, failures=0, since_ms=at_ms)


def after_loss(choice: Choice) -> Choice:
    """Return the next choice after an attempt failed or a link broke."""
    if choice.since_ms is not None:
        return replace(choice, failures=0, since_ms=None)
    if choice.failures + 1 < TRIES:
        return replace(choice, failures=choice.failures + 1)
    return replace(choice, at=(choice.at + 1) % choice.ways, failures=0)


def first_is_due(choice: Choice, at_ms: int) -> bool:
    """Return whether to leave a second choice that works, to try the first again."""
    return choice.at > 0 and choice.since_ms is not None and at_ms >= choice.since_ms + AGAIN_MS
