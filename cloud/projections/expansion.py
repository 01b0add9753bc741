"""Many batches to flat columns of readings, with NumPy; no object is made per reading.

Pure but for the series index. All batches of a commit group are joined first, so that the cost
of a NumPy call is paid per group and not per batch. `evidence.batch.expand` says the same one
reading at a time, and a test compares them.

Readings come run by run: a run is one series of one frame of one batch, its readings in the
order of the rows. Runs come in the order of batches, frames and series.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cloud.projections.feed import CommittedRecord
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.store import Bytes8s, Int64s
from evidence.batch import Column, Columns

_EMPTY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """All readings of some records, without their absolute times.

    Run k belongs to record `run_record[k]` (position among the records given) and holds the
    readings `run_start[k]` up to `run_start[k] + run_rows[k]`.
    """

    run_record: Int64s
    run_series: Int64s
    run_exp: Int64s
    run_start: Int64s
    run_rows: Int64s
    off: Int64s
    """ms from the batch's t0."""
    v: Int64s
    """Means nothing where `q` says that there is no value."""
    q: Bytes8s

    def __len__(self) -> int:
        return len(self.off)

    def of_runs(self, per_run: Int64s) -> Int64s:
        """Return for each reading the entry of its run."""
        return np.repeat(per_run, self.run_rows)


def expand_records(records: Sequence[CommittedRecord], series: SeriesIndex) -> Expansion:
    """Return the readings of every record that is a batch with columns."""
    held: list[tuple[int, str, Columns]] = [
        (position, r.gateway, r.body.columns)
        for position, r in enumerate(records)
        if r.body is not None and r.body.columns is not None and r.gateway is not None
    ]
    if not held:
        return _nothing()
    columns = [c for _, _, c in held]
    frames = _Frames.of(columns)
    batch = np.repeat(np.array([p for p, _, _ in held]), _lengths([c.rows for c in columns]))
    numbers = b"".join([series.packed_numbers(g, c.channel) for _, g, c in held])
    run_frame = np.repeat(np.arange(len(frames.rows)), frames.width)
    run_rows = frames.rows[run_frame]
    run_start = _starts(run_rows)
    cells = _Cells.of(frames, run_frame, run_rows, run_start)
    return Expansion(
        run_record=batch[run_frame],
        run_series=np.frombuffer(numbers, dtype=np.int64),
        run_exp=_joined([c.exp for c in columns]),
        run_start=run_start,
        run_rows=run_rows,
        off=_offsets(columns, frames)[cells.row],
        v=_values(columns, cells, run_start, run_rows),
        q=_qualities(columns, cells),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frames:
    """The frames of all batches, one after the other."""

    rows: Int64s
    width: Int64s
    t_off: Int64s
    period: Int64s
    row_start: Int64s
    cell_start: Int64s
    delta_start: Int64s

    @staticmethod
    def of(columns: Sequence[Columns]) -> "_Frames":
        rows = _joined([c.rows for c in columns])
        width = _joined([c.width for c in columns])
        return _Frames(
            rows=rows,
            width=width,
            t_off=_joined([c.t_off for c in columns]),
            period=_joined([c.period for c in columns]),
            row_start=_starts(rows),
            cell_start=_starts(rows * width),
            delta_start=_starts((rows - 1) * width),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Where each reading, run by run, stands in the row-major columns of the wire."""

    row: Int64s
    """Its row, counted over all frames."""
    cell: Int64s
    """Its place among all readings."""
    delta: Int64s
    """Its place among all deltas; wrong for the first reading of a run, which has none."""

    @staticmethod
    def of(frames: _Frames, frame: Int64s, rows: Int64s, start: Int64s) -> "_Cells":
        width = frames.width[frame]
        column = np.arange(len(frame)) - np.repeat(_starts(frames.width), frames.width)
        # both steps of a run are 1 row and `width` cells; only where it begins differs
        i = np.arange(int(rows.sum())) - np.repeat(start, rows)
        down = i * np.repeat(width, rows)
        return _Cells(
            row=np.repeat(frames.row_start[frame], rows) + i,
            cell=np.repeat(frames.cell_start[frame] + column, rows) + down,
            delta=np.repeat(frames.delta_start[frame] + column - width, rows) + down,
        )


def _offsets(columns: Sequence[Columns], frames: _Frames) -> Int64s:
    """Return each row's time from the batch's t0."""
    frame = np.repeat(np.arange(len(frames.rows)), frames.rows)
    i = np.arange(len(frame)) - frames.row_start[frame]
    dt = _joined([c.dt for c in columns])
    offsets: Int64s = frames.t_off[frame] + i * frames.period[frame] + dt
    return offsets


def _values(
    columns: Sequence[Columns], cells: _Cells, run_start: Int64s, run_rows: Int64s
) -> Int64s:
    first = _joined([c.v0 for c in columns])
    deltas = _joined([c.dv for c in columns])
    if not len(deltas):
        return first
    steps = deltas.take(cells.delta, mode="clip")
    steps[run_start] = first
    total = np.cumsum(steps)
    # one sum over everything: what came before a run is taken off again, and should the sum
    # wrap around 2^64 on the way, so does what is taken off
    values: Int64s = total - np.repeat(total[run_start] - first, run_rows)
    return values


def _qualities(columns: Sequence[Columns], cells: _Cells) -> Bytes8s:
    flat = np.zeros(len(cells.cell), dtype=np.uint8)
    if not any(len(c.q) for c in columns):
        return flat
    counts = np.array([c.count for c in columns])
    runs = [len(c.q) for c in columns]
    start = _joined([c.q_start for c in columns]) + np.repeat(_starts(counts), runs)
    length = _joined([c.q_len for c in columns])
    inside = np.arange(int(length.sum())) - np.repeat(_starts(length), length)
    flat[np.repeat(start, length) + inside] = np.repeat(_joined([c.q for c in columns]), length)
    return flat[cells.cell]


def _starts(lengths: Int64s) -> Int64s:
    """Return where each of some parts begins when they are put one after the other."""
    starts: Int64s = np.cumsum(lengths) - lengths
    return starts


def _lengths(columns: Sequence[Column]) -> Int64s:
    return np.array([len(c) for c in columns])


def _joined(columns: Sequence[Column]) -> Int64s:
    """Return the entries of all columns, whatever their widths."""
    # decoded columns are views already; a new object for each would wake the garbage collector
    views = [c if isinstance(c, memoryview) else memoryview(c) for c in columns]
    formats = {view.format for view in views if len(view)}
    if len(formats) <= 1:
        raw = b"".join(views)
        return np.frombuffer(raw, formats.pop()).astype(np.int64) if raw else _EMPTY
    lengths = _lengths(views)
    joined = np.empty(int(lengths.sum()), dtype=np.int64)
    each = np.repeat(np.array([ord(view.format) for view in views]), lengths)
    for code in formats:
        same = b"".join([view for view in views if view.format == code])
        joined[each == ord(code)] = np.frombuffer(same, code)
    return joined


def _nothing() -> Expansion:
    return Expansion(
        run_record=_EMPTY,
        run_series=_EMPTY,
        run_exp=_EMPTY,
        run_start=_EMPTY,
        run_rows=_EMPTY,
        off=_EMPTY,
        v=_EMPTY,
        q=np.empty(0, dtype=np.uint8),
    )
