"""Whether a day of readings can come from a probe in the world.

Pure. A signature proves who said it, never that it was measured; so whoever feeds a gateway
made-up values is looked for in the values themselves. Three things no probe does: it never
shows one value for half a day, never makes the same noise twice, and never goes up and down
without any noise at all. Found readings are marked for people to look into; nothing is taken
from them or judged otherwise.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cloud.projections.timeseries.store import Float64s, Int64s, Span

FLAT_MS: Final = 12 * 3_600_000
FLAT_READINGS: Final = 360
REPLAY_READINGS: Final = 360
REPLAY_MOVES: Final = 90
"""A stretch with fewer steps may repeat by chance: a still room has little to say."""
SMOOTH_MOVES: Final = 2_000
SMOOTH_MOVES_A_TURN: Final = 50
LEAST_STEP: Final = 1e-6
_BASE: Final = 0x9E37_79B9_7F4A_7C15  # odd, so that it has an inverse modulo 2^64


class Reason(StrEnum):
    """What was found; the words are in the archive and never change."""

    FLAT = "flat"
    REPLAYED = "replayed"
    SMOOTH = "over-smooth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Implausible:
    """Readings from `from_ms` to `to_ms` that no probe makes; `before_ms`: first seen then."""

    reason: Reason
    from_ms: int
    to_ms: int
    before_ms: int | None = None


def judge(day: Span, before: Span) -> Implausible | None:
    """Return what is implausible about a day of readings, None when nothing is.

    Args:
        day: readings of one point, oldest first.
        before: those of the days before it, for comparison.
    """
    if len(day) < FLAT_READINGS:
        return None
    step = _step(day.value)
    return (
        _flat(day.value, day.ts) or _replayed(day, before, step) or _smooth(day, step)
        if step
        else _flat(day.value, day.ts)
    )


def _step(value: Float64s) -> float:
    """Return the resolution of a probe, 0 when it never moved."""
    moves = np.abs(np.diff(value))
    moves = moves[moves > LEAST_STEP]
    return float(moves.min()) if len(moves) else 0.0


def _flat(value: Float64s, ts: Int64s) -> Implausible | None:
    starts = np.flatnonzero(np.concatenate(([True], np.diff(value) != 0)))
    ends = np.concatenate((starts[1:], [len(value)])) - 1
    lasting = (ts[ends] - ts[starts] >= FLAT_MS) & (ends - starts + 1 >= FLAT_READINGS)
    if not lasting.any():
        return None
    at = int(np.flatnonzero(lasting)[0])
    return Implausible(reason=Reason.FLAT, from_ms=int(ts[starts[at]]), to_ms=int(ts[ends[at]]))


def _smooth(day: Span, step: float) -> Implausible | None:
    moves = np.sign(_moves(day.value, step))
    moves = moves[moves != 0]
    turns = int((moves[1:] != moves[:-1]).sum())
    if len(moves) < SMOOTH_MOVES or turns * SMOOTH_MOVES_A_TURN >= len(moves):
        return None
    return Implausible(reason=Reason.SMOOTH, from_ms=int(day.ts[0]), to_ms=int(day.ts[-1]))


def _replayed(day: Span, before: Span, step: float) -> Implausible | None:
    if len(before) <= REPLAY_READINGS or len(day) <= REPLAY_READINGS:
        return None
    new, old = _moves(day.value, step), _moves(before.value, step)
    steps = np.concatenate(([0], np.cumsum(new != 0)))
    rich = steps[REPLAY_READINGS:] - steps[:-REPLAY_READINGS] >= REPLAY_MOVES
    new_marks, old_marks = _marks(new), _marks(old)
    found = np.flatnonzero(rich & np.isin(new_marks, old_marks))
    for at in found[:8]:
        for then in np.flatnonzero(old_marks == new_marks[at])[:8]:
            stretch = slice(at, at + REPLAY_READINGS)
            if np.array_equal(new[stretch], old[then : then + REPLAY_READINGS]):
                return Implausible(
                    reason=Reason.REPLAYED,
                    from_ms=int(day.ts[at]),
                    to_ms=int(day.ts[at + REPLAY_READINGS]),
                    before_ms=int(before.ts[then]),
                )
    return None


def _moves(value: Float64s, step: float) -> Int64s:
    """Return the steps between readings, in units of the resolution."""
    return np.rint(np.diff(value) / step).astype(np.int64)


def _marks(moves: Int64s) -> NDArray[np.uint64]:
    """Return a 64-bit mark of every stretch of `REPLAY_READINGS` moves."""
    count = len(moves)
    powers = np.cumprod(np.full(count, _BASE, np.uint64))
    inverse = np.cumprod(np.full(count, pow(_BASE, -1, 1 << 64), np.uint64))
    sums = np.cumsum(moves.astype(np.uint64) * powers)
    sums = np.concatenate((np.zeros(1, np.uint64), sums))
    marks: NDArray[np.uint64] = sums[REPLAY_READINGS:] - sums[:-REPLAY_READINGS]
    marks *= inverse[: len(marks)]
    return marks
