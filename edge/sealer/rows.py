"""The rows of one frame since the last seal, delta-coded on arrival.

Used by `edge.sealer.sealer`. Pure. A row costs a few calls that run in C, whatever its width;
no object is made per reading. Row-major: the deltas of a row lie side by side.
"""

from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import sub

from domain.frame import Frame
from domain.quality import NO_VALUE_FROM

SIGNED_CODES = "bhiq"
UNSIGNED_CODES = "BHIQ"

QualityRun = tuple[int, int, int]  # start in the frame's flat order, length, quality


class FrameRows:
    """What one frame has in the open batch; `rows == 0` means nothing yet.

    Only `edge.sealer.sealer` touches it. `last` outlives a seal: a reading without a value
    repeats it with a delta of 0.
    """

    __slots__ = (
        "channels",
        "dt",
        "dv",
        "exps",
        "first_ms",
        "frame",
        "last",
        "quality",
        "rows",
        "v0",
        "width",
    )

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.width = frame.width
        self.channels = narrowest(frame.channels, UNSIGNED_CODES)
        self.exps = array("b", frame.exps)
        self.last: Sequence[int] = (0,) * self.width
        self.clear()

    def clear(self) -> None:
        """Forget the rows, keep the last values."""
        self.rows = 0
        self.first_ms = 0
        self.v0 = array("b")
        self.dt = array("b")
        self.dv = array("b")
        self.quality: list[QualityRun] = []

    def begin(self, mono_ms: int, values: Sequence[int], v0: "array[int]") -> None:
        """Take the first row; `v0` is `narrowest(values)`."""
        self.rows = 1
        self.first_ms = mono_ms
        self.v0 = v0
        self.dt.append(0)
        self.last = values

    def jitter_ms(self, mono_ms: int) -> int:
        """Return how far the next row is from its place in the cadence."""
        return mono_ms - self.first_ms - self.rows * self.frame.period_ms

    def append(self, dt_ms: int, values: Sequence[int]) -> None:
        """Take one more row.

        Raises:
            OverflowError: a delta does not fit `dv` or `dt`; nothing was taken.
        """
        dv = self.dv
        before = len(dv)
        try:
            dv.extend(map(sub, values, self.last))
            self.dt.append(dt_ms)
        except OverflowError:
            del dv[before:]
            raise
        self.last = values
        self.rows += 1

    def times(self) -> "tuple[int, array[int]]":
        """Return the time that the rows count from, and how far each is from its place.

        Jitter around a first row that was early or late itself can need twice the width of
        jitter around the middle.
        """
        if self.dt.itemsize == 1:
            return self.first_ms, self.dt
        middle = (min(self.dt) + max(self.dt)) // 2
        return self.first_ms + middle, narrowest([dt - middle for dt in self.dt], SIGNED_CODES)

    def filled(self, values: Sequence[int], quality: Sequence[int]) -> Sequence[int]:
        """Return `values` with the last known one where a reading has none."""
        return tuple(
            last if q >= NO_VALUE_FROM else v
            for v, q, last in zip(values, quality, self.last, strict=True)
        )

    def runs_of(self, quality: Sequence[int]) -> list[QualityRun]:
        """Return the runs of non-zero quality of the next row."""
        start = self.rows * self.width
        first = quality[0]
        if quality.count(first) == len(quality):  # a device that is silent as a whole
            return [(start, self.width, first)] if first else []
        runs: list[QualityRun] = []
        for q, group in groupby(quality):
            length = sum(1 for _ in group)
            if q:
                runs.append((start, length, q))
            start += length
        return runs

    def mark(self, runs: Iterable[QualityRun]) -> None:
        """Keep the runs of a row that was taken, joined where they touch."""
        extend_runs(self.quality, runs)


def extend_runs(kept: list[QualityRun], runs: Iterable[QualityRun]) -> None:
    """Append `runs` to `kept` so that every run stays maximal."""
    for start, length, q in runs:
        if kept and kept[-1][2] == q and kept[-1][0] + kept[-1][1] == start:
            first, so_far, _ = kept[-1]
            kept[-1] = (first, so_far + length, q)
        else:
            kept.append((start, length, q))


def narrowest(values: Sequence[int], codes: str) -> "array[int]":
    """Return `values` in the smallest type of `codes` that holds them all."""
    for code in codes[:-1]:
        try:
            return array(code, values)
        except OverflowError:
            continue
    return array(codes[-1], values)


def joined(parts: Sequence["array[int]"], codes: str) -> "array[int]":
    """Return the parts end to end, in the widest of their types; joins bytes where it can."""
    code = codes[max((codes.index(part.typecode) for part in parts), default=0)]
    whole = array(code)
    for part in parts:
        whole.extend(part if part.typecode == code else array(code, part))
    return whole
