"""What happens to a batch that failed a check: kept within bounds, answered, perhaps reported.

Called by the verifying workers and, for forks and revoked keys, by the sequencer. A rejection
that a person must know of becomes a finding, at most one per key and code in an hour: a sender
that can do no more than fail a check must not be able to fill the archive.
"""

import threading
from collections.abc import Callable

from cloud.archive import finding
from cloud.archive.finding import FindingRecord
from cloud.ingest.accept import named_chain
from cloud.ingest.answers import Answers
from cloud.ingest.delivery import Rejected
from cloud.ingest.quarantine import Quarantine, Refused
from cloud.ingest.reasons import REASONS

FINDING_EVERY_MS = 3_600_000
FINDING_KINDS = {
    "signature": finding.BAD_SIGNATURE,
    "binding": finding.WRONG_BINDING,
    "route": finding.WRONG_ROUTE,
    "revoked": finding.REVOKED_KEY,
}


class Rejections:
    """See the module."""

    def __init__(
        self,
        quarantine: Quarantine,
        answers: Answers,
        report: Callable[[FindingRecord], None],
        wall_ms: Callable[[], int],
    ) -> None:
        self._quarantine = quarantine
        self._answers = answers
        self._report = report
        self._wall_ms = wall_ms
        self._lock = threading.Lock()
        self._reported: dict[tuple[bytes, str], int] = {}

    def take(self, rejected: Rejected) -> None:
        """Keep, report and answer one rejected batch."""
        now_ms = self._wall_ms()
        self._quarantine.put(_refused(rejected, now_ms))
        if self._is_news(rejected, now_ms):
            self._report(_finding(rejected, now_ms))
        delivery = rejected.delivery
        message = self._answers.refusal(
            delivery.route.gateway, delivery.data, rejected.code, rejected.payload
        )
        if message is not None:
            delivery.route.answer(message, 1)
        delivery.committed()

    def _is_news(self, rejected: Rejected, now_ms: int) -> bool:
        if rejected.known is None or rejected.code not in FINDING_KINDS:
            return False
        subject = (rejected.kid, rejected.code)
        with self._lock:
            before_ms = self._reported.get(subject, -FINDING_EVERY_MS)
            if now_ms - before_ms < FINDING_EVERY_MS:
                return False
            self._reported[subject] = now_ms
        return True


def _refused(rejected: Rejected, now_ms: int) -> Refused:
    delivery = rejected.delivery
    return Refused(
        data=delivery.data,
        kid=rejected.kid or bytes(8),
        gateway=rejected.known.gateway if rejected.known else "",
        via=delivery.via,
        code=rejected.code,
        message=rejected.message,
        recv_ms=now_ms,
    )


def _finding(rejected: Rejected, now_ms: int) -> FindingRecord:
    epoch, seq = named_chain(rejected.payload)
    reason = REASONS[rejected.code]
    return FindingRecord(
        kind=FINDING_KINDS[rejected.code],
        gateway=rejected.known.gateway if rejected.known else "",
        kid=rejected.kid,
        epoch=epoch,
        lo=seq,
        hi=seq,
        detail=f"{reason.what}: {rejected.message}; {reason.remedy}",
        at_ms=now_ms,
    )
