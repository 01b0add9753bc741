"""Sends alarms to one address over HTTP, each at least once, in a thread of its own.

What the address answered with 2xx is recorded in the archive, and that record takes it off the
queue (`cloud.projections.webhook_queue`). A crash in between sends it again with the same
`Idempotency-Key`. An address that does not answer is left alone for growing pauses; something
that only it refuses does not hold up the rest. What cannot be delivered for a day is recorded
as failed.
"""

import logging
import random
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from cloud.errors import UnavailableError
from cloud.projections.runner import Pauses
from cloud.projections.webhook_queue import (
    Waiting,
    WebhookQueue,
    address_of,
    delivery_document,
)
from evidence.record import RecordKind

AT_ONCE: Final = 100
GIVE_UP_AFTER_MS: Final = 86_400_000
REFUSED_PAUSE_MS: Final = 300_000
TIMEOUT_S: Final = 10
JOIN_TIMEOUT_S: Final = 30
PAUSES: Final = Pauses(first_s=1.0, longest_s=300.0)
BUSY_STATUS: Final = frozenset({408, 425, 429})

Record = Callable[[int, bytes], None]

_log = logging.getLogger(__name__)


class WebhookSender:
    """Sends to one address between `start` and `stop`; `wake` when something may wait."""

    def __init__(
        self,
        url: str,
        queue: WebhookQueue,
        record: Record,
        now_ms: Callable[[], int],
        pauses: Pauses = PAUSES,
    ) -> None:
        self.address = address_of(url)
        self.error = ""
        """What went wrong last with something that waits; empty when nothing did."""
        self._url = url
        self._queue = queue
        self._record = record
        self._now_ms = now_ms
        self._pauses = pauses
        self._changed = threading.Condition()
        self._is_woken = True
        self._stopping = False
        self._done: set[str] = set()  # this and the next two: only the thread touches them
        self._not_before_ms: dict[str, int] = {}
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name=f"webhook-{self.address}")

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being sent, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(JOIN_TIMEOUT_S)

    def wake(self) -> None:
        """Look at the queue now."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_S) as client:
            while True:
                pause_s = self._try(client)
                with self._changed:
                    self._changed.wait_for(lambda: self._stopping or self._is_woken, pause_s)
                    if self._stopping:
                        return
                    self._is_woken = False

    def _try(self, client: httpx.Client) -> float | None:
        try:
            return self._send_waiting(client)
        except Exception as e:  # noqa: BLE001
            # a mistake of ours must not silence an address for good
            _log.exception("webhook %s failed", self.address)
            return self._fail(f"{type(e).__name__}: {e}")

    def _send_waiting(self, client: httpx.Client) -> float | None:
        """Send what waits; return when to look again at the latest."""
        try:
            waiting = self._queue.waiting(self.address, AT_ONCE + len(self._done))
        except UnavailableError as e:
            return self._fail(str(e))
        self._done &= {item.key for item in waiting}
        now_ms = self._now_ms()
        for item in waiting:
            if item.key in self._done or now_ms < self._not_before_ms.get(item.key, 0):
                continue
            if (pause_s := self._send(client, item)) is not None:
                return pause_s
        self._failures = 0
        return REFUSED_PAUSE_MS / 1000 if self._not_before_ms else None

    def _send(self, client: httpx.Client, item: Waiting) -> float | None:
        """Send one item; return a pause when the address is not to be asked further now."""
        now_ms = self._now_ms()
        try:
            answer = client.post(
                self._url,
                json=payload(item, now_ms),
                headers={"Idempotency-Key": item.key},
            )
        except httpx.HTTPError as e:
            return self._failed(item, f"{type(e).__name__}: {e}", is_down=True)
        if answer.is_success:
            self._finish(item, "delivered")
            if not self._not_before_ms:
                self.error = ""
            return None
        is_down = answer.is_server_error or answer.status_code in BUSY_STATUS
        return self._failed(item, f"answered {answer.status_code}", is_down=is_down)

    def _failed(self, item: Waiting, error: str, *, is_down: bool) -> float | None:
        now_ms = self._now_ms()
        if now_ms - item.queued_ms >= GIVE_UP_AFTER_MS:
            self.error = error
            self._finish(item, "failed")
            return None
        if is_down:
            return self._fail(error)
        self.error = error
        self._not_before_ms[item.key] = now_ms + REFUSED_PAUSE_MS
        return None

    def _fail(self, error: str) -> float:
        self.error = error
        self._failures += 1
        _log.warning("webhook %s: %s", self.address, error)
        return self._pauses.pause_s(self._failures, random.random())  # noqa: S311 - jitter

    def _finish(self, item: Waiting, outcome: str) -> None:
        document = delivery_document(item.key, self.address, outcome, self._now_ms())
        self._record(RecordKind.DELIVERY, document)
        self._done.add(item.key)
        self._not_before_ms.pop(item.key, None)


def payload(item: Waiting, now_ms: int) -> Mapping[str, Any]:
    """Return the JSON that is sent: the alarm's document, its times readable, and a key.

    `at` is the time of the reading, `told` that of the alarm: they differ, and both matter.
    """
    document = item.document
    times = {name: _iso(document[f"{name}_ms"]) for name in ("at", "told", "since")}
    return {"key": item.key, "sent": _iso(now_ms), **times, **document}


def _iso(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError):  # a gateway may say any year
        return f"{at_ms} ms"
