"""Judges the readings of batches: limits, and data that is missing.

Pure. A batch is judged whole, in archive order; what comes out does not depend on how batches
were grouped. Missing is what a gateway that is heard does not say: a point without a value for
longer than its rules permit, within a stretch of batches that follow each other without a hole.
Holes between batches are backlog or loss, which others see to.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cloud.projections.alarms.event import AlarmEvent
from cloud.projections.alarms.happenings import gap_event, limit_event
from cloud.projections.alarms.point_state import Packs, PointStates
from cloud.projections.feed import CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import NEVER_MS, Place
from cloud.projections.timeseries.store import Int64s
from domain.alarms.judge import PointJudge
from domain.alarms.state import TransitionKind
from domain.quality import NO_VALUE_FROM
from evidence.batch import Event, EventKind

SWITCH_EXP = 0  # a digital input is 0 or 1

Tell = Callable[[AlarmEvent], None]


@dataclass(slots=True)
class _Stretch:
    """Batches of a gateway without a hole between them."""

    from_ms: int
    sure_until_ms: int = NEVER_MS
    """No point is missing before this time; only saves looking."""


class PointWatch:
    """All points of all gateways. Used by one thread; `tell` is called with what happens."""

    def __init__(self, series: SeriesIndex, packs: Packs, tell: Tell) -> None:
        self._series = series
        self._tell = tell
        self.states = PointStates(series, packs)
        self._missing: dict[int, int] = {}  # series number → time of its last value
        self._stretches: dict[str, _Stretch] = {}
        self._of_gateway: dict[str, list[int]] = {}
        self._runs: _LookedAt | None = None

    def look_at(self, runs: Runs) -> None:
        """Take the first look at the runs of a group; then call `batch` for each record."""
        calm = self.states.calm_runs(runs)
        self._runs = _LookedAt(runs, self.states.ruled(runs.x.run_series), calm)

    def batch(self, position: int, record: CommittedRecord, place: Place) -> None:
        """Judge the batch that is the `position`-th record of the group."""
        looked, gateway, body = self._runs, record.gateway, record.body
        if looked is None or gateway is None or body is None:
            return
        self._begin(gateway, looked.runs.spans[position][0], place)
        for run in range(looked.runs.bounds[position], looked.runs.bounds[position + 1]):
            number = looked.series[run]
            if number < 0:
                continue
            judge = self.states.judges[number]
            if (
                looked.calm[run]
                and judge is not None
                and self.states.is_settled(number)
                and judge.quiet(place.t0_ms + looked.first[run], place.t0_ms + looked.last[run])
            ):
                continue
            self._run(looked, run, record, place)
        for event in body.events:
            if event.kind == EventKind.DIGITAL_INPUT and event.channel:
                self._switch(event, place.t0_ms, record)
        if place.is_newest:
            self._look_for_missing(gateway, place.end_ms, record)

    def acknowledge(self, gateway: str, channel: int, at_ms: int, who: str) -> None:
        """Tell a point's judge that somebody knows; what it answers is in the book already."""
        number = self.states.number_of(gateway, channel)
        judge = self.states.judges[number] if number >= 0 else None
        if judge is not None:
            judge.acknowledge(at_ms, who)
            self.states.settle(number, look_closely=number in self._missing)

    def snapshot(self) -> dict[str, Any]:
        """Return what is remembered besides the judges, as values that JSON can carry."""
        points = self._series.points
        return {
            "missing": [
                [points[number].gateway, points[number].channel, since_ms]
                for number, since_ms in sorted(self._missing.items())
            ],
            "stretches": {gateway: s.from_ms for gateway, s in self._stretches.items()},
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over a snapshot, after the judges were restored."""
        for gateway, channel, since_ms in saved["missing"]:
            number = self.states.number_of(gateway, channel)
            if number >= 0:
                self._missing[number] = since_ms
                self.states.settle(number, look_closely=True)
        self._stretches = {g: _Stretch(from_ms) for g, from_ms in saved["stretches"].items()}

    def _begin(self, gateway: str, first_off: int, place: Place) -> None:
        if place.restart_ms is not None:
            for number in self._points_of(gateway):
                self.states.rewind(number, place.restart_ms)
        if place.is_newest and not place.continues:
            self._stretches[gateway] = _Stretch(place.t0_ms + first_off)

    def _run(
        self, looked: "_LookedAt", run: int, record: CommittedRecord, place: Place
    ) -> None:
        """Judge the readings of one run value by value."""
        number = looked.series[run]
        judge = self.states.judge(number, looked.exp[run])
        has_gaps = self.states.has_gaps(number)
        for off, v in looked.values(run):
            at_ms = place.t0_ms + off
            if has_gaps and at_ms > judge.last_ms:
                self._heard(number, at_ms, record, place)
            self._step(number, judge, (at_ms, v), record)
        self.states.settle(number, look_closely=number in self._missing)

    def _switch(self, event: Event, t0_ms: int, record: CommittedRecord) -> None:
        """Judge a digital input that changed, as a reading of 0 or 1."""
        number = self.states.number_of(record.gateway or "", event.channel)
        value = event.body.get(1)
        if number >= 0 and self.states.pack(number) is not None and isinstance(value, int):
            judge = self.states.judge(number, SWITCH_EXP)
            self._step(number, judge, (t0_ms + event.t_off, value), record)
            self.states.settle(number, look_closely=False)

    def _step(
        self,
        number: int,
        judge: PointJudge,
        reading: tuple[int, int],
        record: CommittedRecord,
    ) -> None:
        for transition in judge.step(*reading):
            if transition.kind in {TransitionKind.RAISED, TransitionKind.RETURNED}:
                point = self._series.points[number]
                self._tell(limit_event(point, judge.pack, transition, record))

    def _heard(self, number: int, at_ms: int, record: CommittedRecord, place: Place) -> None:
        """See whether a value ends or shows a time without values."""
        since_ms = self._missing.pop(number, None)
        if since_ms is None:
            since_ms = self._last_ms(number, record.gateway or "")
            gap_ms = self.states.gap_ms(number)
            if not place.is_newest or at_ms - since_ms <= gap_ms:
                return
            self._gap(number, TransitionKind.RAISED, (since_ms, since_ms + gap_ms), record)
        self._gap(number, TransitionKind.RETURNED, (since_ms, at_ms), record)

    def _look_for_missing(self, gateway: str, now_ms: int, record: CommittedRecord) -> None:
        stretch = self._stretches.get(gateway)
        if stretch is None or now_ms <= stretch.sure_until_ms:
            return
        sure_until_ms = now_ms + (1 << 40)
        for number in self._points_of(gateway):
            if number in self._missing:
                continue
            since_ms = self._last_ms(number, gateway)
            due_ms = since_ms + self.states.gap_ms(number)
            if now_ms > due_ms:
                self._missing[number] = since_ms
                self.states.settle(number, look_closely=True)
                self._gap(number, TransitionKind.RAISED, (since_ms, due_ms), record)
            else:
                sure_until_ms = min(sure_until_ms, due_ms)
        stretch.sure_until_ms = sure_until_ms

    def _last_ms(self, number: int, gateway: str) -> int:
        """Return when a point last had a value, or was first expected to have one."""
        judge = self.states.judges[number]
        stretch = self._stretches.get(gateway)
        last_ms = NEVER_MS if judge is None else judge.last_ms
        return max(last_ms, stretch.from_ms if stretch is not None else last_ms)

    def _points_of(self, gateway: str) -> list[int]:
        numbers = self._of_gateway.get(gateway)
        if numbers is None:
            channels = [p.channel for p in self._series.registry.points_of(gateway)]
            every = (self.states.number_of(gateway, channel) for channel in channels)
            numbers = self._of_gateway[gateway] = [n for n in every if self.states.has_gaps(n)]
        return numbers

    def _gap(
        self, number: int, kind: TransitionKind, times: tuple[int, int], record: CommittedRecord
    ) -> None:
        self._tell(gap_event(self._series.points[number], kind, times, record))


class _LookedAt:
    """The runs of a group as plain lists: indexing those is what a loop does fastest."""

    __slots__ = ("calm", "exp", "first", "last", "runs", "series")

    def __init__(self, runs: Runs, series: Int64s, calm: list[bool]) -> None:
        self.runs = runs
        self.calm = calm
        self.series: list[int] = series.tolist()
        self.exp: list[int] = runs.x.run_exp.tolist()
        self.first: list[int] = runs.first_off.tolist()
        self.last: list[int] = runs.last_off.tolist()

    def values(self, run: int) -> Iterator[tuple[int, int]]:
        """Yield (time from t0, value) of the readings of a run that have a value."""
        x = self.runs.x
        start = int(x.run_start[run])
        part = slice(start, start + int(x.run_rows[run]))
        columns = (x.off[part].tolist(), x.v[part].tolist(), x.q[part].tolist())
        for off, v, q in zip(*columns, strict=True):
            if q < NO_VALUE_FROM:
                yield off, v
