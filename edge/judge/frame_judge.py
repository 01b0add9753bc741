"""Judges the rows of one frame: the whole row first, single values only when that trips.

Used by `edge.judge.judge`. Pure; time is CLOCK_BOOTTIME of the rows, so that setting the wall
clock neither raises nor ends an alarm.

A point belongs to no frame: a source may split a frame when a device refuses a part of it, and
what is known of a point goes with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.alarms.judge import PointJudge
from domain.alarms.limits import UNBOUNDED, Transition
from domain.alarms.row import RowBand
from domain.frame import Frame
from domain.quality import NO_VALUE_FROM
from domain.quantity import Quantity
from domain.rules.model import RulePack
from edge.judge.alarm import LocalAlarm

EVERYTHING = (-UNBOUNDED, UNBOUNDED)
Band = tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPoint:
    """One channel under one rule pack; a channel under two packs is two of them."""

    channel: int
    quantity: Quantity
    exp: int
    pack: RulePack


class PointWatch:
    """What is remembered about one point, whichever frame brings it.

    A point that never left its limits has no judge yet, only the band that all points under its
    limits have at rest (`rest`): thousands of points cost little memory.
    """

    __slots__ = ("_judge", "_rest", "frames", "gap_since_ms", "point", "single_ms")

    def __init__(self, point: JudgedPoint, rest: Band, start_ms: int) -> None:
        self.point = point
        self._rest = rest
        self._judge: PointJudge | None = None
        self.frames: tuple[FrameJudge, ...] = ()
        self.single_ms = start_ms  # when a row that was not good throughout brought a value
        self.gap_since_ms: int | None = None

    @property
    def band(self) -> Band:
        """Return the values that change nothing now; see `PointJudge.quiet_band`."""
        return self._rest if self._judge is None else self._judge.quiet_band()

    def step(self, mono_ms: int, v: int) -> Sequence[Transition]:
        """Judge one value."""
        if self._judge is None:
            self._judge = new_judge(self.point)
        return self._judge.step(mono_ms, v)

    @property
    def heard_ms(self) -> int:
        """Return when the point last had a value."""
        full_ms = max((frame.full_ms for frame in self.frames), default=self.single_ms)
        return max(full_ms, self.single_ms)


class FrameJudge:
    """The judged points of one frame, in its order; `full_ms` is its last row without a gap."""

    __slots__ = ("_band", "_places", "_width", "full_ms", "gap_ms", "watches")

    def __init__(self, frame: Frame, watches: Sequence[PointWatch], start_ms: int) -> None:
        self.watches = watches
        self.full_ms = start_ms
        self.gap_ms = min(watch.point.pack.gap_ms for watch in watches)
        self._places = [frame.channels.index(watch.point.channel) for watch in watches]
        self._width = frame.width
        self.refresh()

    def refresh(self) -> None:
        """Take the bands of the points anew; needed whenever one of them changed."""
        bands: list[Band] = [EVERYTHING] * self._width
        for place, watch in zip(self._places, self.watches, strict=True):
            bands[place] = _both(bands[place], watch.band)
        self._band = RowBand(bands)

    def row(
        self, mono_ms: int, values: Sequence[int], quality: Sequence[int] | None
    ) -> list[LocalAlarm]:
        """Return what a row raises or ends."""
        if quality is None:
            self.full_ms = mono_ms
            if self._band.holds(values):
                return []
        elif min(quality) >= NO_VALUE_FROM:
            return []
        return self._single_values(mono_ms, values, quality or bytes(self._width))

    def _single_values(
        self, mono_ms: int, values: Sequence[int], quality: Sequence[int]
    ) -> list[LocalAlarm]:
        told: list[LocalAlarm] = []
        stale: list[FrameJudge] = []
        for place, watch in zip(self._places, self.watches, strict=True):
            if quality[place] >= NO_VALUE_FROM:
                continue
            watch.single_ms = mono_ms
            v, band = values[place], watch.band
            if band is not None and band[0] <= v <= band[1]:
                continue
            told += (LocalAlarm.of(watch.point.channel, t) for t in watch.step(mono_ms, v))
            if watch.band != band:
                stale += (frame for frame in watch.frames if frame not in stale)
        for frame in stale:
            frame.refresh()
        return told


def new_judge(point: JudgedPoint) -> PointJudge:
    """Return a judge of `point` that has seen nothing."""
    return PointJudge(str(point.channel), point.pack, point.quantity, point.exp)


def _both(one: Band, other: Band) -> Band:
    if one is None or other is None:
        return None
    return max(one[0], other[0]), min(one[1], other[1])
