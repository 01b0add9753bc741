"""What the alarm projection remembers of each measuring point.

Pure. Most points of a fleet sit quietly inside their limits: of such a point nothing is kept
but since when and until when, in arrays, and it has no judge (*asleep*). Anything else wakes
it: then `domain.alarms.judge` decides for it from there on, as on the gateway. What a woken
judge remembers is what it would have remembered had it seen every reading.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import NEVER_MS
from cloud.projections.timeseries.store import Int64s
from device_registry.records import PointRecord
from domain.alarms.judge import PointJudge
from domain.alarms.limits import Transition
from domain.quantity import Quantity
from domain.rules.combine import combined
from domain.rules.model import RulePack

UNKNOWN_EXP: Final = 127  # no point has it
FOREVER_MS: Final = 1 << 62
EVENT_DRIVEN: Final = frozenset({Quantity.DOOR, Quantity.MAINS})
"""May be told only when they change: silence of these is not missing data."""

Packs = Callable[[str], RulePack]


class PointStates:
    """The points by series number. Used by one thread."""

    def __init__(self, series: SeriesIndex, packs: Packs) -> None:
        self._series = series
        self._packs_by_name = packs
        self._packs: list[RulePack | None] = []
        self._bands: dict[tuple[str, Quantity, int], tuple[int, int]] = {}
        self.judges: list[PointJudge | None] = []
        """The judges of points that are awake."""
        none = np.empty(0, dtype=np.int64)
        self.exp = self.first_ms = self.last_ms = none
        self.low = self.high = none
        """The quiet band of a point that is asleep; empty (low > high) for any other."""
        self.gap_ms = none
        """Values further apart than this are no run; 0 when no rules judge the point."""
        self.patience_ms = none
        """A point without a value for longer is missing; never, for one that need not speak."""
        self.expected_ms = none
        """Since when a point that was out of use is in use again; `NEVER_MS` for others."""
        self.gateway = none
        """A number that `stretches` gives; -1 for none."""
        self.is_missing = np.empty(0, dtype=np.bool_)
        self.changed: set[int] = set()
        """Points that are awake and must be saved; whoever saves empties it."""

    def __len__(self) -> int:
        return len(self._packs)

    def grow(self) -> None:
        """Make room for every series that has a number by now."""
        points = self._series.points[len(self._packs) :]
        if not points:
            return
        packs = [self._rules_of(point) for point in points]
        self._packs += packs
        self.judges += [None] * len(packs)
        gaps = [0 if pack is None else pack.gap_ms for pack in packs]
        waits = [_patience_ms(*pair) for pair in zip(points, gaps, strict=True)]
        more = len(packs)
        self.gap_ms = np.append(self.gap_ms, np.array(gaps, dtype=np.int64))
        self.patience_ms = np.append(self.patience_ms, np.array(waits, dtype=np.int64))
        self.expected_ms = longer(self.expected_ms, more, NEVER_MS)
        self.gateway = longer(self.gateway, more, -1)
        self.exp = longer(self.exp, more, UNKNOWN_EXP)
        self.first_ms = longer(self.first_ms, more, NEVER_MS)
        self.last_ms = longer(self.last_ms, more, NEVER_MS)
        self.low = longer(self.low, more, 1)
        self.high = longer(self.high, more, 0)
        self.is_missing = np.append(self.is_missing, np.zeros(more, dtype=np.bool_))

    def number_of(self, gateway: str, channel: int) -> int:
        """Return a point's number, with room for its state."""
        number = self._series.number(gateway, channel)
        self.grow()
        return number

    def numbers_of_points(self, points: Sequence[str]) -> list[int]:
        """Return the numbers of points by their ids, -1 for those that nobody knows."""
        numbers = self._series.numbers_of_points(points)
        self.grow()
        return numbers

    def expect_anew(self, number: int, point: PointRecord, from_ms: int) -> bool:
        """Go by what the registry says now of whether a point is in use; return if that is new.

        One that is put to use again owes values from `from_ms` on.
        """
        before_ms = int(self.patience_ms[number])
        now_ms = _patience_ms(point, int(self.gap_ms[number]))
        if now_ms == before_ms:
            return False
        self.patience_ms[number] = now_ms
        if before_ms == FOREVER_MS:
            self.expected_ms[number] = from_ms
        return True

    def rule_anew(self, number: int, point: PointRecord) -> Sequence[Transition]:
        """Go by the rules that the registry says now; return the alarms that end with the old.

        What the old ones did not ask is asked from the next reading on.
        """
        rules, before = self._rules_of(point), self._packs[number]
        if (rules and rules.name) == (before and before.name):
            return ()
        judge = self.judges[number]
        self._packs[number], self.judges[number] = rules, None
        self.gap_ms[number] = rules.gap_ms if rules else 0
        if judge is None:
            self.low[number], self.high[number] = 1, 0
            self.resume(number)
            return ()
        if rules is None:
            return judge.end(max(judge.last_ms, 0))
        self.judges[number], ended = judge.under(rules)
        self.changed.add(number)
        return ended

    def point(self, number: int) -> PointRecord:
        """Return what the registry says of a point."""
        return self._series.points[number]

    def owes_values(self, number: int) -> bool:
        """Return whether a point can be missing, by its rules and by whether it is in use."""
        point = self._series.points[number]
        return _patience_ms(point, int(self.gap_ms[number])) < FOREVER_MS

    def is_ruled(self, number: int) -> bool:
        """Return whether rules judge a point."""
        return self._packs[number] is not None

    def take_whole(
        self, number: int, exp: int, times: tuple[int, int], extent: tuple[int, int]
    ) -> bool:
        """Take a run without a gap in it, if nothing can come of it; else do nothing.

        `times` are those of its first and last reading, `extent` its lowest and highest value.
        """
        judge = self.judges[number]
        first_ms, last_ms = times
        if judge is not None:
            band = judge.quiet_band() if self.exp[number] == exp else None
            if not _is_inside(extent, band) or not judge.quiet(first_ms, last_ms):
                return False
            self.stepped(number)
            return True
        if not _is_inside(extent, self.band(number, exp)):
            return False
        before_ms = int(self.last_ms[number])
        if before_ms == NEVER_MS:
            self.exp[number], self.first_ms[number] = exp, first_ms
            self.low[number], self.high[number] = self.band(number, exp)
        elif self.exp[number] != exp or not 0 < first_ms - before_ms <= self.gap_ms[number]:
            return False
        self.last_ms[number] = last_ms
        return True

    def band(self, number: int, exp: int) -> tuple[int, int]:
        """Return the quiet band of a point with which nothing ever was wrong."""
        pack, quantity = self._pack(number), self.point(number).quantity
        key = (pack.name, quantity, exp)
        band = self._bands.get(key)
        if band is None:
            band = PointJudge("", pack, quantity, exp).quiet_band() or (1, 0)
            self._bands[key] = band
        return band

    def judge(self, number: int, exp: int) -> PointJudge:
        """Return the judge of a point for values of this exponent, waking it."""
        judge = self.judges[number]
        if judge is not None and self.exp[number] == exp:
            return judge
        point = self.point(number)
        new = PointJudge(point.id, self._pack(number), point.quantity, exp)
        if judge is not None:  # the resolution changed; states hold no values and carry over
            new.restore(judge.snapshot())
        elif self.last_ms[number] != NEVER_MS:
            first_ms, last_ms = int(self.first_ms[number]), int(self.last_ms[number])
            new.step(first_ms, self.band(number, exp)[0])
            if last_ms > first_ms:
                new.quiet(first_ms + 1, last_ms)
        self.judges[number] = new
        self.exp[number] = exp
        self.low[number], self.high[number] = 1, 0
        return new

    def stepped(self, number: int) -> None:
        """Note that the judge of a point has seen a reading."""
        judge = self.judges[number]
        if judge is not None:
            self.last_ms[number] = judge.last_ms
            self.changed.add(number)

    def rewind(self, number: int, before_ms: int) -> None:
        """Forget that time ever was at or after `before_ms`: the clock was set back."""
        if self.last_ms[number] >= before_ms:
            judge = self.judge(number, int(self.exp[number]))
            judge.restore(rewound(judge.snapshot(), before_ms))
            self.stepped(number)

    def resume(self, number: int) -> None:
        """Take over a point that was asleep, what is kept of it being in the arrays."""
        if self.is_ruled(number) and self.last_ms[number] != NEVER_MS:
            self.low[number], self.high[number] = self.band(number, int(self.exp[number]))

    def restore(self, number: int, saved: Mapping[str, Any]) -> None:
        """Take over a saved judge, whose exponent and last time are in the arrays."""
        if self.is_ruled(number):
            last_ms = int(self.last_ms[number])
            self.last_ms[number] = NEVER_MS
            judge = self.judge(number, int(self.exp[number]))
            judge.restore({**saved, "last_ms": last_ms})
            self.last_ms[number] = last_ms

    def _rules_of(self, point: PointRecord) -> RulePack | None:
        """Return what judges a point: nothing does once it is retired."""
        if point.state == "retired":
            return None
        packs = [self._packs_by_name(name) for name in point.rule_packs]
        return combined(packs) if packs else None

    def _pack(self, number: int) -> RulePack:
        pack = self._packs[number]
        if pack is None:
            raise LookupError(f"point {self.point(number).id} has no rule pack")
        return pack


def _is_inside(extent: tuple[int, int], band: tuple[int, int] | None) -> bool:
    return band is not None and band[0] <= extent[0] and extent[1] <= band[1]


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


def longer(values: Int64s, by: int, fill: int) -> Int64s:
    """Return `values` with `by` more entries."""
    return np.append(values, np.full(by, fill, dtype=np.int64))


def _patience_ms(point: PointRecord, gap_ms: int) -> int:
    """Return after which time without a value a point is missing."""
    owes_values = gap_ms and point.quantity not in EVENT_DRIVEN and point.is_expected
    return gap_ms if owes_values else FOREVER_MS
