"""Takes batches from the transports, has them checked by worker threads, hands them on.

Used by every transport. Bounded by count and by bytes: `offer` says no when either is reached,
and the transport then tells the gateway to slow down. One gateway always goes to the same
worker, so its batches stay in order; the signature check releases the GIL, so two workers use
two cores.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cloud.ingest.accept import check
from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.keyring import Keyring

HELD_BATCHES = 16_384  # at 64 KiB each the bytes bound comes first
HELD_BYTES = 128 << 20
CHUNK = 64  # checked in one go, so that a queue is touched once per chunk

_log = logging.getLogger(__name__)
_Work = list[Delivery] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """Where the workers' results go; all may be called from several threads."""

    checked: Callable[[list[Checked]], None]
    rejected: Callable[[Rejected], None]


class Intake:
    """See the module. `release` must be called for every batch handed on, when it is done."""

    def __init__(self, keyring: Keyring, outlets: Outlets, workers: int = 2) -> None:
        self.counts: Counter[str] = Counter()
        self._keyring = keyring
        self._outlets = outlets
        self._lock = threading.Lock()
        self._held = 0
        self._held_bytes = 0
        self._queues: list[queue.SimpleQueue[_Work]] = [
            queue.SimpleQueue() for _ in range(workers)
        ]
        self._threads = [
            threading.Thread(target=self._work, args=(q,), name=f"verify-{n}", daemon=True)
            for n, q in enumerate(self._queues)
        ]

    def start(self) -> None:
        """Start the workers."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what was offered and end the workers; a second call does nothing."""
        for work in self._queues:
            work.put(None)
        for thread in self._threads:
            thread.join()

    def offer(self, deliveries: Sequence[Delivery]) -> bool:
        """Take all of these, one gateway's; or none, False, when the bounds are reached."""
        size = sum(len(d.data) for d in deliveries)
        with self._lock:
            count = self._held + len(deliveries)
            if count > HELD_BATCHES or self._held_bytes + size > HELD_BYTES:
                self.counts["slow"] += len(deliveries)
                return False
            self._held = count
            self._held_bytes += size
            self.counts["offered"] += len(deliveries)
        gateway = deliveries[0].route.gateway
        self._queues[hash(gateway) % len(self._queues)].put(list(deliveries))
        return True

    def release(self, deliveries: Sequence[Delivery]) -> None:
        """Give back the room that these took."""
        with self._lock:
            self._held -= len(deliveries)
            self._held_bytes -= sum(len(d.data) for d in deliveries)

    @property
    def held(self) -> int:
        """Return how many batches are on their way."""
        return self._held

    def _work(self, source: "queue.SimpleQueue[_Work]") -> None:
        while True:
            chunk, ended = _take(source)
            checked: list[Checked] = []
            for delivery in chunk:
                result = self._check(delivery)
                if isinstance(result, Checked):
                    checked.append(result)
                else:
                    self._reject(result)
            if checked:
                self._outlets.checked(checked)
            if ended:
                return

    def _check(self, delivery: Delivery) -> Checked | Rejected:
        try:
            return check(delivery, self._keyring)
        except Exception as error:  # noqa: BLE001 - see below
            # No bytes from outside may end the worker that half of the fleet depends on.
            _log.exception("a check failed on a batch of %s", delivery.route.gateway)
            return Rejected(delivery, "internal", repr(error))

    def _reject(self, rejected: Rejected) -> None:
        self._outlets.rejected(rejected)
        self.release((rejected.delivery,))


def _take(source: "queue.SimpleQueue[_Work]") -> tuple[list[Delivery], bool]:
    """Wait for work; return up to about CHUNK deliveries and whether the end was met."""
    chunk: list[Delivery] = []
    work = source.get()
    while work is not None:
        chunk += work
        if len(chunk) >= CHUNK or source.empty():
            return chunk, False
        work = source.get()
    return chunk, True
