"""A recorder with everything around it real, on a disk folder and a clock moved by hand."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from domain.channel import Channel
from edge.disk_thread import DiskThread
from edge.judge.frame_judge import JudgedPoint
from edge.judge.judge import LocalJudge
from edge.outbox.outbox import Outbox
from edge.outbox.room import OutboxLimits
from edge.recorder.recorder import Recorder, RecorderParts
from edge.recorder.writer import BatchWriter, Identity, Written
from edge.sealer.sealer import SealPolicy
from evidence.batch import Body, decode_body
from evidence.cose import parse1, verify1
from evidence.disk import REAL_DISK, Disk
from evidence.keys import SoftwareKey
from evidence.point_table import table_hash
from tests.support.batches import GATEWAY, KEY, SITE, channel_table

WALL_MS = 1_763_700_000_000


@dataclass(slots=True)
class SetClock:
    """Stands still unless moved; `step` moves the wall clock alone."""

    now_ms: int = 1_000_000
    ahead_ms: int = WALL_MS
    synced: int = 1
    err_ms: int = 20
    boot: int = 1

    def wall_ms(self) -> int:
        return self.now_ms + self.ahead_ms

    def mono_ms(self) -> int:
        return self.now_ms

    def sync(self) -> tuple[int, int]:
        return self.synced, self.err_ms

    def step(self, by_ms: int) -> None:
        self.ahead_ms += by_ms


@dataclass(slots=True)
class Bell:
    """Remembers what was announced."""

    rang: list[bool] = field(default_factory=list)

    def sound(self, *, on: bool) -> None:
        self.rang.append(on)


@dataclass(slots=True)
class Bench:
    """A gateway's recorder and outbox in `folder`, one process run."""

    folder: Path
    points: Sequence[JudgedPoint] = ()
    channels: Sequence[Channel] = field(default_factory=lambda: channel_table(8))
    limits: OutboxLimits = field(default_factory=OutboxLimits)
    policy: SealPolicy = field(default_factory=SealPolicy)
    disk: Disk = REAL_DISK
    key: SoftwareKey = KEY
    gateway: str = GATEWAY
    site: str = SITE
    clock: SetClock = field(default_factory=SetClock)
    bell: Bell = field(default_factory=Bell)
    written: list[Written] = field(default_factory=list)
    on_written: Callable[[Written], None] | None = None
    outbox: Outbox = field(init=False)
    writer: BatchWriter = field(init=False)
    recorder: Recorder = field(init=False)
    thread: DiskThread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = DiskThread()
        self.outbox = Outbox.open(self.folder, self.limits, disk=self.disk)
        identity = Identity(
            gateway=self.gateway, site=self.site, config=table_hash(list(self.channels))
        )
        self.writer = BatchWriter(self.outbox, self.key, self.key.public, identity)
        self.recorder = Recorder(
            RecorderParts(
                clock=self.clock,
                judge=LocalJudge(self.points, self.clock.now_ms),
                annunciator=self.bell,
                channels=self.channels,
                state_body=self.state_body,
                writer=self.writer,
                disk=self.thread,
                on_written=self._note,
                policy=self.policy,
            )
        )

    def _note(self, written: Written) -> None:
        self.written.append(written)
        if self.on_written is not None:
            self.on_written(written)

    def state_body(self, dropped: Mapping[str, int]) -> Mapping[int, object]:
        return {1: "test", 2: bytes(32), 3: 1, 4: 1000, 5: "software", 6: dict(dropped)}

    async def store(self) -> None:
        """Write every draft that waits."""
        while not self.recorder._drafts.empty():
            await self.recorder.write_one()

    def bodies(self) -> list[Body]:
        """Return what the outbox holds, verified."""
        found = []
        for number in self.outbox._records.held.all:
            batch = self.outbox.read(number)
            assert batch is not None
            envelope = parse1(batch)
            verify1(envelope, self.key.public)
            found.append(decode_body(envelope.payload))
        return found

    def close(self) -> None:
        """End the process run in good order."""
        self.outbox.close()
        self.thread.close()
