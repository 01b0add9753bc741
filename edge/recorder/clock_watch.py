"""Whether the wall clock still runs with the monotonic clock that a batch began with.

Pure but for `read_clock`, which asks the clock it is given.
"""

from edge.clock import Clock
from edge.sealer.draft import ClockReading

MIN_STEP_MS = 10  # below it, two readings of two clocks differ by chance
MAX_STEP_MS = 1000  # a clock that claims no bound at all still may not jump unseen
READ_ATTEMPTS = 5
QUICK_MS = 2


def read_clock(clock: Clock) -> ClockReading:
    """Return all clocks at one instant, though they are read one after the other."""
    before_ms, wall_ms, after_ms = _pair(clock)
    for _ in range(READ_ATTEMPTS):
        # Descheduled in between, the pair would look like a step of the clock.
        if after_ms - before_ms <= QUICK_MS:
            break
        before_ms, wall_ms, after_ms = _pair(clock)
    sync, err_ms = clock.sync()
    return ClockReading(
        wall_ms=max(wall_ms, 0),
        mono_ms=(before_ms + after_ms) // 2,
        boot=clock.boot,
        sync=sync,
        err_ms=err_ms,
    )


def _pair(clock: Clock) -> tuple[int, int, int]:
    return clock.mono_ms(), clock.wall_ms(), clock.mono_ms()


def step_ms(began: ClockReading, now: ClockReading) -> int:
    """Return by how much the wall clock was set since `began`; 0 within the error bound."""
    drift_ms = (now.wall_ms - now.mono_ms) - (began.wall_ms - began.mono_ms)
    bound_ms = min(max(began.err_ms, now.err_ms, MIN_STEP_MS), MAX_STEP_MS)
    return drift_ms if abs(drift_ms) > bound_ms else 0
