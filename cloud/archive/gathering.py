"""What has come while the last group was written: the queue in front of the sequencer.

Any thread puts, the sequencer's takes. Batches are bounded by the intake, which counts them
until they are released; objects of our own by `OBJECTS_MAX`, beyond which they are counted.
"""

import queue
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cloud.archive.finding import FindingRecord, encode_finding
from cloud.ingest.delivery import Checked
from evidence.record import RecordKind

GROUP_BATCHES = 1024
OBJECTS_MAX = 100_000  # alarms of a whole fleet at once; only a disk that refuses gets there

Object = tuple[int, bytes]
"""Record kind and bytes."""
_Item = list[Checked] | Object | None


@dataclass(slots=True)
class Gathered:
    """Work for one round; `is_last` when nothing comes after it."""

    batches: list[Checked] = field(default_factory=list)
    objects: list[Object] = field(default_factory=list)
    is_last: bool = False


class Gathering:
    """See the module."""

    def __init__(self) -> None:
        self.dropped = 0
        self._queue: queue.SimpleQueue[_Item] = queue.SimpleQueue()

    def put(self, checked: list[Checked]) -> None:
        """Take checked batches, in their order."""
        self._queue.put(checked)

    def report(self, finding: FindingRecord) -> None:
        """Take a finding for the archive."""
        self.record(RecordKind.FINDING, encode_finding(finding))

    def record(self, kind: int, data: bytes) -> None:
        """Take an object of our own making for the archive."""
        if self._queue.qsize() >= OBJECTS_MAX:
            self.dropped += 1
        else:
            self._queue.put((kind, data))

    def end(self) -> None:
        """Let what was put before be the last."""
        self._queue.put(None)

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        return self._queue.empty()

    def take(self, wait_s: float) -> Gathered:
        """Return what waits, after at most `wait_s` for the first of it."""
        gathered = Gathered()
        try:
            item = self._queue.get(timeout=wait_s) if wait_s else self._queue.get_nowait()
            while True:
                match item:
                    case list():
                        gathered.batches += item
                    case None:
                        gathered.is_last = True
                    case _:
                        gathered.objects.append(item)
                if len(gathered.batches) >= GROUP_BATCHES:
                    return gathered
                item = self._queue.get_nowait()
        except queue.Empty:
            return gathered


def parts(batches: Sequence[Checked], group_bytes: int) -> Iterator[list[Checked]]:
    """Cut batches into groups that fit a segment."""
    part: list[Checked] = []
    size = 0
    for checked in batches:
        part.append(checked)
        size += len(checked.delivery.data)
        if size >= group_bytes:
            yield part
            part, size = [], 0
    if part:
        yield part
