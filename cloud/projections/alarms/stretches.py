"""Stretches: batches of a gateway that follow each other without a hole between them.

Pure. Only within a stretch can it be said that a point said nothing. A gateway is looked at
closely, point by point, while anything about it is out of the ordinary; of all others one
comparison over the whole fleet says that nothing is missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from cloud.projections.alarms.point_state import PointStates, longer
from cloud.projections.feed import CommittedRecord
from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import NEVER_MS, Place
from device_registry.records import PointRecord
from domain.alarms.limits import Transition
from evidence.batch import EventKind

FOREVER_MS = 1 << 62


class Ended(NamedTuple):
    """An alarm that ended with its rules, seen with a record."""

    point: PointRecord
    transition: Transition
    record: CommittedRecord


class Stretches:
    """The stretch that each gateway is in. Used by one thread."""

    def __init__(self, series: SeriesIndex, states: PointStates) -> None:
        self._series = series
        self._states = states
        self._numbers: dict[str, int] = {}
        self._gateways: list[str] = []
        self._points: list[list[int]] = []
        self._listed: list[Sequence[PointRecord]] = []  # of the registry, when last looked
        self._sure_until_ms: list[int] = []  # nothing is missing before; only saves looking
        self._from_ms = self._end_ms = np.empty(0, dtype=np.int64)
        self.ended: list[Ended] = []
        """What ended with the rules of a point; whoever tells it empties it."""

    def enter(
        self, records: Sequence[CommittedRecord], places: Sequence[Place | None]
    ) -> set[str | None]:
        """Take in the places of a group; return the gateways with something odd about them."""
        odd: set[str | None] = {None}
        for record, place in zip(records, places, strict=True):
            gateway, body = record.gateway, record.body
            if gateway is None or body is None:
                continue
            if place is None or not place.continues or place.restart_ms is not None:
                odd.add(gateway)
            if place is not None and place.is_newest:
                number = self._number(gateway)  # may replace the array
                self._end_ms[number] = place.end_ms
                self._list_again(gateway, number, record)
            if body.events and any(e.kind == EventKind.DIGITAL_INPUT for e in body.events):
                odd.add(gateway)
        return odd

    def suspects(self) -> set[str | None]:
        """Return the gateways of which a point may be missing, going by the group's end."""
        states = self._states
        of = states.gateway
        if not self._gateways or not len(of):
            return set()
        begun_ms = np.maximum(self._from_ms[of], states.expected_ms)
        heard_ms = np.maximum(states.last_ms, begun_ms)
        is_silent = self._end_ms[of] - heard_ms > states.patience_ms
        found = np.unique(of[is_silent & (of >= 0) & ~states.is_missing])
        return {self._gateways[number] for number in found.tolist()}

    def follow(self, gateway: str, place: Place) -> None:
        """Begin a new stretch with a batch that does not continue the one before."""
        if place.restart_ms is not None:
            self.look_again(gateway)
        if place.is_newest and not place.continues:
            self._from_ms[self._number(gateway)] = place.begin_ms

    def look_again(self, gateway: str) -> None:
        """Forget until when nothing can be missing: a point's times are not what they were."""
        self._sure_until_ms[self._number(gateway)] = NEVER_MS

    def missing(self, gateway: str, now_ms: int) -> Iterator[tuple[int, int]]:
        """Yield the points that have become missing, and when each last had a value."""
        number = self._number(gateway)
        if now_ms <= self._sure_until_ms[number]:
            return
        states, sure_until_ms = self._states, FOREVER_MS
        for point in self._points[number]:
            if states.is_missing[point]:
                continue
            since_ms = self.silent_since_ms(point)
            due_ms = since_ms + int(states.patience_ms[point])
            if now_ms > due_ms:
                yield point, since_ms
            else:
                sure_until_ms = min(sure_until_ms, due_ms)
        self._sure_until_ms[number] = sure_until_ms

    def silent_since_ms(self, point: int) -> int:
        """Return when a point last had a value, or was first expected to have one.

        The point is one that is watched.
        """
        states = self._states
        begin_ms = int(self._from_ms[states.gateway[point]])
        return max(int(states.last_ms[point]), begin_ms, int(states.expected_ms[point]))

    def is_watched(self, point: int) -> bool:
        """Return whether a point is expected to have values."""
        return bool(self._states.gateway[point] >= 0)

    def watch(self, gateway: str, point: int) -> None:
        """Expect values of a point from now on: it was registered later than its gateway."""
        number = self._number(gateway)
        self._states.gateway[point] = number
        if self._states.is_ruled(point):
            self._points[number].append(point)
            self._sure_until_ms[number] = NEVER_MS

    def points_of(self, gateway: str) -> Sequence[int]:
        """Return the points of a gateway that are under rules."""
        return self._points[self._number(gateway)]

    def snapshot(self) -> dict[str, int]:
        """Return where each gateway's stretch begins."""
        return dict(zip(self._gateways, self._from_ms.tolist(), strict=True))

    def restore(self, saved: Mapping[str, int]) -> None:
        """Take over a snapshot."""
        for gateway, from_ms in saved.items():
            number = self._number(gateway)  # may replace the array
            self._from_ms[number] = from_ms

    def _number(self, gateway: str) -> int:
        number = self._numbers.get(gateway)
        if number is None:
            number = self._numbers[gateway] = len(self._gateways)
            self._gateways.append(gateway)
            self._sure_until_ms.append(NEVER_MS)
            self._from_ms = longer(self._from_ms, 1, NEVER_MS)
            self._end_ms = longer(self._end_ms, 1, NEVER_MS)
            self._listed.append(self._series.registry.points_of(gateway))
            every = self._numbers_listed(number)
            self._states.gateway[list(every)] = number
            self._points.append([n for n in every if self._states.is_ruled(n)])
        return number

    def _list_again(self, gateway: str, number: int, record: CommittedRecord) -> None:
        """Let go of points that moved to another gateway, and watch those that came.

        One that never had a value is watched from its first one on. The others may be under
        other rules now, in use or out of it.
        """
        listed = self._series.registry.points_of(gateway)
        if listed is self._listed[number]:
            return
        self._listed[number] = listed
        every = self._numbers_listed(number)
        states, watched = self._states, set(self._points[number])
        self._points[number] = [n for n in every if n in watched]
        for point, now in every.items():
            if states.gateway[point] != number and states.last_ms[point] != NEVER_MS:
                self.watch(gateway, point)
            self._rule_anew(number, point, now, record)
            if states.expect_anew(point, now, int(self._end_ms[number])):
                self._sure_until_ms[number] = NEVER_MS

    def _rule_anew(
        self, number: int, point: int, now: PointRecord, record: CommittedRecord
    ) -> None:
        ended = self._states.rule_anew(point, now)
        self.ended += [Ended(now, transition, record) for transition in ended]
        ours, is_ruled = self._points[number], self._states.is_ruled(point)
        if point in ours and not is_ruled:
            ours.remove(point)
        elif point not in ours and is_ruled and self._states.gateway[point] == number:
            ours.append(point)

    def _numbers_listed(self, number: int) -> dict[int, PointRecord]:
        listed = self._listed[number]
        numbers = self._states.numbers_of_points([point.id for point in listed])
        return {n: point for n, point in zip(numbers, listed, strict=True) if n >= 0}
