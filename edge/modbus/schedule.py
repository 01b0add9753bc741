"""When each read of a bus is due, which is next, and which polls were missed.

Used by `edge.modbus.poller`. Pure: time is CLOCK_BOOTTIME in milliseconds, passed in. Every
read has slots at fixed instants (phase + n x period), so nothing drifts. A slot is served once
or missed; one that was asked late is stamped when its answer arrives. A slot whose successor is
due is missed: it is counted, and reported as a gap at the instant it was due. The caller has at
most one poll under way: after `take` it settles that slot (`answered`, `refused`, `unanswered`,
`interrupted`) before it takes another.

A schedule that takes over from another begins `at_once` with the slot of the present period, so
that no two rows are further apart than before.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final
from zlib import crc32

from domain.profiles.model import RegisterTable
from domain.quality import Quality
from edge.modbus.budget import Budget, Unit
from edge.modbus.config import LinkKind, ModbusBus, ModbusDevice
from edge.modbus.frames import NO_TARGET, PATH_UNAVAILABLE
from edge.modbus.learning import Layout, Piece
from edge.modbus.plan import PlannedPoint
from edge.modbus.query import Query

PHASES: Final = 8
"""Into so many instants per period the devices are spread. Fewer instants mean fewer wake-ups,
which on an idle machine cost more than the polls themselves."""
MAX_GAP_ROWS: Final = 256
"""After a long standstill only the latest missed slots of a read are reported one by one."""
SILENT_CODES: Final = frozenset({PATH_UNAVAILABLE, NO_TARGET})
"""Exceptions by which a gateway says that it waited for the device in vain."""


@dataclass(slots=True, eq=False)
class Slot:
    """A read's place in the cadence: `due_ms` is the first instant that is not yet settled."""

    query: Query
    device: int
    unit: Unit
    layout: Layout
    piece: Piece
    period_ms: int
    due_ms: int
    last_ms: int = -1
    """When the latest row of this read was; the next one is later."""
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Gap:
    """A row without values."""

    slot: Slot
    at_ms: int
    quality: Quality


class Schedule:
    """The cadence of all devices on one bus. `gaps` is emptied by whoever reports them."""

    def __init__(self, bus: ModbusBus, now_ms: int, *, at_once: bool = False) -> None:
        self.gaps: list[Gap] = []
        self.missed = 0
        """Slots in which nothing was asked, since whoever reports them set it to 0."""
        self._bus = bus
        self._units = {device.unit: Unit(device.unit) for device in bus.devices}
        self._budget = Budget(len(self._units), now_ms)
        # A late answer on a serial line does not say which request it is for.
        self._hold_ms = bus.timeout_ms if bus.kind is LinkKind.RTU else 0
        self._heap: list[tuple[int, int, Slot]] = []
        self._pushes = 0
        self._slots: defaultdict[Layout, list[Slot]] = defaultdict(list)
        for index, device in enumerate(bus.devices):
            due_ms, last_ms = _first_due_ms(bus, index, now_ms), -1
            if at_once and due_ms > now_ms:
                due_ms, last_ms = due_ms - device.period_ms, now_ms - 1
            for layout in _layouts(device, bus.max_hole):
                self._use(layout.pieces(), layout, index, due_ms, last_ms)

    @property
    def wake_ms(self) -> int:
        """Return when `take` may have something to do; it is not late to ask earlier."""
        return self._heap[0][0]

    def take(self, now_ms: int, *, is_up: bool) -> Slot | None:
        """Return the slot to poll now, or None; `is_up` tells whether the line is there.

        What was missed meanwhile is added to `gaps`.
        """
        heap = self._heap
        while heap[0][0] <= now_ms:
            slot = heappop(heap)[2]
            if slot.is_dropped:
                continue
            if now_ms - slot.due_ms >= slot.period_ms:
                self._miss_until(slot, now_ms)
            if not is_up:
                self._miss(slot, Quality.TIMEOUT)
            elif slot.piece.retry_ms > now_ms:
                self._miss(slot, Quality.EXCEPTION)
            elif slot.unit.hold_ms > now_ms:
                self._push(slot, slot.unit.hold_ms)
            elif not self._budget.may_ask(slot.unit, slot.query.patience_ms, now_ms):
                self._miss(slot, slot.unit.silence)
            else:
                return slot
        return None

    def answered(self, slot: Slot, now_ms: int) -> None:
        """Settle a slot whose answer arrived at `now_ms`, which is its row's time.

        What was missed while it was waited for is added to `gaps`: report it before the row.
        """
        slot.due_ms += slot.period_ms
        if now_ms - slot.due_ms >= slot.period_ms:
            self._miss_until(slot, now_ms)
        slot.last_ms = now_ms
        if slot.unit.is_silent:
            self._budget.answered(slot.unit)
        if slot.layout.is_unsettled:
            slot.layout.answered(slot.piece)
        self._next(slot)

    def refused(self, slot: Slot, code: int, sent_ms: int, now_ms: int) -> None:
        """Settle a slot that was answered with an exception."""
        if code in SILENT_CODES:
            self._waited(slot, Quality.EXCEPTION, sent_ms, now_ms)
        elif slot.unit.is_silent:
            self._budget.answered(slot.unit)
        instead = slot.layout.refused(slot.piece, code, now_ms)
        if instead:
            self._drop(slot)
            self._use(instead, slot.layout, slot.device, slot.due_ms, slot.last_ms)
        else:
            self._fail(slot, Quality.EXCEPTION)

    def unanswered(self, slot: Slot, sent_ms: int, now_ms: int) -> None:
        """Settle a slot whose answer did not come in time."""
        self._waited(slot, Quality.TIMEOUT, sent_ms, now_ms)
        slot.unit.hold_ms = now_ms + self._hold_ms
        slot.layout.unanswered(slot.piece, now_ms)
        self._fail(slot, Quality.TIMEOUT)

    def interrupted(self, slot: Slot, now_ms: int, quality: Quality) -> None:
        """Settle a slot whose poll failed through no silence of the device."""
        slot.layout.unanswered(slot.piece, now_ms)
        self._fail(slot, quality)

    def _waited(self, slot: Slot, silence: Quality, sent_ms: int, now_ms: int) -> None:
        # A machine that was suspended or stalled meanwhile is not the device's fault.
        wait_ms = min(now_ms - sent_ms, slot.query.patience_ms)
        self._budget.waited(slot.unit, wait_ms, now_ms, silence)

    def _fail(self, slot: Slot, quality: Quality) -> None:
        self._gap(slot, quality)
        self._next(slot)

    def _miss(self, slot: Slot, quality: Quality) -> None:
        self.missed += 1
        self._fail(slot, quality)

    def _miss_until(self, slot: Slot, now_ms: int) -> None:
        """Count the slots whose successor is due by `now_ms`."""
        count = (now_ms - slot.due_ms) // slot.period_ms
        self.missed += count
        unreported = max(0, count - MAX_GAP_ROWS)
        slot.due_ms += unreported * slot.period_ms
        for _ in range(count - unreported):
            self._gap(slot, Quality.TIMEOUT)

    def _gap(self, slot: Slot, quality: Quality) -> None:
        """Add a gap at the slot's instant and go on to the next."""
        slot.last_ms = max(slot.due_ms, slot.last_ms + 1)
        self.gaps.append(Gap(slot, slot.last_ms, quality))
        slot.due_ms += slot.period_ms

    def _next(self, slot: Slot) -> None:
        """Queue a settled slot again, or what its device is read by from now on."""
        self._push(slot, max(slot.due_ms, slot.last_ms + 1))
        if slot.layout.can_be_planned:
            self._plan(slot.layout)

    def _plan(self, layout: Layout) -> None:
        slots = self._slots[layout]
        due_ms = slots[0].due_ms
        if any(slot.due_ms != due_ms for slot in slots):
            return  # between two rounds no point is read twice or left out
        last_ms = max(slot.last_ms for slot in slots)
        device = slots[0].device
        for slot in tuple(slots):
            self._drop(slot)
        self._use(layout.pieces(), layout, device, due_ms, last_ms)

    def _drop(self, slot: Slot) -> None:
        slot.is_dropped = True
        self._slots[slot.layout].remove(slot)

    def _use(
        self, pieces: Iterable[Piece], layout: Layout, device: int, due_ms: int, last_ms: int
    ) -> None:
        of = self._bus.devices[device]
        for piece in pieces:
            slot = Slot(
                query=Query(self._bus, of.unit, of.period_ms, piece.read),
                device=device,
                unit=self._units[of.unit],
                layout=layout,
                piece=piece,
                period_ms=of.period_ms,
                due_ms=due_ms,
                last_ms=last_ms,
            )
            self._slots[layout].append(slot)
            self._push(slot, max(due_ms, last_ms + 1))

    def _push(self, slot: Slot, ready_ms: int) -> None:
        self._pushes += 1  # those that are due together are asked in the order they came
        heappush(self._heap, (ready_ms, self._pushes, slot))


def _layouts(device: ModbusDevice, max_hole: int) -> Iterable[Layout]:
    tables: defaultdict[RegisterTable, list[PlannedPoint]] = defaultdict(list)
    for point, spec in device.specs():
        tables[spec.table].append(PlannedPoint(channel=point.channel, spec=spec))
    for points in tables.values():
        yield Layout(points, max_hole)


def _first_due_ms(bus: ModbusBus, index: int, now_ms: int) -> int:
    """Return the first instant of a device's phase that has not passed.

    Devices of one bus are spread evenly; which phase the first one has differs by bus, so that
    a hundred buses do not fire at once. Phases are fixed on the monotonic clock: devices of
    equal period and phase, on whatever bus, are due in the same millisecond.
    """
    period_ms = bus.devices[index].period_ms
    turn = (crc32(bus.name.encode()) + index * PHASES // len(bus.devices)) % PHASES
    phase_ms = period_ms * turn // PHASES
    return now_ms + (phase_ms - now_ms) % period_ms
