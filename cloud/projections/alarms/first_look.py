"""The first look at a group: which runs cannot matter, for all points in a few comparisons.

Pure. A run cannot matter when its point is asleep, its values lie in the quiet band, its times
follow the point's last without a gap, and its gateway's batches follow each other. Points whose
every run is such are taken at once, the rest is left for `cloud.projections.alarms.points` to
judge batch by batch. Points do not depend on each other, so nothing is judged out of order.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cloud.projections.alarms.point_state import PointStates
from cloud.projections.runs import Runs
from cloud.projections.timeseries.store import Int64s
from domain.quality import NO_VALUE_FROM

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The runs that are left, as plain lists: indexing those is what a loop does fastest."""

    runs: Runs
    run: list[int]
    """Their number in `runs`."""
    record: list[int]
    series: list[int]
    exp: list[int]
    first_ms: list[int]
    last_ms: list[int]
    low: list[int]
    high: list[int]
    is_even: list[bool]
    """Every reading has a value, and times rise without a gap."""


def take_quiet(
    runs: Runs, t0_ms: Int64s, is_plain: Flags, is_placed: Flags, states: PointStates
) -> Looked:
    """Take what cannot matter; return the rest, in order.

    `t0_ms`, `is_plain` (newest, and nothing odd about its gateway in this group) and
    `is_placed` are per record.
    """
    x = runs.x
    known = np.maximum(x.run_series, 0)
    is_ruled = (x.run_series >= 0) & (states.gap_ms[known] > 0)
    first_ms = t0_ms[x.run_record] + runs.first_off
    last_ms = t0_ms[x.run_record] + runs.last_off
    low = np.minimum.reduceat(x.v, x.run_start)
    high = np.maximum.reduceat(x.v, x.run_start)
    is_even = _is_even(runs, states.gap_ms[known])
    is_quiet = (
        is_ruled
        & is_even
        & is_plain[x.run_record]
        & (x.run_exp == states.exp[known])
        & (low >= states.low[known])
        & (high <= states.high[known])
        & _follows(known, first_ms, last_ms, states)
    )
    is_taken = is_quiet & ~_with(known[~is_quiet], len(states))[known]
    np.maximum.at(states.last_ms, x.run_series[is_taken], last_ms[is_taken])
    rest = np.flatnonzero(is_ruled & ~is_taken & is_placed[x.run_record])
    return Looked(
        runs=runs,
        run=rest.tolist(),
        record=x.run_record[rest].tolist(),
        series=x.run_series[rest].tolist(),
        exp=x.run_exp[rest].tolist(),
        first_ms=first_ms[rest].tolist(),
        last_ms=last_ms[rest].tolist(),
        low=low[rest].tolist(),
        high=high[rest].tolist(),
        is_even=is_even[rest].tolist(),
    )


def _is_even(runs: Runs, gap_ms: Int64s) -> Flags:
    x = runs.x
    steps = np.diff(x.off, prepend=0)
    steps[x.run_start] = 1
    even: Flags = (
        (np.maximum.reduceat(x.q, x.run_start) < NO_VALUE_FROM)
        & (np.minimum.reduceat(steps, x.run_start) > 0)
        & (np.maximum.reduceat(steps, x.run_start) <= gap_ms)
    )
    return even


def _follows(series: Int64s, first_ms: Int64s, last_ms: Int64s, states: PointStates) -> Flags:
    """Return for each run whether it follows the one before it of its point without a gap."""
    order = np.argsort(series, kind="stable")
    s, first, last = series[order], first_ms[order], last_ms[order]
    before = np.roll(last, 1)
    begins = s != np.roll(s, 1)
    begins[0] = True
    before[begins] = states.last_ms[s[begins]]
    follows = np.empty(len(series), dtype=np.bool_)
    follows[order] = (first > before) & (first <= before + states.gap_ms[s])
    return follows


def _with(numbers: Int64s, count: int) -> Flags:
    """Return flags that are set at `numbers`."""
    flags = np.zeros(count, dtype=np.bool_)
    flags[numbers] = True
    return flags
