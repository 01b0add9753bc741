"""What the alarm projection remembers of each measuring point, and its quick first look.

Pure. The judge of a point is `domain.alarms.judge`'s, the same as on the gateway. Beside it lie
arrays with the quiet band of every point, so that the runs of a whole commit group are looked
at in a few comparisons, and only those that could matter are judged value by value.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.store import Int64s
from domain.alarms.judge import PointJudge
from domain.quality import NO_VALUE_FROM
from domain.quantity import Quantity
from domain.rules.model import RulePack

UNKNOWN_EXP: Final = 127  # no point has it, so the first run of a point is always judged
EVENT_DRIVEN: Final = frozenset({Quantity.DOOR, Quantity.MAINS})
"""May be told only when they change: silence of these is not missing data."""

Packs = Callable[[str], RulePack]


class PointStates:
    """Judges and bands of all points, by series number. Used by one thread."""

    def __init__(self, series: SeriesIndex, packs: Packs) -> None:
        self._series = series
        self._packs_by_name = packs
        self._packs: list[RulePack | None] = []
        self.judges: list[PointJudge | None] = []
        self._low: Int64s = np.empty(0, dtype=np.int64)
        self._high = self._exp = self._gap_ms = self._low
        self._unsettled: set[int] = set()
        self.changed: set[int] = set()
        """Points whose state must be saved; whoever saves empties it."""

    def pack(self, number: int) -> RulePack | None:
        """Return the rules that a point is under, if any."""
        return self._packs[number]

    def calm_runs(self, runs: Runs) -> list[bool]:
        """Return for each run whether a call of its judge's `quiet` may take all of it.

        Holds for the states before the group; `is_calm` says what has changed meanwhile.
        """
        self._grow()
        self._unsettled.clear()
        x = runs.x
        if not len(x):
            return []
        known = np.maximum(x.run_series, 0)
        steps = np.diff(x.off, prepend=0)
        steps[x.run_start] = 1
        calm: NDArray[np.bool_] = (
            (x.run_series >= 0)
            & (x.run_exp == self._exp[known])
            & (np.minimum.reduceat(x.v, x.run_start) >= self._low[known])
            & (np.maximum.reduceat(x.v, x.run_start) <= self._high[known])
            & (np.maximum.reduceat(x.q, x.run_start) < NO_VALUE_FROM)
            & (np.minimum.reduceat(steps, x.run_start) > 0)
            & (np.maximum.reduceat(steps, x.run_start) <= self._gap_ms[known])
        )
        found: list[bool] = calm.tolist()
        return found

    def ruled(self, numbers: Int64s) -> Int64s:
        """Return `numbers` with -1 for points that no rules judge."""
        known = np.maximum(numbers, 0)
        if not len(self._packs):
            return numbers
        return np.where(self._gap_ms[known] > 0, numbers, -1)

    def is_settled(self, number: int) -> bool:
        """Return whether a point is as it was when `calm_runs` looked."""
        return number not in self._unsettled

    def judge(self, number: int, exp: int) -> PointJudge:
        """Return the judge of a point that is under rules, for values of this exponent."""
        pack = self._packs[number]
        if pack is None:
            raise LookupError(f"point {self._series.points[number].id} has no rule pack")
        judge = self.judges[number]
        if judge is not None and self._exp[number] == exp:
            return judge
        point = self._series.points[number]
        new = PointJudge(point.id, pack, point.quantity, exp)
        if judge is not None:  # the resolution changed: states hold no values and carry over
            new.restore(judge.snapshot())
        self.judges[number] = new
        self._exp[number] = exp
        return new

    def settle(self, number: int, *, look_closely: bool) -> None:
        """Note that a point's state may have changed; `look_closely` at every run of it."""
        judge = self.judges[number]
        band = None if judge is None or look_closely else judge.quiet_band()
        self._low[number], self._high[number] = band if band is not None else (1, 0)
        self._unsettled.add(number)
        self.changed.add(number)

    def has_gaps(self, number: int) -> bool:
        """Return whether a point that falls silent is missing."""
        pack = self._packs[number]
        return pack is not None and self._series.points[number].quantity not in EVENT_DRIVEN

    def gap_ms(self, number: int) -> int:
        """Return for how long a point may have no value."""
        return int(self._gap_ms[number])

    def rewind(self, number: int, before_ms: int) -> None:
        """Forget that time ever was at or after `before_ms`: the clock was set back."""
        judge = self.judges[number]
        if judge is not None and judge.last_ms >= before_ms:
            judge.restore(rewound(judge.snapshot(), before_ms))
            self.settle(number, look_closely=False)

    def number_of(self, gateway: str, channel: int) -> int:
        """Return a point's number, with room for its state."""
        number = self._series.number(gateway, channel)
        self._grow()
        return number

    def restore(self, number: int, exp: int, saved: Mapping[str, Any], last_ms: int) -> None:
        """Take over a saved judge; `last_ms` is newer than what `saved` says."""
        if self._packs[number] is not None:
            self.judge(number, exp).restore({**saved, "last_ms": last_ms})
            self.settle(number, look_closely=False)

    def exp(self, number: int) -> int:
        """Return the exponent that a point's judge is for."""
        return int(self._exp[number])

    def _grow(self) -> None:
        points = self._series.points[len(self._packs) :]
        if not points:
            return
        packs = [self._packs_by_name(p.rule_pack) if p.rule_pack else None for p in points]
        self._packs += packs
        self.judges += [None] * len(packs)
        fresh = len(packs)
        self._low = np.append(self._low, np.ones(fresh, dtype=np.int64))
        self._high = np.append(self._high, np.zeros(fresh, dtype=np.int64))
        self._exp = np.append(self._exp, np.full(fresh, UNKNOWN_EXP, dtype=np.int64))
        gaps = [0 if pack is None else pack.gap_ms for pack in packs]
        self._gap_ms = np.append(self._gap_ms, np.array(gaps, dtype=np.int64))


def rewound(saved: Mapping[str, Any], before_ms: int) -> dict[str, Any]:
    """Return a judge's snapshot as if nothing had been read at or after `before_ms`.

    Alarms stand as they do; only the times with which new readings are compared move.
    """
    last_ms = before_ms - 1
    limits = {
        key: [
            state,
            min(limit_ms, last_ms),
            since_ms,
            None if pending_ms is None else min(pending_ms, last_ms),
            count,
        ]
        for key, (state, limit_ms, since_ms, pending_ms, count) in saved["limits"].items()
    }
    late = saved["late"]
    holes = [hole for hole in late["holes"] if hole[1] < before_ms]
    return {
        **saved,
        "last_ms": min(saved["last_ms"], last_ms),
        "limits": limits,
        "late": {**late, "holes": holes},
    }
