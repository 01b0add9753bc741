"""Judges the readings of batches: limits, and data that is missing.

Pure. What comes out depends on the batches and their order, not on how they were grouped.
Missing is what a gateway that is heard does not say: a point without a value for longer than
its rules permit, within a *stretch* of batches that follow each other without a hole. Holes
between batches are backlog or loss, which others see to.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from cloud.projections.alarms.event import AlarmEvent
from cloud.projections.alarms.first_look import Looked, take_quiet
from cloud.projections.alarms.happenings import gap_event, limit_event
from cloud.projections.alarms.point_state import Packs, PointStates
from cloud.projections.alarms.stretches import Stretches
from cloud.projections.feed import CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import Place
from domain.alarms.judge import PointJudge
from domain.alarms.state import TransitionKind
from domain.quality import NO_VALUE_FROM
from evidence.batch import Event, EventKind

SWITCH_EXP = 0  # a digital input is 0 or 1

Tell = Callable[[AlarmEvent], None]


class PointWatch:
    """All points of all gateways. Used by one thread; `tell` is called with what happens."""

    def __init__(self, series: SeriesIndex, packs: Packs, tell: Tell) -> None:
        self._tell = tell
        self.states = PointStates(series, packs)
        self.stretches = Stretches(series, self.states)
        self._missing_since: dict[int, int] = {}
        self._places: Sequence[Place | None] = ()
        self._looked: Looked | None = None
        self._bounds: list[int] = []
        self._close: set[int] = set()  # positions of records that must be judged one by one

    def look_at(
        self, runs: Runs, records: Sequence[CommittedRecord], places: Sequence[Place | None]
    ) -> None:
        """Take what cannot matter of a group; then call `batch` for each batch, in order."""
        self._places = places
        odd = self.stretches.enter(records, places)
        for point, transition, record in self.stretches.ended:
            self._tell(limit_event(point, transition, record))
        self.stretches.ended.clear()
        self.states.grow()
        self._looked = None
        with_rest: set[int] = set()
        if len(runs.x) and len(self.states):
            t0_ms = np.array([0 if p is None else p.t0_ms for p in places], dtype=np.int64)
            is_plain = np.array([r.gateway not in odd for r in records], dtype=np.bool_)
            is_placed = np.array([p is not None for p in places], dtype=np.bool_)
            looked = self._looked = take_quiet(runs, t0_ms, is_plain, is_placed, self.states)
            self._bounds = np.searchsorted(looked.record, np.arange(len(records) + 1)).tolist()
            with_rest = set(looked.record)
        gateways = {records[position].gateway for position in with_rest}
        close = odd | gateways | self.stretches.suspects()
        self._close = {i for i, r in enumerate(records) if r.gateway in close}

    def batch(self, position: int, record: CommittedRecord) -> None:
        """Judge the batch that is the `position`-th record of the group."""
        place, gateway, body = self._places[position], record.gateway, record.body
        if position not in self._close or place is None or gateway is None or body is None:
            return
        if place.restart_ms is not None:
            for number in self.stretches.points_of(gateway):
                self.states.rewind(number, place.restart_ms)
        self.stretches.follow(gateway, place)
        if self._looked is not None:
            for i in range(self._bounds[position], self._bounds[position + 1]):
                self._run(self._looked, i, record, place)
        for event in body.events:
            if event.kind == EventKind.DIGITAL_INPUT and event.channel:
                self._switch(event, place, record)
        if place.is_newest:
            for number, since_ms in self.stretches.missing(gateway, place.end_ms):
                self._missing_since[number] = since_ms
                self.states.is_missing[number] = True
                due_ms = since_ms + int(self.states.gap_ms[number])
                self._gap(number, TransitionKind.RAISED, (since_ms, due_ms), record)

    def acknowledge(self, gateway: str, channel: int, at_ms: int, who: str) -> None:
        """Tell a point's judge that somebody knows; what it answers is in the book already."""
        number = self.states.number_of(gateway, channel)
        judge = self.states.judges[number] if number >= 0 else None
        if judge is not None:
            judge.acknowledge(at_ms, who)
            self.states.stepped(number)

    def release(self, at_ms: int) -> None:
        """End the missing data of points that owe no values any more."""
        for number, since_ms in list(self._missing_since.items()):
            if not self.states.owes_values(number):
                del self._missing_since[number]
                self.states.is_missing[number] = False
                self._gap(number, TransitionKind.RETURNED, (since_ms, at_ms), None)

    def snapshot(self) -> dict[str, Any]:
        """Return what is remembered besides the points, as values that JSON can carry."""
        missing = {self.states.point(n).id: since for n, since in self._missing_since.items()}
        return {"missing": missing, "stretches": self.stretches.snapshot()}

    def restore(self, saved: dict[str, Any]) -> None:
        """Take over a snapshot, after the points were restored."""
        missing: dict[str, int] = saved["missing"]
        numbers = self.states.numbers_of_points(list(missing))
        for number, since_ms in zip(numbers, missing.values(), strict=True):
            if number >= 0:
                self._missing_since[number] = since_ms
                self.states.is_missing[number] = True
        self.stretches.restore(saved["stretches"])

    def _run(self, looked: Looked, i: int, record: CommittedRecord, place: Place) -> None:
        """Judge one run: as a whole if that will do, else value by value."""
        number, exp = looked.series[i], looked.exp[i]
        first_ms, last_ms = looked.first_ms[i], looked.last_ms[i]
        extent = (looked.low[i], looked.high[i])
        heard_ms = None
        if looked.is_even[i] and not self.states.is_missing[number]:
            if first_ms > self.states.last_ms[number]:
                heard_ms = first_ms
                self._heard(number, first_ms, record, place)
            if self.states.take_whole(number, exp, (first_ms, last_ms), extent):
                return
        judge = self.states.judge(number, exp)
        for off, v in _values(looked, i):
            at_ms = place.t0_ms + off
            if at_ms > judge.last_ms and at_ms != heard_ms:
                self._heard(number, at_ms, record, place)
            self._step(number, judge, (at_ms, v), record)

    def _switch(self, event: Event, place: Place, record: CommittedRecord) -> None:
        """Judge a digital input that changed, as a reading of 0 or 1."""
        number = self.states.number_of(record.gateway or "", event.channel)
        value = event.body.get(1)
        if number >= 0 and self.states.is_ruled(number) and isinstance(value, int):
            judge = self.states.judge(number, SWITCH_EXP)
            self._step(number, judge, (place.t0_ms + event.t_off, value), record)

    def _step(
        self,
        number: int,
        judge: PointJudge,
        reading: tuple[int, int],
        record: CommittedRecord,
    ) -> None:
        for transition in judge.step(*reading):
            if transition.kind in {TransitionKind.RAISED, TransitionKind.RETURNED}:
                point = self.states.point(number)
                self._tell(limit_event(point, transition, record))
        self.states.stepped(number)

    def _heard(self, number: int, at_ms: int, record: CommittedRecord, place: Place) -> None:
        """See whether a value newer than any ends or shows a time without values."""
        if not self.stretches.is_watched(number):
            if place.is_newest:
                self.stretches.watch(record.gateway or "", number)
            return
        since_ms = self._missing_since.get(number)
        if since_ms is None:
            since_ms = self.stretches.silent_since_ms(number)
            due_ms = since_ms + int(self.states.patience_ms[number])
            if not place.is_newest or at_ms <= due_ms:
                return
            self._gap(number, TransitionKind.RAISED, (since_ms, due_ms), record)
        elif at_ms <= since_ms and not place.is_newest:
            return  # late, from before the silence
        else:
            del self._missing_since[number]
            self.states.is_missing[number] = False
            self.stretches.look_again(record.gateway or "")
        self._gap(number, TransitionKind.RETURNED, (since_ms, at_ms), record)

    def _gap(
        self,
        number: int,
        kind: TransitionKind,
        times: tuple[int, int],
        record: CommittedRecord | None,
    ) -> None:
        self._tell(gap_event(self.states.point(number), kind, times, record))


def _values(looked: Looked, i: int) -> Iterator[tuple[int, int]]:
    """Yield (time from t0, value) of the readings of a run that have a value."""
    x = looked.runs.x
    start = int(x.run_start[looked.run[i]])
    part = slice(start, start + int(x.run_rows[looked.run[i]]))
    columns = (x.off[part].tolist(), x.v[part].tolist(), x.q[part].tolist())
    for off, v, q in zip(*columns, strict=True):
        if q < NO_VALUE_FROM:
            yield off, v
