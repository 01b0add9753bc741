"""A Modbus line in simulated time: does what a schedule says, as fast as Python can."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.modbus.config import ModbusBus
from edge.modbus.schedule import Schedule, Slot
from tests.support.modbus_builders import RecordingSink

Reply = tuple[str, int]
"""("data" | "silence" | exception code as text, milliseconds until it is known)."""


@dataclass
class SimulatedLine:
    """`reply` says how a poll at a time ends; silence lasts the time-out."""

    bus: ModbusBus
    reply: Callable[[Slot, int], Reply]
    start_ms: int = 0
    is_up: Callable[[int], bool] = lambda _: True
    sink: RecordingSink = field(default_factory=RecordingSink)
    waited_ms: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    asked: list[tuple[int, int]] = field(default_factory=list)
    """(time, unit) of every request."""
    answers: int = 0
    failures: int = 0

    def __post_init__(self) -> None:
        self.now_ms = self.start_ms
        self.schedule = Schedule(self.bus, self.now_ms)

    def run_until(self, end_ms: int) -> None:
        """Poll from where time stands to `end_ms`."""
        while self.now_ms < end_ms:
            slot = self.schedule.take(self.now_ms, is_up=self.is_up(self.now_ms))
            self._report()
            if slot is None:
                self.now_ms = max(self.now_ms, self.schedule.wake_ms)
            else:
                self._poll(slot)

    def _poll(self, slot: Slot) -> None:
        sent_ms = self.now_ms
        unit = slot.query.request.unit
        self.asked.append((sent_ms, unit))
        kind, after_ms = self.reply(slot, sent_ms)
        silent = kind == "silence"
        self.now_ms += slot.query.patience_ms if silent else after_ms
        if kind == "data":
            self.schedule.answered(slot, self.now_ms)
            self._report()
            self.answers += 1
            self.sink.row(slot.query.frame, self.now_ms, slot.query.zeros, None)
            return
        self.failures += 1
        self.waited_ms[unit] += self.now_ms - sent_ms
        if silent:
            self.schedule.unanswered(slot, sent_ms, self.now_ms)
        else:
            self.schedule.refused(slot, int(kind), sent_ms, self.now_ms)
        self._report()

    def _report(self) -> None:
        for gap in self.schedule.gaps:
            query = gap.slot.query
            quality = (int(gap.quality),) * len(query.zeros)
            self.sink.row(query.frame, gap.at_ms, query.zeros, quality)
        self.schedule.gaps.clear()


def by_unit(
    replies: Mapping[int, Reply], otherwise: Reply = ("data", 5)
) -> Callable[[Slot, int], Reply]:
    """Return a `reply` in which every unit always answers in the same way."""
    return lambda slot, _: replies.get(slot.unit.unit, otherwise)
