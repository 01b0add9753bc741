"""All limits of one rule pack on one point: the judge of gateway and cloud alike.

Pure: no clock; time is that of the readings. A caller looks at a whole column (or row) first:
when every value lies in `quiet_band()`, one call of `quiet` takes them all, and no single value
is looked at. Else it calls `step` for each reading.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from domain.alarms.late import LateData
from domain.alarms.limits import NEVER_MS, UNBOUNDED, LimitAlarm, LimitState, Transition
from domain.alarms.state import AlarmState
from domain.errors import BadSnapshotError
from domain.quantity import Quantity
from domain.rules.model import Limit, RulePack

SNAPSHOT_VERSION: Final = 1


class PointJudge:
    """Judges the readings of one point, whose values are v x 10^exp in the default unit."""

    def __init__(self, point: str, pack: RulePack, quantity: Quantity, exp: int) -> None:
        """Start with every limit normal and no reading seen."""
        self.point = point
        self._quantity, self._exp = quantity, exp
        self._alarms = tuple(LimitAlarm(point, x, exp) for x in pack.limits_of(quantity))
        self._states = [LimitState() for _ in self._alarms]
        self._gap_ms = pack.gap_ms
        self._last_ms = NEVER_MS
        self._late = LateData(self._alarms, self._gap_ms)
        self._band = self._quiet_band()

    @property
    def last_ms(self) -> int:
        """Time of the newest reading; `NEVER_MS` before the first."""
        return self._last_ms

    @property
    def is_normal(self) -> bool:
        """Whether no limit of the live state is out, delayed or waiting for a person."""
        return all(state.state is AlarmState.NORMAL for state in self._states)

    @property
    def states(self) -> Mapping[str, AlarmState]:
        """The live state of each limit, by `Limit.key`."""
        pairs = zip(self._alarms, self._states, strict=True)
        return {alarm.limit.key: state.state for alarm, state in pairs}

    def quiet_band(self) -> tuple[int, int] | None:
        """Return the values, inclusive, that cause nothing in the present state.

        Exact: any sequence inside changes nothing, any value outside changes something. None
        while every value matters, because a delay is running.
        """
        return self._band

    def quiet(self, first_ms: int, last_ms: int) -> bool:
        """Take a column whose values all lie in the quiet band, from its first and last time.

        Returns False, with nothing changed, when the column must be stepped value by value.
        """
        if self._last_ms < first_ms <= self._last_ms + self._gap_ms:
            self._last_ms = last_ms
            return True
        if first_ms > self._last_ms:
            return False
        return last_ms <= self._last_ms and self._quiet_late(first_ms, last_ms)

    def step(self, at_ms: int, v: int) -> Sequence[Transition]:
        """Judge one reading; return what happened, in the order of the pack's limits."""
        if at_ms <= self._last_ms:
            return self._late.step(at_ms, v)
        told: list[Transition] = []
        if at_ms - self._last_ms > self._gap_ms:
            told += self._late.open(self._last_ms, at_ms, self._states)
        self._last_ms = at_ms
        band = self._band
        if band is not None and band[0] <= v <= band[1]:
            return told
        for i, alarm in enumerate(self._alarms):
            self._states[i], transitions = alarm.step(self._states[i], at_ms, v)
            told += transitions
        self._band = self._quiet_band()
        return told

    def acknowledge(self, at_ms: int, who: str) -> Sequence[Transition]:
        """Acknowledge everything that waits for it on this point, late findings included."""
        told: list[Transition] = []
        for i, alarm in enumerate(self._alarms):
            self._states[i], transitions = alarm.acknowledge(self._states[i], at_ms, who)
            told += transitions
        self._band = self._quiet_band()
        return told + self._late.acknowledge(at_ms, who)

    def end(self, at_ms: int, *, kept: Collection[Limit] = ()) -> Sequence[Transition]:
        """Return what ends because these rules do: limits that are out and not `kept`."""
        pairs = zip(self._alarms, self._states, strict=True)
        return [
            alarm.end(state, at_ms)
            for alarm, state in pairs
            if state.state.is_active and alarm.limit not in kept
        ]

    def under(self, pack: RulePack) -> tuple["PointJudge", Sequence[Transition]]:
        """Return the judge of the same point under `pack`, and what ends with these rules.

        A limit that both have goes on as it is.
        """
        new = PointJudge(self.point, pack, self._quantity, self._exp)
        kept = {alarm.limit for alarm in self._alarms} & {alarm.limit for alarm in new._alarms}
        ended = self.end(max(self._last_ms, 0), kept=kept)
        new.restore(_only(self.snapshot(), {limit.key for limit in kept}))
        return new, ended

    def snapshot(self) -> dict[str, object]:
        """Return everything remembered, as values that JSON can carry."""
        pairs = zip(self._alarms, self._states, strict=True)
        return {
            "version": SNAPSHOT_VERSION,
            "last_ms": self._last_ms,
            "limits": {alarm.limit.key: state.to_json() for alarm, state in pairs},
            "late": self._late.to_json(),
        }

    def restore(self, saved: Mapping[str, object]) -> None:
        """Take over a snapshot; limits that the pack no longer has are forgotten.

        Raises:
            BadSnapshotError: `saved` is not a snapshot of this version.
        """
        match saved:
            case {
                "version": 1,
                "last_ms": int() as last_ms,
                "limits": dict() as limits,
                "late": dict() as late,
            }:
                keys = [alarm.limit.key for alarm in self._alarms]
                self._last_ms = last_ms
                self._states = [
                    LimitState.from_json(limits[key]) if key in limits else LimitState()
                    for key in keys
                ]
                self._late.restore(late)
                self._band = self._quiet_band()
            case _:
                raise BadSnapshotError(f"version {SNAPSHOT_VERSION}", saved)

    def _quiet_band(self) -> tuple[int, int] | None:
        low, high = -UNBOUNDED, UNBOUNDED
        for alarm, state in zip(self._alarms, self._states, strict=True):
            band = alarm.quiet_band(state)
            if band is None:
                return None
            low, high = max(low, band[0]), min(high, band[1])
        return (low, high) if low <= high else None

    def _quiet_late(self, first_ms: int, last_ms: int) -> bool:
        # Inside a hole only values that no limit minds in its normal state are quiet, and the
        # live band is not that when something is raised.
        return self.is_normal and self._late.quiet(first_ms, last_ms)


def _only(saved: dict[str, Any], keys: Collection[str]) -> dict[str, Any]:
    """Return a judge's snapshot with nothing in it of other limits than these."""
    late = saved["late"]
    return {
        **saved,
        "limits": {key: state for key, state in saved["limits"].items() if key in keys},
        "late": {**late, "found": [found for found in late["found"] if found[0] in keys]},
    }
