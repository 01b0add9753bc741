"""Does what the schedule of one bus says: sends, waits, hands rows on.

Used by `edge.modbus.source`. Runs in callbacks of the event loop, with one timer per bus and no
task per poll, because this is where a gateway spends its time. At most one poll is under way;
all state is touched from the loop's thread only.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from domain.quality import Quality
from edge.clock import Clock
from edge.errors import EdgeError
from edge.modbus.config import ModbusBus
from edge.modbus.errors import LineLostError
from edge.modbus.frames import Malformed, Outcome, Refusal
from edge.modbus.schedule import Schedule, Slot
from edge.modbus.status import Tally
from edge.modbus.wire import Wire
from edge.sink import Sink

SILENT_POLLS: Final = 3
"""So many polls without a single byte, and a connection is taken for dead and made anew."""
TIMER_MARGIN_S: Final = 0.000_05
"""The loop may fire a little early; by then the clock must have reached the millisecond."""


class Poller:
    """Polls one bus; lines may come (`attach`) and go as often as they like."""

    def __init__(
        self, bus: ModbusBus, sink: Sink, clock: Clock, tally: Tally, *, at_once: bool = False
    ) -> None:
        self.crashed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Ends with whatever a callback raised: a programming mistake, no device's fault."""
        self._loop = asyncio.get_running_loop()
        self._sink = sink
        self._clock = clock
        self._tally = tally
        self._schedule = Schedule(bus, clock.mono_ms(), at_once=at_once)
        self._timeout_s = bus.timeout_ms / 1000
        self._wire: Wire | None = None
        self._lost: asyncio.Future[EdgeError] | None = None
        self._slot: Slot | None = None  # the poll under way
        self._sent_ms = 0
        self._wake_ms = 0
        self._timer: asyncio.TimerHandle | None = None
        self._offset_s = float("inf")  # the loop's time less the clock's
        self._heard_ms = 0
        self._silent_polls = 0
        # A serial line is used only after some silence, in the loop's time; one that babbles is
        # used all the same when the second limit has passed.
        self._quiet_until_s = 0.0
        self._quiet_limit_s = 0.0

    @property
    def is_idle(self) -> bool:
        """Return whether no poll is under way."""
        return self._slot is None

    @property
    def line_strays(self) -> int:
        """Strays of the open line, which the tally does not count yet."""
        return self._wire.codec.strays if self._wire is not None else 0

    def start(self) -> None:
        """Begin: from now on every slot gives a row, with or without a line."""
        self._guarded(lambda: self._advance(self._now_ms()))

    def attach(self, wire: Wire) -> asyncio.Future[EdgeError]:
        """Poll over `wire`; the result is why it was lost, by which time it is closed."""
        self._wire = wire
        self._lost = self._loop.create_future()
        self._silent_polls = 0
        self._loop.add_reader(wire.fileno(), self._guarded, self._on_readable)
        return self._lost

    def close(self) -> None:
        """Stop for good."""
        self._cancel_timer()
        self._detach()

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a callback; what it must not raise ends the source instead of stalling it."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - re-raised by whoever awaits `crashed`
            self.close()
            if not self.crashed.done():
                self.crashed.set_exception(error)

    def _on_timer(self) -> None:
        self._timer = None
        now_ms = self._now_ms()
        slot = self._slot
        if now_ms < self._wake_ms:  # the two clocks have moved apart
            self._offset_s = self._loop.time() - now_ms / 1000
            self._wake_at(self._wake_ms)
        elif slot is None:
            self._advance(now_ms)
        else:
            self._expire(slot, now_ms)

    def _on_silence(self) -> None:
        self._timer = None
        self._advance(self._now_ms())

    def _on_readable(self) -> None:
        wire = self._wire
        if wire is None:
            return
        try:
            data = wire.read()
            if not data:
                return
            now_ms = self._clock.mono_ms()
            outcome = wire.codec.feed(data)
        except EdgeError as error:
            self._lose(error)
            return
        self._heard_ms = now_ms
        self._silent_polls = 0
        if wire.gap_s:
            self._quiet_until_s = self._loop.time() + wire.gap_s
        slot = self._slot
        if outcome is not None and slot is not None:
            self._settle(slot, outcome, now_ms)
            self._advance(now_ms)

    def _advance(self, now_ms: int) -> None:
        """Send what is due, or wait until something is; no poll is under way."""
        schedule = self._schedule
        if self._quiet_until_s and schedule.wake_ms <= now_ms and self._wait_for_silence():
            return
        wire = self._wire
        slot = schedule.take(now_ms, is_up=wire is not None)
        if schedule.gaps:
            self._report_gaps()
        if slot is None or wire is None:
            self._wake_at(schedule.wake_ms)
        else:
            self._send(wire, slot, now_ms)

    def _send(self, wire: Wire, slot: Slot, now_ms: int) -> None:
        self._slot = slot
        self._sent_ms = now_ms
        self._tally.polls += 1
        self._wake_at(now_ms + slot.query.patience_ms)
        try:
            wire.write(wire.codec.begin(slot.query.request))
        except LineLostError as error:
            self._lose(error)

    def _settle(self, slot: Slot, outcome: Outcome, now_ms: int) -> None:
        self._slot = None
        self._cancel_timer()
        schedule = self._schedule
        match outcome:
            case bytes():
                self._tally.answered(slot.device, now_ms)
                schedule.answered(slot, now_ms)
                if schedule.gaps:
                    self._report_gaps()
                query = slot.query
                values, quality = query.decode(outcome)
                self._sink.row(query.frame, now_ms, values, quality)
            case Refusal(code):
                self._tally.refused(slot.device, str(outcome))
                schedule.refused(slot, code, self._sent_ms, now_ms)
            case Malformed(reason):
                self._tally.refused(slot.device, f"malformed answer: {reason}")
                schedule.interrupted(slot, now_ms, Quality.EXCEPTION)

    def _expire(self, slot: Slot, now_ms: int) -> None:
        wire = self._wire
        outcome = wire.codec.abandon() if wire is not None else None
        if outcome is not None:
            self._settle(slot, outcome, self._heard_ms)
        else:
            self._slot = None
            self._silent_polls += 1
            self._tally.timed_out(slot.device)
            self._schedule.unanswered(slot, self._sent_ms, now_ms)
        if wire is not None and wire.is_connection and self._silent_polls >= SILENT_POLLS:
            self._lose(LineLostError(f"no byte in {SILENT_POLLS} polls"))
        else:
            self._advance(now_ms)

    def _lose(self, error: EdgeError) -> None:
        """Close the line, report the poll under way as a gap, go on without."""
        self._detach()
        slot, self._slot = self._slot, None
        now_ms = self._now_ms()
        if slot is not None:
            self._cancel_timer()
            self._tally.cut_off(slot.device, str(error))
            self._schedule.interrupted(slot, now_ms, Quality.TIMEOUT)
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(error)
        if slot is not None or self._timer is None:
            self._advance(now_ms)

    def _detach(self) -> None:
        wire, self._wire = self._wire, None
        self._quiet_until_s = 0.0
        if wire is not None:
            self._loop.remove_reader(wire.fileno())
            self._tally.strays += wire.codec.strays
            wire.close()

    def _report_gaps(self) -> None:
        gaps = self._schedule.gaps
        self._tally.missed += self._schedule.missed
        self._schedule.missed = 0
        for gap in gaps:
            query = gap.slot.query
            quality = (int(gap.quality),) * len(query.zeros)
            self._sink.row(query.frame, gap.at_ms, query.zeros, quality)
        gaps.clear()

    def _wait_for_silence(self) -> bool:
        """Return whether the line must stay silent for a while; then a timer is set."""
        until_s = self._quiet_until_s
        now_s = self._loop.time()
        self._quiet_limit_s = self._quiet_limit_s or now_s + self._timeout_s
        if now_s >= min(until_s, self._quiet_limit_s):
            self._quiet_until_s = self._quiet_limit_s = 0.0
            return False
        self._cancel_timer()
        self._timer = self._loop.call_at(until_s, self._guarded, self._on_silence)
        return True

    def _wake_at(self, at_ms: int) -> None:
        self._wake_ms = at_ms
        if self._timer is not None:
            self._timer.cancel()
        at_s = at_ms / 1000 + self._offset_s + TIMER_MARGIN_S
        self._timer = self._loop.call_at(at_s, self._guarded, self._on_timer)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now_ms(self) -> int:
        """Return the clock's time, and note how the loop's time relates to it.

        A time in whole milliseconds is up to one too early, so the least difference seen is the
        best, and timers of all buses that are due together fire together. A suspended machine,
        on which only the loop's clock stands still, lessens it too.
        """
        now_ms = self._clock.mono_ms()
        self._offset_s = min(self._offset_s, self._loop.time() - now_ms / 1000)
        return now_ms
