"""Accumulates rows and events into the next batch, never past its size.

Used by `edge.recorder`, which seals when `due_ms` has come, when `row` or `event` says that the
batch is full, on an alarm and on a clock step. Pure: time is what it is told.

The bound on the size holds at every moment, so that sealing only joins bytes and cannot fail.
An empty batch takes any single row or event within `MAX_WIDTH` and `MAX_EVENT_BYTES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import sub

from domain.frame import Frame
from edge.sealer.draft import ClockReading, Draft
from edge.sealer.rows import (
    SIGNED_CODES,
    UNSIGNED_CODES,
    FrameRows,
    QualityRun,
    extend_runs,
    joined,
    narrowest,
)
from edge.sealer.size import Extent
from evidence import cbor
from evidence.batch import Columns, Event
from evidence.event import decode_events

MAX_WIDTH = 2000  # what one Modbus request can ask for at most, as bits
MAX_EVENT_BYTES = 49152
MAX_VALUE = 1 << 52
MAX_STEP = (1 << 31) - 1  # of a value or of a row's time; SPEC.md has no wider delta
MAX_FRAMES = 4096  # shapes that are remembered; more than a batch can hold rows of


@dataclass(frozen=True, slots=True, kw_only=True)
class SealPolicy:
    """When a batch closes by itself."""

    period_ms: int = 60_000
    max_bytes: int = 57_344


class Sealer:
    """One open batch; begins empty at `clock`.

    All of it belongs to the event loop's thread.
    """

    def __init__(self, policy: SealPolicy, clock: ClockReading) -> None:
        self._policy = policy
        self._by_id: dict[int, FrameRows] = {}  # the frame is kept, so its id stays its own
        self._by_shape: dict[Frame, FrameRows] = {}
        self._begin(clock)

    @property
    def clock(self) -> ClockReading:
        """Return the clock reading that the open batch counts from."""
        return self._clock

    @property
    def due_ms(self) -> int:
        """Return the monotonic time at which the period of the open batch ends."""
        return self._clock.mono_ms + self._policy.period_ms

    @property
    def readings(self) -> int:
        """Return how many readings would die with the power now."""
        return sum(rows.rows * rows.width for rows in self._open)

    def obey(self, policy: SealPolicy) -> None:
        """Close batches by `policy` from now on; call it when nothing is open."""
        self._policy = policy

    def row(
        self,
        frame: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None,
    ) -> bool:
        """Take a row, or return False when the batch must be sealed first; see `edge.sink`.

        Raises:
            OverflowError: a value is beyond `MAX_VALUE`, which no batch can hold.
        """
        rows = self._by_id.get(id(frame)) or self._known(frame)
        if quality is not None:
            values = rows.filled(values, quality)
            runs = rows.runs_of(quality)
            if runs:
                return self._marked_row(rows, mono_ms, values, runs)
        if not rows.rows:
            return self._first_row(rows, mono_ms, values)
        cost = rows.width * self._extent.dv_width + self._extent.dt_width
        if self._bytes + cost > self._policy.max_bytes:
            return False
        try:
            rows.append(rows.jitter_ms(mono_ms), values)
        except OverflowError:
            return self._wider_row(rows, mono_ms, values)
        self._extent.rows += 1
        self._extent.deltas += rows.width
        self._bytes += cost
        return True

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> bool:
        """Take an event, or return False when the batch must be sealed first.

        Raises:
            ValueError: no batch can hold it.
            WireError: the body is not what SPEC.md says of the kind.
        """
        # Encoded and read back: what a source calls an IntEnum or a tuple is plain on the wire.
        encoded = cbor.encode([[mono_ms - self._clock.mono_ms, kind, channel, body]])
        size = len(encoded)
        if size > MAX_EVENT_BYTES:
            raise ValueError(f"an event of {size} bytes; {MAX_EVENT_BYTES} is the limit")
        (event,) = decode_events(cbor.decode(encoded))
        if self._bytes + size > self._policy.max_bytes and not self._empty:
            return False
        self._events.append(event)
        self._extent.event_bytes += size
        self._bytes += size
        return True

    def seal(
        self,
        clock: ClockReading,
        *,
        alarm: bool = False,
        dropped: int = 0,
        opens_epoch: bool = False,
        config: bytes = b"",
    ) -> Draft:
        """Close the batch and begin the next one at `clock`; the rest as in `Draft`."""
        readings = self.readings
        draft = Draft(
            clock=self._clock,
            columns=_columns(self._open, self._clock.mono_ms) if readings else None,
            events=tuple(self._events),
            readings=readings,
            alarm=alarm,
            dropped=dropped,
            opens_epoch=opens_epoch,
            config=config,
        )
        for rows in self._open:
            rows.clear()
        self._begin(clock)
        return draft

    @property
    def _empty(self) -> bool:
        return not self._open and not self._events

    def _begin(self, clock: ClockReading) -> None:
        self._clock = clock
        self._extent = Extent()
        self._bytes = self._extent.total_bytes()
        self._open: list[FrameRows] = []
        self._events: list[Event] = []

    def _known(self, frame: Frame) -> FrameRows:
        rows = self._by_shape.get(frame)
        if rows is None:
            if frame.width > MAX_WIDTH:
                raise ValueError(f"a frame of {frame.width} channels; {MAX_WIDTH} is the limit")
            if len(self._by_shape) >= MAX_FRAMES:
                self._forget_idle()
            rows = self._by_shape[frame] = FrameRows(frame)
            self._by_id[id(frame)] = rows
        return rows

    def _forget_idle(self) -> None:
        self._by_shape = {rows.frame: rows for rows in self._open}
        self._by_id = {id(rows.frame): rows for rows in self._open}

    def _first_row(self, rows: FrameRows, mono_ms: int, values: Sequence[int]) -> bool:
        v0 = narrowest(values, SIGNED_CODES)
        if v0.itemsize == 8 and max(map(abs, values)) > MAX_VALUE:
            raise OverflowError(f"a value of {rows.frame.channels[0]} is beyond 2^52")
        extent = self._extent
        before = extent.v0_width
        extent.frames += 1
        extent.series += rows.width
        extent.rows += 1
        extent.v0_width = max(before, v0.itemsize)
        if not self._fits():
            extent.frames -= 1
            extent.series -= rows.width
            extent.rows -= 1
            extent.v0_width = before
            return False
        rows.begin(mono_ms, values, v0)
        self._open.append(rows)
        return True

    def _wider_row(self, rows: FrameRows, mono_ms: int, values: Sequence[int]) -> bool:
        """Take a row that overflows `dv` or `dt`, widening whichever needs it."""
        dt_ms = rows.jitter_ms(mono_ms)
        dt = narrowest((dt_ms,), SIGNED_CODES)
        steps = list(map(sub, values, rows.last))
        if max(dt_ms, *map(abs, steps)) > MAX_STEP:
            return False  # the next batch begins with absolute values
        dv = narrowest(steps, SIGNED_CODES)
        extent = self._extent
        before = (extent.dt_width, extent.dv_width)
        extent.dt_width = max(extent.dt_width, dt.itemsize)
        extent.dv_width = max(extent.dv_width, dv.itemsize)
        extent.rows += 1
        extent.deltas += rows.width
        if not self._fits():
            extent.dt_width, extent.dv_width = before
            extent.rows -= 1
            extent.deltas -= rows.width
            return False
        rows.dt = joined((rows.dt, dt), SIGNED_CODES)
        rows.dv = joined((rows.dv, dv), SIGNED_CODES)
        rows.last = values
        rows.rows += 1
        return True

    def _marked_row(
        self, rows: FrameRows, mono_ms: int, values: Sequence[int], runs: list[QualityRun]
    ) -> bool:
        """Take a row of which some readings are not good."""
        self._extent.runs += len(runs)
        if self._fits() and self.row(rows.frame, mono_ms, values, None):
            rows.mark(runs)
            return True
        self._extent.runs -= len(runs)
        self._fits()
        return False

    def _fits(self) -> bool:
        """Take the extent's size as the batch's; return whether that is within the limit."""
        size = self._extent.total_bytes()
        if size > self._policy.max_bytes and not self._empty:
            return False
        self._bytes = size
        return True


def _columns(open_rows: Sequence[FrameRows], mono_ms: int) -> Columns:
    runs: list[QualityRun] = []
    start = 0
    for rows in open_rows:
        extend_runs(runs, ((start + at, length, q) for at, length, q in rows.quality))
        start += rows.rows * rows.width
    frames = [rows.frame for rows in open_rows]
    times = [rows.times() for rows in open_rows]
    return Columns(
        rows=narrowest([rows.rows for rows in open_rows], UNSIGNED_CODES),
        width=narrowest([rows.width for rows in open_rows], UNSIGNED_CODES),
        t_off=narrowest([first_ms - mono_ms for first_ms, _ in times], SIGNED_CODES),
        period=narrowest([frame.period_ms for frame in frames], UNSIGNED_CODES),
        channel=joined([rows.channels for rows in open_rows], UNSIGNED_CODES),
        exp=joined([rows.exps for rows in open_rows], SIGNED_CODES),
        v0=joined([rows.v0 for rows in open_rows], SIGNED_CODES),
        dt=joined([dt for _, dt in times], SIGNED_CODES),
        dv=joined([rows.dv for rows in open_rows], SIGNED_CODES),
        q_start=narrowest([at for at, _, _ in runs], UNSIGNED_CODES),
        q_len=narrowest([length for _, length, _ in runs], UNSIGNED_CODES),
        q=narrowest([q for _, _, q in runs], UNSIGNED_CODES),
    )
