"""How long a login is locked after wrong passwords. Pure.

Counted for every login that is tried, existing or not: a lock tells nobody which exist.
"""

from dataclasses import dataclass
from typing import Final

FREE_FAILURES: Final = 5
FIRST_LOCK_MS: Final = 60_000
MAX_LOCK_MS: Final = 3_600_000
FORGET_MS: Final = 86_400_000
"""After a day without a failure the count starts anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """Wrong attempts since the last right one."""

    count: int = 0
    last_ms: int = 0


def locked_until_ms(failures: Failures) -> int:
    """Return when the login may be tried again; 0 when it is not locked.

    The fifth failure locks for a minute, each further one for twice as long, up to an hour.
    """
    beyond = failures.count - FREE_FAILURES
    if beyond < 0:
        return 0
    lock_ms = min(FIRST_LOCK_MS << min(beyond, 16), MAX_LOCK_MS)
    return failures.last_ms + lock_ms


def after_failure(failures: Failures, at_ms: int) -> Failures:
    """Return the count after one more wrong attempt."""
    is_old = at_ms - failures.last_ms > FORGET_MS
    return Failures(count=1 if is_old else failures.count + 1, last_ms=at_ms)
