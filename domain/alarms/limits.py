"""One limit of one point: which trigger a reading is, and what the alarm's state becomes.

Pure. Time moves only by the time of readings. A reading that is not newer than the last one
changes nothing here: late data is `domain.alarms.late`'s concern.
"""

from dataclasses import dataclass, field, replace
from typing import Final, Self

from domain.alarms.state import AlarmState, TransitionKind, Trigger, move
from domain.errors import BadSnapshotError
from domain.rules.model import Direction, Limit

NEVER_MS: Final = -(2**62)
"""Before every reading."""
UNBOUNDED: Final = 2**53
"""Beyond every value a batch can carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """Something about an alarm that people are told."""

    kind: TransitionKind
    point: str
    limit: Limit
    at_ms: int
    """Event time: that of the reading, or of the acknowledgement."""
    since_ms: int
    """When the excursion began; (point, limit, since_ms) identifies the alarm."""
    value: int | None
    """The reading at `exp`; None when no reading caused it."""
    exp: int
    late: bool = False
    """Found in data that arrived late; the live state is not touched."""
    who: str = ""
    """Who acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitState:
    """Everything that is remembered about one limit of one point."""

    state: AlarmState = AlarmState.NORMAL
    last_ms: int = NEVER_MS
    since_ms: int = NEVER_MS
    """Begin of the excursion that is not cleared yet."""
    pending_ms: int | None = None
    """First reading of the present run that is out, while the delay runs."""
    pending_readings: int = 0

    def to_json(self) -> list[object]:
        """Return the state as plain values."""
        pending = [self.pending_ms, self.pending_readings]
        return [self.state.value, self.last_ms, self.since_ms, *pending]

    @classmethod
    def from_json(cls, raw: object) -> Self:
        """Return the state that `to_json` wrote; `BadSnapshotError` for anything else."""
        match raw:
            case [str(state), int(last_ms), int(since_ms), int() | None as pending, int(count)]:
                return cls(
                    state=AlarmState(state),
                    last_ms=last_ms,
                    since_ms=since_ms,
                    pending_ms=pending,
                    pending_readings=count,
                )
            case _:
                raise BadSnapshotError("the state of a limit", raw)


@dataclass(frozen=True, slots=True)
class LimitAlarm:
    """A limit at one exponent; `step` and `acknowledge` return (new state, what happened)."""

    point: str
    limit: Limit
    exp: int
    _sign: int = field(init=False)
    _out: int = field(init=False)
    _back: int = field(init=False)

    def __post_init__(self) -> None:
        # A LOW limit is a HIGH limit of the negated value: one comparison serves both.
        sign = 1 if self.limit.direction is Direction.HIGH else -1
        scaled = self.limit.scaled(self.exp)
        object.__setattr__(self, "_sign", sign)
        object.__setattr__(self, "_out", sign * scaled.out)
        object.__setattr__(self, "_back", sign * scaled.back)

    def step(
        self, state: LimitState, at_ms: int, v: int
    ) -> tuple[LimitState, tuple[Transition, ...]]:
        """Return what the reading `v` at `at_ms` makes of `state`."""
        if at_ms <= state.last_ms:
            return state, ()
        trigger = self._trigger(state, at_ms, v)
        after, kinds = move(state.state, trigger)
        is_waiting = trigger is Trigger.OUT and not state.state.is_active
        begun_ms = at_ms if state.pending_ms is None else state.pending_ms
        new = LimitState(
            state=after,
            last_ms=at_ms,
            since_ms=begun_ms if TransitionKind.RAISED in kinds else state.since_ms,
            pending_ms=begun_ms if is_waiting else None,
            pending_readings=state.pending_readings + 1 if is_waiting else 0,
        )
        return new, tuple(self._told(new, kind, at_ms, v) for kind in kinds)

    def acknowledge(
        self, state: LimitState, at_ms: int, who: str
    ) -> tuple[LimitState, tuple[Transition, ...]]:
        """Return what an acknowledgement by `who` makes of `state`."""
        after, kinds = move(state.state, Trigger.ACKNOWLEDGE)
        if after is AlarmState.NORMAL and state.pending_ms is not None:
            after, _ = move(after, Trigger.OUT)
        told = (replace(self._told(state, kind, at_ms, None), who=who) for kind in kinds)
        return replace(state, state=after), tuple(told)

    def end(self, state: LimitState, at_ms: int) -> Transition:
        """Return that an active alarm is over because the limit no longer applies."""
        return self._told(state, TransitionKind.RETURNED, at_ms, None)

    def quiet_band(self, state: LimitState) -> tuple[int, int] | None:
        """Return the values, inclusive, that change nothing in `state`; None when all do."""
        if state.pending_ms is not None:
            return None
        low, high = -UNBOUNDED, self._out - 1
        if state.state.is_active:
            low, high = self._back + 1, UNBOUNDED
        return (low, high) if self._sign > 0 else (-high, -low)

    def _trigger(self, state: LimitState, at_ms: int, v: int) -> Trigger:
        beyond = self._sign * v
        if beyond >= self._out:
            begun_ms = at_ms if state.pending_ms is None else state.pending_ms
            is_long = at_ms - begun_ms >= self.limit.delay_ms
            is_often = state.pending_readings + 1 >= self.limit.readings
            return Trigger.OVERDUE if is_long and is_often else Trigger.OUT
        return Trigger.BACK if beyond <= self._back else Trigger.WITHIN

    def _told(
        self, state: LimitState, kind: TransitionKind, at_ms: int, value: int | None
    ) -> Transition:
        return Transition(
            kind=kind,
            point=self.point,
            limit=self.limit,
            at_ms=at_ms,
            since_ms=state.since_ms,
            value=value,
            exp=self.exp,
        )
