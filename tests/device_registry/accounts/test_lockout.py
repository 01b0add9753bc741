"""`device_registry.accounts.lockout`: how long a login is locked."""

import pytest

from device_registry.accounts.lockout import (
    FORGET_MS,
    MAX_LOCK_MS,
    Failures,
    after_failure,
    locked_until_ms,
)

NOW_MS = 1_795_363_200_000
MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("count", "minutes"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (11, 60), (10**6, 60)],
)
def test_from_the_fifth_failure_on_the_lock_doubles_up_to_an_hour(
    count: int, minutes: int
) -> None:
    until_ms = locked_until_ms(Failures(count=count, last_ms=NOW_MS))
    assert until_ms == (NOW_MS + minutes * MINUTE_MS if minutes else 0)


def test_failures_add_up_and_are_forgotten_after_a_day() -> None:
    failures = Failures()
    for _ in range(5):
        failures = after_failure(failures, NOW_MS)
    assert locked_until_ms(failures) == NOW_MS + MINUTE_MS
    assert after_failure(failures, NOW_MS + FORGET_MS + 1).count == 1
    assert locked_until_ms(failures) < NOW_MS + MAX_LOCK_MS
