"""Readings that arrive late: which of them are new, and what excursions they show.

Used by `domain.alarms.judge` alone. Where readings of a point were further apart than its gap
time, a *hole* is remembered. A late reading inside a hole is new and is judged there, by the
same limits, from the state that held when the hole began; any other late reading is a duplicate
and changes nothing. The live state is never touched.

Limits: `MAX_HOLES` holes and `MAX_FOUND` unacknowledged late alarms per point; beyond them the
shortest hole and the oldest alarm are let go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from domain.alarms.limits import LimitAlarm, LimitState, Transition
from domain.alarms.state import AlarmState, TransitionKind
from domain.errors import BadSnapshotError

MAX_HOLES: Final = 16
MAX_FOUND: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """Nothing is known strictly between the two times.

    `states` are the limits' states at `after_ms`, as seen inside the hole: UNACKNOWLEDGED is an
    excursion that was found late and is still open, ACKNOWLEDGED one that was known before.
    """

    after_ms: int
    before_ms: int
    states: tuple[LimitState, ...]

    @property
    def width_ms(self) -> int:
        """How much is unknown."""
        return self.before_ms - self.after_ms


@dataclass(slots=True)
class _Found:
    is_open: bool = True
    is_acknowledged: bool = False


class LateData:
    """The holes of one point, and the alarms found in them."""

    def __init__(self, alarms: Sequence[LimitAlarm], gap_ms: int) -> None:
        """Judge holes wider than `gap_ms` by `alarms`."""
        self._alarms = tuple(alarms)
        self._gap_ms = gap_ms
        self._holes: list[Hole] = []
        self._found: dict[tuple[int, int], _Found] = {}

    def open(
        self, after_ms: int, before_ms: int, states: Sequence[LimitState]
    ) -> list[Transition]:
        """Remember that nothing came between the times; `states` held at `after_ms`."""
        known = tuple(_as_known(state) for state in states)
        return self._keep(Hole(after_ms=after_ms, before_ms=before_ms, states=known))

    def step(self, at_ms: int, v: int) -> list[Transition]:
        """Judge one late reading; nothing happens when it was known already."""
        hole = self._hole_at(at_ms)
        if hole is None:
            return []
        self._holes.remove(hole)
        told: list[Transition] = []
        states: list[LimitState] = []
        for i, (alarm, before) in enumerate(zip(self._alarms, hole.states, strict=True)):
            state, transitions = alarm.step(before, at_ms, v)
            was_found = AlarmState.UNACKNOWLEDGED in {before.state, state.state}
            for transition in transitions if was_found else ():
                told += self._tell(i, transition)
            is_over = state.state is AlarmState.RETURNED
            states.append(replace(state, state=AlarmState.NORMAL) if is_over else state)
        told += self._split(hole, at_ms, v, tuple(states))
        return told

    def quiet(self, first_ms: int, last_ms: int) -> bool:
        """Take a late column in which no value is out; False when it must be judged singly."""
        touched = [h for h in self._holes if h.after_ms < last_ms and first_ms < h.before_ms]
        for hole in touched:
            if any(state.state is not AlarmState.NORMAL for state in hole.states):
                return False
        for hole in touched:
            self._holes.remove(hole)
            for part in (
                replace(hole, before_ms=min(first_ms, hole.before_ms)),
                replace(hole, after_ms=max(last_ms, hole.after_ms)),
            ):
                if part.width_ms > self._gap_ms:
                    self._keep(part)
        return True

    def acknowledge(self, at_ms: int, who: str) -> list[Transition]:
        """Acknowledge every alarm that was found late."""
        told: list[Transition] = []
        for (i, since_ms), found in list(self._found.items()):
            if found.is_acknowledged:
                continue
            alarm = self._alarms[i]
            state = LimitState(state=AlarmState.UNACKNOWLEDGED, since_ms=since_ms)
            (transition,) = alarm.acknowledge(state, at_ms, who)[1]
            transition = replace(transition, late=True)
            told.append(transition)
            found.is_acknowledged = True
            if not found.is_open:
                told.append(replace(transition, kind=TransitionKind.CLEARED))
                del self._found[i, since_ms]
        return told

    @property
    def unacknowledged(self) -> int:
        """How many alarms found late nobody has acknowledged."""
        return sum(not found.is_acknowledged for found in self._found.values())

    def to_json(self) -> dict[str, object]:
        """Return holes and found alarms as plain values, limits by their key."""
        return {
            "holes": [
                [h.after_ms, h.before_ms, {k: s.to_json() for k, s in self._keyed(h.states)}]
                for h in self._holes
            ],
            "found": [
                [self._alarms[i].limit.key, since_ms, f.is_open, f.is_acknowledged]
                for (i, since_ms), f in self._found.items()
            ],
        }

    def restore(self, saved: Mapping[str, object]) -> None:
        """Take over what `to_json` wrote; limits that no longer exist are forgotten.

        Raises:
            BadSnapshotError: `saved` is not what `to_json` wrote.
        """
        index = {alarm.limit.key: i for i, alarm in enumerate(self._alarms)}
        match saved:
            case {"holes": list() as holes, "found": list() as found}:
                self._holes = [_hole(raw, tuple(index)) for raw in holes]
                kept = (raw for raw in found if raw[0] in index)
                self._found = {
                    (index[key], since_ms): _Found(is_open, is_acknowledged)
                    for key, since_ms, is_open, is_acknowledged in kept
                }
            case _:
                raise BadSnapshotError("holes and found", saved)

    def _keyed(self, states: Sequence[LimitState]) -> Iterator[tuple[str, LimitState]]:
        return zip((alarm.limit.key for alarm in self._alarms), states, strict=True)

    def _hole_at(self, at_ms: int) -> Hole | None:
        return next((h for h in self._holes if h.after_ms < at_ms < h.before_ms), None)

    def _split(
        self, hole: Hole, at_ms: int, v: int, states: tuple[LimitState, ...]
    ) -> list[Transition]:
        """Keep what is still unknown on both sides of a late reading."""
        left = Hole(
            after_ms=hole.after_ms,
            before_ms=at_ms,
            states=tuple(_as_known(state) for state in hole.states),
        )
        right = Hole(after_ms=at_ms, before_ms=hole.before_ms, states=states)
        told = self._keep(left) if left.width_ms > self._gap_ms else []
        if right.width_ms > self._gap_ms:
            return told + self._keep(right)
        return told + self._close(right, right.before_ms, v)

    def _keep(self, hole: Hole) -> list[Transition]:
        self._holes.append(hole)
        self._holes.sort(key=lambda h: h.after_ms)
        if len(self._holes) <= MAX_HOLES:
            return []
        shortest = min(self._holes, key=lambda h: h.width_ms)
        self._holes.remove(shortest)
        return self._close(shortest, shortest.after_ms, None)

    def _close(self, hole: Hole, at_ms: int, v: int | None) -> list[Transition]:
        """Return the end of excursions that were found in a hole and are still open."""
        told: list[Transition] = []
        for i, (alarm, state) in enumerate(zip(self._alarms, hole.states, strict=True)):
            if state.state is AlarmState.UNACKNOWLEDGED:
                transition = Transition(
                    kind=TransitionKind.RETURNED,
                    point=alarm.point,
                    limit=alarm.limit,
                    at_ms=at_ms,
                    since_ms=state.since_ms,
                    value=v,
                    exp=alarm.exp,
                )
                told += self._tell(i, transition)
        return told

    def _tell(self, i: int, transition: Transition) -> Iterator[Transition]:
        """Mark a transition as found late and keep account of what is unacknowledged."""
        key = i, transition.since_ms
        yield replace(transition, late=True)
        if transition.kind is TransitionKind.RAISED:
            self._found[key] = _Found()
            if len(self._found) > MAX_FOUND:
                del self._found[next(iter(self._found))]
            return
        found = self._found.get(key)
        if found is None or not found.is_acknowledged:
            if found is not None:
                found.is_open = False
            return
        del self._found[key]
        yield replace(transition, late=True, kind=TransitionKind.CLEARED)


def _as_known(state: LimitState) -> LimitState:
    """Return `state` as a hole sees it: an excursion that is open there is known already."""
    if state.state.is_active:
        return replace(state, state=AlarmState.ACKNOWLEDGED)
    if state.pending_ms is not None:
        return replace(state, state=AlarmState.PENDING)
    return replace(state, state=AlarmState.NORMAL)


def _hole(raw: object, keys: Sequence[str]) -> Hole:
    match raw:
        case [int() as after_ms, int() as before_ms, dict() as states]:
            by_key = {key: LimitState.from_json(state) for key, state in states.items()}
            return Hole(
                after_ms=after_ms,
                before_ms=before_ms,
                states=tuple(by_key.get(key, LimitState()) for key in keys),
            )
        case _:
            raise BadSnapshotError("a hole", raw)
