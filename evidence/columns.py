"""The readings of a batch as columns over all series (SPEC.md section 4).

A frame is what one request samples together: its rows share one time column. Twelve columns
describe all frames; the three of quality are absent when every reading is good, and a column
with one entry a frame or a series is written as one entry when all are equal. What is read
stays in the bytes it came in: memory is bounded by them, and no object is made per reading.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul
from typing import Final, TypeAlias

from evidence import cbor, typed
from evidence.errors import WireError

Column: TypeAlias = "memoryview | array[int]"
"""Integers of one type; compares by value with any other column."""

NO_VALUE_FROM: Final = 8
MAX_V0: Final = 1 << 52
"""With it no v reaches 2^53: a batch holds fewer than 2^16 deltas, each below 2^31."""
NOTHING: Final[Column] = memoryview(b"")

_U1, _U2, _U4 = (typed.spelled(typed.UNSIGNED, max_width=w) for w in (1, 2, 4))
_S1, _S4, _S8 = (typed.spelled(typed.SIGNED, max_width=w) for w in (1, 4, 8))
_GOOD = (_U2, _U2, _S4, _U4, _U4, _S1, _S8, _S4, _S4)
_MIXED = (*_GOOD, _U2, _U2, _U1)
_ARRAY_OF = {cbor.head(cbor.ARRAY, len(kinds)): kinds for kinds in (_GOOD, _MIXED)}


@dataclass(slots=True, kw_only=True)
class Columns:
    """All readings of a batch; never changed once made.

    Not frozen, because freezing more than doubles the cost of making one, and one is made per
    batch accepted. `rows`, `width`, `t_off` and `period` have one entry a frame; `channel`,
    `exp` and `v0` one a series, frame by frame; `dt` one a row; `dv` one a reading but for the
    first of each series, row by row. Times are ms. A run of quality starts at a reading counted
    over all frames, row by row.
    """

    rows: Column
    width: Column
    t_off: Column
    period: Column
    channel: Column
    exp: Column
    v0: Column
    dt: Column
    dv: Column
    q_start: Column = NOTHING
    q_len: Column = NOTHING
    q: Column = NOTHING

    @property
    def count(self) -> int:
        """Number of readings, those without a value included."""
        return len(self.dv) + len(self.channel)


def encode_columns(columns: Columns) -> bytes:
    """Return the encoded array of typed arrays; it is not checked here."""
    c = columns
    parts = [
        typed.pack_unsigned(c.rows),
        typed.pack_unsigned(_collapse(c.width)),
        typed.pack_signed(_collapse(c.t_off)),
        typed.pack_unsigned(_collapse(c.period)),
        typed.pack_unsigned(c.channel),
        typed.pack_signed(_collapse(c.exp)),
        typed.pack_signed(_collapse(c.v0)),
        typed.pack_signed(c.dt),
        typed.pack_signed(c.dv),
    ]
    if c.q:
        parts += [typed.pack_unsigned(column) for column in (c.q_start, c.q_len, c.q)]
    return cbor.encode(parts)


def _collapse(column: Column) -> Column:
    return column[:1] if len(set(column)) == 1 else column


def read_columns(data: bytes, at: int) -> tuple[Columns, int]:
    """Return the columns that start at `at` and the position after them.

    The result refers to `data`. Cost grows with frames and series, not with readings, unless a
    column of readings needs more than one byte an entry.

    Raises:
        WireError: "canonical" for a second spelling, else "field" or "cbor".
    """
    kinds = _ARRAY_OF.get(data[at : at + 1])
    if kinds is None:
        raise WireError("field", "columns are not an array of 9 or 12")
    parts, end = typed.read_all(data, at + 1, kinds)
    rows, width, t_off, period, channel, exp, v0, dt, dv = parts[:9]
    frames, series = len(rows), len(channel)
    if not frames or not series or min(rows) < 1:
        raise WireError("field", "columns without a row; they are left out instead")
    _check_lengths(parts)
    columns = Columns(
        rows=rows,
        width=_spread(width, frames),
        t_off=_spread(t_off, frames),
        period=_spread(period, frames),
        channel=channel,
        exp=_spread(exp, series),
        v0=_spread(v0, series),
        dt=dt,
        dv=dv,
    )
    if v0.itemsize == 8 and (max(v0) > MAX_V0 or min(v0) < -MAX_V0):
        raise WireError("field", "v0 is over 2^52")
    if len(set(channel)) != series:
        _check_channels(columns)
    if kinds is _MIXED:
        columns.q_start, columns.q_len, columns.q = parts[9:]
        _check_quality(columns)
    return columns, end


def _spread(column: memoryview, length: int) -> memoryview:
    """Return `length` entries: `column` as it is, or its one entry repeated."""
    if len(column) == length:
        if length > 1 and column[0] == column[-1] and len(set(column)) == 1:
            raise WireError("canonical", "equal entries of a column are written once")
        return column
    if len(column) != 1:
        raise WireError("field", f"column has {len(column)} entries, expected {length}")
    return typed.repeated(column, length)


def _check_lengths(parts: Sequence[memoryview]) -> None:
    """Check that frames, series, rows and readings add up; `width` may be one for all."""
    rows, width, _, _, channel, _, _, dt, dv = parts[:9]
    frames, row_count = len(rows), sum(rows)
    if len(width) == 1:
        series, readings = frames * width[0], row_count * width[0]
    elif len(width) == frames:
        series, readings = sum(width), sum(map(mul, rows, width))
    else:
        raise WireError("field", f"column has {len(width)} entries, expected {frames}")
    if series != len(channel) or min(width) < 1:
        raise WireError("field", "widths of the frames do not add up to the series")
    if row_count != len(dt) or readings != len(dv) + series:
        raise WireError("field", "rows of the frames do not add up to dt or dv")


def _check_channels(c: Columns) -> None:
    """A channel may be in two frames of a batch, never twice in one row."""
    start = 0
    for width in c.width:
        frame = c.channel[start : start + width]
        if len(set(frame)) != width:
            raise WireError("field", "channel is in a frame twice")
        start += width


def _check_quality(c: Columns) -> None:
    if not len(c.q) or not len(c.q) == len(c.q_start) == len(c.q_len):
        raise WireError("field", "quality columns are empty or differ in length")
    end, before = 0, 0
    missing = []
    for start, length, quality in zip(c.q_start, c.q_len, c.q, strict=True):
        if start < end or length < 1 or quality == 0:
            raise WireError("field", "runs of quality overlap, are empty or say good")
        if start == end and quality == before:
            raise WireError("canonical", "runs of quality are not the longest possible")
        end, before = start + length, quality
        if quality >= NO_VALUE_FROM:
            missing.append((start, end))
    if end > c.count:
        raise WireError("field", "run of quality goes past the last reading")
    _check_still(c, missing)


def _check_still(c: Columns, missing: Sequence[tuple[int, int]]) -> None:
    """A reading without a value has delta 0: nothing can be told where nothing was read.

    Frames and runs are in order and walked together, so the work is their sum. The last frame
    ends with the last reading, and no run goes past it.
    """
    frames = _later_rows(c)
    low, high, shift = next(frames)
    for start, end in missing:
        while True:
            if any(c.dv[max(low, start) - shift : max(min(high, end) - shift, 0)]):
                raise WireError("field", "reading without a value has a delta")
            if high >= end:
                break
            low, high, shift = next(frames)


def _later_rows(c: Columns) -> Iterator[tuple[int, int, int]]:
    """Yield, for each frame, the readings after its first row, and their distance to `dv`."""
    first, series = 0, 0
    for rows, width in zip(c.rows, c.width, strict=True):
        series += width
        yield first + width, first + rows * width, series
        first += rows * width


def walk(columns: Columns, t0: int) -> Iterator[tuple[int, int, int, int, int]]:
    """Yield (channel, exp, t_ms, v, quality) of every reading, frame by frame, row by row.

    `v` means nothing when the quality is `NO_VALUE_FROM` or more. For tests, the verifier and
    small consumers; it makes objects per reading.
    """
    deltas, times = iter(columns.dv), iter(columns.dt)
    quality = _qualities(columns)
    series = 0
    for frame, rows in enumerate(columns.rows):
        end = series + columns.width[frame]
        heads = list(zip(columns.channel[series:end], columns.exp[series:end], strict=True))
        values = list(columns.v0[series:end])
        start = t0 + columns.t_off[frame]
        for row in range(rows):
            t_ms = start + row * columns.period[frame] + next(times)
            if row:
                values = [value + next(deltas) for value in values]
            for (channel, exp), value in zip(heads, values, strict=True):
                yield channel, exp, t_ms, value, next(quality)
        series = end


def _qualities(columns: Columns) -> Iterator[int]:
    at = 0
    for start, length, quality in zip(columns.q_start, columns.q_len, columns.q, strict=True):
        yield from (0 for _ in range(start - at))
        yield from (quality for _ in range(length))
        at = start + length
    while True:
        yield 0
