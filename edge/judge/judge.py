"""The gateway's own judge: raises alarms from what the probes say, with no network at all.

Used by `edge.recorder`, which turns what it finds into signed events and sounds the alarm.
Pure; every time is CLOCK_BOOTTIME. Points without a rule pack cost nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from domain.alarms.state import TransitionKind
from domain.frame import Frame
from domain.quantity import Quantity
from domain.rules.model import Severity
from edge.judge.alarm import LocalAlarm
from edge.judge.frame_judge import Band, FrameJudge, JudgedPoint, PointWatch, new_judge

MAX_FRAMES = 4096  # a source that splits frames for ever must not fill the memory


class LocalJudge:
    """All judged points of a gateway; belongs to the event loop's thread.

    A point is expected from `start_ms` on: a device that never answers is missing data too.
    """

    def __init__(self, points: Iterable[JudgedPoint], start_ms: int) -> None:
        self._start_ms = start_ms
        rest: dict[tuple[str, Quantity, int], Band] = {}
        watches: list[PointWatch] = []
        for point in points:
            key = (point.pack.name, point.quantity, point.exp)
            if key not in rest:
                rest[key] = new_judge(point).quiet_band()
            watches.append(PointWatch(point, rest[key], start_ms))
        self._by_channel = _by_channel(watches)
        self._unmet = watches  # no frame has brought them yet
        self._frames: dict[int, FrameJudge | None] = {}
        self._kept: list[Frame] = []  # so that an id stays that of its frame
        self._gaps: set[PointWatch] = set()
        self._active: dict[tuple[int, str, str], LocalAlarm] = {}

    @property
    def active(self) -> int:
        """Return how many alarms stand now, pre-alarms included."""
        return len(self._active)

    @property
    def sounding(self) -> bool:
        """Return whether the annunciator should sound: an alarm stands, not only pre-alarms."""
        return any(a.severity is Severity.ALARM for a in self._active.values())

    def row(
        self,
        frame: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None,
    ) -> list[LocalAlarm]:
        """Return what a row raises or ends; arguments as `edge.sink.Sink.row`."""
        try:
            judge = self._frames[id(frame)]
        except KeyError:
            judge = self._meet(frame)
        if judge is None:
            return []
        told = judge.row(mono_ms, values, quality)
        return self._noted(told) if told else told

    def tick(self, now_ms: int) -> list[LocalAlarm]:
        """Return the missing data that began or ended up to now; call it about every second."""
        told: list[LocalAlarm] = []
        for watch in self._doubtful(now_ms):
            point, heard_ms = watch.point, watch.heard_ms
            if watch.gap_since_ms is None:
                due_ms = heard_ms + point.pack.gap_ms
                if now_ms > due_ms:
                    watch.gap_since_ms = heard_ms
                    self._gaps.add(watch)
                    told.append(_gap(point, TransitionKind.RAISED, due_ms))
            elif heard_ms > watch.gap_since_ms:
                watch.gap_since_ms = None
                self._gaps.discard(watch)
                told.append(_gap(point, TransitionKind.RETURNED, heard_ms))
        return self._noted(told)

    def adopt(self, points: Iterable[JudgedPoint], now_ms: int) -> list[LocalAlarm]:
        """Judge `points` from now on; return the alarms that end with points judged no more.

        What is known of a point that stays goes on: its alarm neither ends nor is told twice.
        """
        self._forget_frames()
        before = {w.point: w for watches in self._by_channel.values() for w in watches}
        fresh = LocalJudge(points, now_ms)
        self._unmet = [before.get(watch.point, watch) for watch in fresh._unmet]
        self._by_channel = _by_channel(self._unmet)
        self._gaps.intersection_update(self._unmet)
        stay = {(w.point.channel, w.point.pack.name) for w in self._unmet if w.point in before}
        gone = [alarm for key, alarm in self._active.items() if key[:2] not in stay]
        cleared = [replace(a, kind=TransitionKind.CLEARED, at_ms=now_ms) for a in gone]
        return self._noted(cleared)

    def _meet(self, frame: Frame) -> FrameJudge | None:
        if len(self._kept) >= MAX_FRAMES:
            self._forget_frames()
        watches = [w for channel in frame.channels for w in self._by_channel.get(channel, ())]
        judge = FrameJudge(frame, watches, self._start_ms) if watches else None
        for watch in watches:
            if judge is not None:
                watch.frames = (*watch.frames, judge)
        self._kept.append(frame)
        self._frames[id(frame)] = judge
        return judge

    def _forget_frames(self) -> None:
        for frame in self._frames.values():
            for watch in frame.watches if frame is not None else ():
                watch.single_ms, watch.frames = watch.heard_ms, ()
        self._frames.clear()
        self._kept.clear()

    def _doubtful(self, now_ms: int) -> Iterator[PointWatch]:
        """Yield each point that may have a gap, nearly always none, once."""
        doubtful = set(self._gaps)
        self._unmet = [watch for watch in self._unmet if not watch.frames]
        doubtful.update(self._unmet)
        for frame in self._frames.values():
            if frame is not None and now_ms - frame.full_ms > frame.gap_ms:
                doubtful.update(frame.watches)
        yield from sorted(doubtful, key=lambda watch: watch.point.channel)

    def _noted(self, told: list[LocalAlarm]) -> list[LocalAlarm]:
        for alarm in told:
            match alarm.kind:
                case TransitionKind.RAISED:
                    self._active[alarm.key] = alarm
                case TransitionKind.RETURNED | TransitionKind.CLEARED:
                    self._active.pop(alarm.key, None)
                case TransitionKind.ACKNOWLEDGED:
                    pass
        return told


def _by_channel(watches: Iterable[PointWatch]) -> dict[int, list[PointWatch]]:
    found: dict[int, list[PointWatch]] = {}
    for watch in watches:
        found.setdefault(watch.point.channel, []).append(watch)
    return found


def _gap(point: JudgedPoint, kind: TransitionKind, at_ms: int) -> LocalAlarm:
    return LocalAlarm.gap(point.channel, point.pack, kind, at_ms)
