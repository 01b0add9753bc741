"""Where what comes down is verified, before anything is believed or freed.

Used by `edge.uplink.session`, in the disk thread: a receipt is checked against the batches on
this disk. What does not verify is counted and ignored; it is neither an answer nor an error.
"""

import logging
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice

from edge.outbox.outbox import Outbox
from edge.outbox.peek import signing_kid
from edge.runs import NONE, Runs
from edge.uplink.events import (
    Answer,
    ArchivedSoFar,
    Configured,
    Heard,
    Receipted,
    Refused,
    SlowDown,
    Wanted,
)
from evidence.configuration import unpack_configuration
from evidence.errors import EvidenceError, WireError
from evidence.keys import PublicKey
from evidence.outcome import (
    Archived,
    Configuration,
    Refusal,
    Resend,
    Retry,
    Slow,
    decode_down,
    is_receipt,
)
from evidence.receipt import VerifiedReceipt, claimed_origin, claimed_runs, verify_receipt

log = logging.getLogger(__name__)

MAX_REPLAYED = 5000
_STEM = re.compile(r"(.+/)[0-9]{4}(-[0-9]{1,4})?")  # a log of each year, or after a lost one


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """What was pinned at enrolment, and whose batches this is about."""

    gateway: str
    kid: bytes
    log_origin: str
    log_key: PublicKey
    control_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a message arrived (monotonic ms), and a draw in [0, 1) for what needs chance."""

    at_ms: int
    draw: float


class Desk:
    """Belongs to the disk thread, as the outbox does; `counts` may be read anywhere."""

    def __init__(self, outbox: Outbox, pins: Pins) -> None:
        self._outbox = outbox
        self._pins = pins
        self._newest = (-1, -1)  # issue time and size of the newest checkpoint verified
        self.counts: Counter[str] = Counter()

    def take(self, data: bytes, moment: Moment) -> Answer | None:
        """Return what a down message means, or None when it does not verify."""
        try:
            answer = (
                self._receipt(data, moment) if is_receipt(data) else self._word(data, moment)
            )
        except WireError as error:
            self.counts[f"unverified_{error.code}"] += 1
            log.warning("a message from the cloud does not verify: %s", error)
            return None
        self.counts[type(answer).__name__.lower()] += 1
        return answer

    def replay(self) -> int:
        """Settle what kept receipts prove beyond the cursor; return how many batches."""
        before = len(self._outbox.unreceipted)
        for receipt in islice(self._outbox.kept_receipts(), MAX_REPLAYED):
            try:
                verified = self._verified(receipt)
            except WireError:
                break  # its batch is freed already, and so are those of older ones
            if not self._settle(self._numbers(verified)):
                break
        return before - len(self._outbox.unreceipted)

    def _receipt(self, data: bytes, moment: Moment) -> Answer:
        verified = self._verified(data)
        numbers = self._numbers(verified)
        if self._settle(numbers):
            self._outbox.keep_receipt(data, self._checkpoint(verified))
        # All of them, not the news alone: an answer may get lost between here and the window.
        return Receipted(moment.at_ms, numbers)

    def _verified(self, data: bytes) -> VerifiedReceipt:
        pins = self._pins
        origin = claimed_origin(data)
        if _STEM.fullmatch(origin) is None or _stem(origin) != _stem(pins.log_origin):
            raise WireError("profile", f"a receipt of {origin!r}, not of {pins.log_origin!r}")
        kid = self._signer(data)
        return verify_receipt(data, pins.log_key, origin, kid, self._outbox.batch_hash)

    def _signer(self, receipt: bytes) -> bytes:
        """Return the key of the batches a receipt names: ours, or the one it was before."""
        run = claimed_runs(receipt)[0]
        number = self._outbox.numbers(run.epoch, run.hi, run.hi).first
        batch = None if number is None else self._outbox.read(number)
        return self._pins.kid if batch is None else signing_kid(batch)

    def _numbers(self, verified: VerifiedReceipt) -> Runs:
        numbers = NONE
        for run in verified.runs:
            numbers = numbers.union(self._outbox.numbers(*run))
        return numbers

    def _settle(self, numbers: Runs) -> bool:
        """Settle these batches; return whether any of them was not before."""
        before = self._outbox.unreceipted
        self._outbox.settle(numbers)
        return self._outbox.unreceipted != before

    def _checkpoint(self, verified: VerifiedReceipt) -> tuple[int, bytes]:
        """Return the newest checkpoint; a successor's tree is newer though it is smaller."""
        newest = self._outbox.checkpoint
        age = (verified.iat_s, verified.size)
        if newest is None or age >= self._newest:
            self._newest = age
            return verified.size, verified.root
        return newest

    def _word(self, data: bytes, moment: Moment) -> Answer:
        message = decode_down(data, self._pins.control_key, self._pins.gateway)
        at_ms = moment.at_ms
        match message:
            case Refusal():
                return self._refusal(message, moment)
            case Archived(runs=runs):
                numbers = NONE
                for run in runs:
                    numbers = numbers.union(self._outbox.numbers(*run))
                return ArchivedSoFar(at_ms, numbers)
            case Slow(window=window, not_before_s=pause_s):
                return SlowDown(at_ms, window, pause_s)
            case Resend(epoch=epoch, lo=low, hi=high):
                numbers = self._outbox.numbers(epoch, low, high)
                self._outbox.unsettle(numbers)
                return Wanted(at_ms, numbers)
            case Configuration():
                return Configured(at_ms, unpack_configuration(message, self._pins.gateway))

    def _refusal(self, refusal: Refusal, moment: Moment) -> Answer:
        number = self._outbox.numbers(refusal.epoch, refusal.seq, refusal.seq).first
        known = self._outbox.batch_hash(refusal.epoch, refusal.seq)
        if number is None or known != refusal.sha256:
            # Another's batch under our name, or one that is freed: nothing here to refuse.
            self.counts["refusal_of_unknown"] += 1
            return Heard(moment.at_ms)
        log.warning("the cloud refuses batch %d: %s", refusal.seq, refusal.code)
        return Refused(
            moment.at_ms,
            number,
            Retry(refusal.retry),
            moment.draw,
            code=refusal.code,
            epoch=refusal.epoch,
        )

    def set_aside(self, number: int, code: str) -> None:
        """Move a refused batch to the evidence folder; if that fails it stays where it is."""
        try:
            self._outbox.set_aside(number, code)
        except EvidenceError as error:
            self.counts["set_aside_failed"] += 1
            log.warning("refused batch %d cannot be set aside: %s", number, error)

    def read_all(self, numbers: tuple[int, ...]) -> tuple[list[bytes], Runs]:
        """Return the batches, and the numbers of those that cannot be read any more."""
        found = [(number, self._outbox.read(number)) for number in numbers]
        lost = Runs.of(number for number, batch in found if batch is None)
        return [batch for _, batch in found if batch is not None], lost


def _stem(origin: str) -> str:
    """Return what a log has in common with those that follow it, under the same key."""
    yearly = _STEM.fullmatch(origin)
    return yearly[1] if yearly is not None else f"{origin}/"
