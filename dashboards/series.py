"""Readings made ready for a chart: holes stay holes, and extremes survive thinning.

Pure. A chart must never draw a line where nothing was measured, nor lose a peak because there
were more readings than pixels.
"""

import math
from collections.abc import Iterator
from typing import Final

from dashboards.models import Series

READINGS_KEPT: Final = 4
"""First, lowest, highest, last."""


def for_chart(series: Series, gap_ms: int, max_points: int) -> Series:
    """Return at most about `max_points` readings, with a None in every hole.

    A hole is a poll without a value, or more than `gap_ms` between two values; those too narrow
    to be seen are passed over. The ends of each piece between holes, and the lowest and highest
    value of every part that is thinned out, are kept.
    """
    pieces = list(_pieces(series, gap_ms, max_points))
    total = sum(len(piece) for piece in pieces)
    step = 1 if total <= max_points else math.ceil(total * READINGS_KEPT / max_points)
    times: list[int] = []
    values: list[float | None] = []
    for piece in pieces:
        if times:
            times.append((times[-1] + piece[0][0]) // 2)
            values.append(None)
        for at_ms, value in _thinned(piece, step):
            times.append(at_ms)
            values.append(value)
    return Series(times=times, values=values)


def _pieces(series: Series, gap_ms: int, max_points: int) -> Iterator[list[tuple[int, float]]]:
    """Yield runs of readings without a hole that can be seen."""
    span_ms = series.times[-1] - series.times[0] if series.times else 0
    visible_ms = span_ms * READINGS_KEPT // max_points
    piece: list[tuple[int, float]] = []
    is_broken = False
    for at_ms, value in zip(series.times, series.values, strict=True):
        if value is None:
            is_broken = True
            continue
        wide_ms = at_ms - piece[-1][0] if piece else 0
        if wide_ms > visible_ms and (is_broken or wide_ms > gap_ms):
            yield piece
            piece = []
        piece.append((at_ms, value))
        is_broken = False
    if piece:
        yield piece


def _thinned(piece: list[tuple[int, float]], step: int) -> Iterator[tuple[int, float]]:
    """Yield first, lowest, highest and last of every `step` readings, in order of time."""
    if step <= READINGS_KEPT:
        yield from piece
        return
    for start in range(0, len(piece), step):
        part = piece[start : start + step]
        lowest, highest = min(part, key=_value), max(part, key=_value)
        yield from sorted({part[0], lowest, highest, part[-1]})


def _value(reading: tuple[int, float]) -> float:
    return reading[1]
