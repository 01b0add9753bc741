"""What the sources feed: judges each row, seals, and hands batches to the disk thread.

    source --row--> judge --alarm--> annunciator, and an event in the batch
           --row--> sealer --draft--> queue --> writer (disk thread) --> uplink

Everything here belongs to the event loop and returns at once. A batch is sealed when its period
ends, when it is full, at once on an alarm, and when the wall clock steps or its sync changes.

Limits: `QUEUE_MAX` drafts wait for the disk; a disk slower than that costs readings, which are
counted, and no event. `ALARM_BURST` alarms seal at once, a flood of them every `ALARM_GAP_MS`.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.channel import Channel
from domain.frame import Frame
from domain.quality import NO_VALUE_FROM
from edge.annunciator import Annunciator
from edge.clock import Clock
from edge.disk_thread import DiskThread
from edge.judge.alarm import LocalAlarm
from edge.judge.frame_judge import JudgedPoint
from edge.judge.judge import LocalJudge
from edge.recorder.clock_watch import read_clock, step_ms
from edge.recorder.table import table_bodies
from edge.recorder.writer import BatchWriter, Written
from edge.sealer.draft import Draft
from edge.sealer.sealer import Sealer, SealPolicy
from evidence.errors import WireError
from evidence.event import EventKind
from evidence.point_table import table_hash

log = logging.getLogger(__name__)

TICK_S = 0.25
QUEUE_MAX = 16
ALARM_GAP_MS = 500
ALARM_BURST = 4  # a pre-alarm, its alarm and their ends do not wait for each other
DAY_MS = 86_400_000
STALLED = "disk_stalled"
REFUSED_ROW = "value_out_of_bounds"
REFUSED_EVENT = "event_out_of_bounds"

StateBody = Callable[[Mapping[str, int]], Mapping[int, object]]
"""Makes the body of a STATE event from the readings dropped so far, by reason."""


@dataclass(slots=True, kw_only=True)
class RecorderParts:
    """What a recorder works with; `on_written` is told of each durable batch, on the loop."""

    clock: Clock
    judge: LocalJudge
    annunciator: Annunciator
    channels: Sequence[Channel]
    state_body: StateBody
    writer: BatchWriter
    disk: DiskThread
    on_written: Callable[[Written], None]
    policy: SealPolicy = field(default_factory=SealPolicy)


class Recorder:
    """The sink of all sources (`edge.sink.Sink`)."""

    def __init__(self, parts: RecorderParts) -> None:
        self._parts = parts
        self._sealer = Sealer(parts.policy, read_clock(parts.clock))
        self._drafts: asyncio.Queue[Draft] = asyncio.Queue(QUEUE_MAX)
        self._dropped: Counter[str] = Counter()
        self._dropped_unsaid = 0  # in no batch's total yet
        self._alarm_waits = False
        self._opens_epoch = False
        self._config = b""  # of a point table that no batch tells yet
        self._left_epoch = b""
        self._alarm_room_ms = 0  # every alarm sealed moves it on by a gap; never behind time
        self._state_ms = 0
        self._sounding = False
        self._trouble = ""  # why the last draft was not stored whole
        self.batches = 0
        self.readings = 0
        self.heard_ms: int | None = None
        """When a row last brought a value; None before the first."""

    @property
    def unsealed(self) -> int:
        """Return how many readings would die with the power now."""
        return self._sealer.readings

    @property
    def dropped(self) -> Mapping[str, int]:
        """Return the readings and events that were dropped, by reason."""
        return dict(self._dropped)

    @property
    def alarms(self) -> int:
        """Return how many local alarms stand now."""
        return self._parts.judge.active

    @property
    def trouble(self) -> str:
        """Return why the last batch was not stored whole; empty when it was."""
        return self._trouble

    # -- the sink

    def row(
        self,
        frame: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None,
    ) -> None:
        """Take a row; see `edge.sink.Sink`."""
        if quality is None or min(quality) < NO_VALUE_FROM:
            self.heard_ms = mono_ms
        alarms = self._parts.judge.row(frame, mono_ms, values, quality)
        try:
            if not self._sealer.row(frame, mono_ms, values, quality):
                self._seal()
                self._sealer.row(frame, mono_ms, values, quality)
        except (OverflowError, ValueError) as error:
            self._count(REFUSED_ROW, len(frame.channels))
            self._dropped_unsaid += len(frame.channels)
            log.warning("a row of channel %d is not recorded: %s", frame.channels[0], error)
        if alarms:
            self._announce(alarms)

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        """Take an event; see `edge.sink.Sink`."""
        try:
            if not self._sealer.event(kind, mono_ms, channel, body):
                self._seal()
                self._sealer.event(kind, mono_ms, channel, body)
        except (ValueError, WireError) as error:
            self._count(REFUSED_EVENT, 1)
            log.warning("an event of kind %d is not recorded: %s", kind, error)

    # -- time

    def begin(self) -> None:
        """Begin the epoch: point table, state, and the first batch at once."""
        self._tell_table()

    def adopt(
        self, channels: Sequence[Channel], judged: Iterable[JudgedPoint], policy: SealPolicy
    ) -> None:
        """Record by another point table from now on, in the same epoch.

        What came before is sealed under the table before it; call it while no source runs that
        the two tables do not agree on.
        """
        alarms = self._parts.judge.adopt(judged, self._parts.clock.mono_ms())
        if alarms:
            self._announce(alarms)
        self._seal()
        self._sealer.obey(policy)
        self._parts.channels, self._config = channels, table_hash(channels)
        self._tell_table()

    def tell_state(self) -> None:
        """Say in a batch, at once, how this gateway is."""
        self._record_state(self._parts.clock.mono_ms())
        self._seal()

    def _tell_table(self) -> None:
        now = self._sealer.clock
        for body in table_bodies(self._parts.channels):
            self.event(EventKind.POINT_TABLE, now.mono_ms, 0, body)
        self._record_state(now.mono_ms)
        self._seal()

    def open_epoch(self, refused: bytes) -> None:
        """Continue in a new epoch: the cloud takes no more of `refused`.

        Nothing happens when that is not the present epoch any more: a fork is refused batch by
        batch, and answered once.
        """
        if refused == self._left_epoch or refused != self._parts.writer.chain.epoch:
            return
        log.warning("the cloud takes no more of epoch %s: a new one begins", refused.hex())
        self._left_epoch = refused
        self._seal()
        self._opens_epoch = True
        self.begin()

    def tick(self) -> None:
        """Do what time asks for; called about every `TICK_S`."""
        now = read_clock(self._parts.clock)
        began = self._sealer.clock
        step = step_ms(began, now)
        if step or now.sync != began.sync:
            self._seal()
        if step:
            before_ms = max(now.wall_ms - step, 0)
            body = {1: step, 2: before_ms}
            self.event(EventKind.CLOCK_STEP, now.mono_ms, 0, body)
        alarms = self._parts.judge.tick(now.mono_ms)
        if alarms:
            self._announce(alarms)
        if now.mono_ms - self._state_ms >= DAY_MS:
            self._record_state(now.mono_ms)
        if now.mono_ms >= self._sealer.due_ms or self._alarm_may_go(now.mono_ms):
            self._seal()

    async def run(self) -> None:
        """Tick and write until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tick_for_ever(), name="recorder.tick")
            group.create_task(self._write_for_ever(), name="recorder.write")

    async def flush(self) -> None:
        """Seal what is there and return when it is durable; `run` must still be running."""
        self._seal()
        await self._drafts.join()

    # -- inside

    async def _tick_for_ever(self) -> None:
        while True:
            self.tick()
            await asyncio.sleep(TICK_S)

    async def _write_for_ever(self) -> None:
        while True:
            await self.write_one()

    async def write_one(self) -> None:
        """Make the oldest draft durable, waiting for one if there is none."""
        draft = await self._drafts.get()
        try:
            written = await self._parts.disk.run(self._parts.writer.write, draft)
        finally:
            self._drafts.task_done()
        if written.number is not None:
            self.batches += 1
            self.readings += written.readings
        if written.reason:
            self._count(written.reason, written.dropped)
            self._count(f"{written.reason}_events", written.events_dropped)
        if written.reason != self._trouble:
            self._turn(written.reason)
        self._parts.on_written(written)

    def _turn(self, trouble: str) -> None:
        """Note that storing begins or ends to fail."""
        self._trouble = trouble
        if trouble:
            log.error("readings are dropped: %s", trouble)
            self._record_state(self._parts.clock.mono_ms())
        else:
            log.warning("readings are stored again")
        self._sound()

    def _seal(self) -> None:
        alarm, self._alarm_waits = self._alarm_waits, False
        now = read_clock(self._parts.clock)
        draft = self._sealer.seal(
            now,
            alarm=alarm,
            dropped=self._dropped_unsaid,
            opens_epoch=self._opens_epoch,
            config=self._config,
        )
        if alarm:
            self._alarm_room_ms = max(self._alarm_room_ms, now.mono_ms) + ALARM_GAP_MS
        try:
            self._drafts.put_nowait(draft)
        except asyncio.QueueFull:
            self._put_back(draft)
            return
        self._dropped_unsaid = 0
        self._opens_epoch = False
        self._config = b""

    def _put_back(self, draft: Draft) -> None:
        """Keep the events of a draft that the disk cannot take, and count its readings."""
        self._count(STALLED, draft.readings)
        self._dropped_unsaid += draft.readings
        self._alarm_waits = draft.alarm
        for event in draft.events:
            mono_ms = draft.clock.mono_ms + event.t_off
            # A refusal here means a batch full of events while the disk hangs: the bound.
            if not self._sealer.event(event.kind, mono_ms, event.channel, event.body):
                self._count(STALLED, 1)

    def _announce(self, alarms: Sequence[LocalAlarm]) -> None:
        for alarm in alarms:
            told = (alarm.severity, alarm.kind, alarm.channel, alarm.pack, alarm.direction)
            log.warning("%s %s: channel %d %s %s", *told)
            self.event(EventKind.LOCAL_ALARM, alarm.at_ms, alarm.channel, alarm.body)
        self._alarm_waits = True
        self._sound()
        if self._alarm_may_go(self._parts.clock.mono_ms()):
            self._seal()

    def _alarm_may_go(self, now_ms: int) -> bool:
        taken_ms = self._alarm_room_ms - now_ms
        return self._alarm_waits and taken_ms <= (ALARM_BURST - 1) * ALARM_GAP_MS

    def _sound(self) -> None:
        on = self._parts.judge.sounding or bool(self._trouble)
        if on != self._sounding:
            self._sounding = on
            self._parts.annunciator.sound(on=on)

    def _record_state(self, mono_ms: int) -> None:
        self._state_ms = mono_ms
        self.event(EventKind.STATE, mono_ms, 0, self._parts.state_body(self._dropped))

    def _count(self, reason: str, readings: int) -> None:
        if readings:
            self._dropped[reason] += readings
