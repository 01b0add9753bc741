"""What the chain of a key can be found to suffer from (SPEC.md section 7).

Used by the judgement, the archive's records, the alarms and the verifier.
"""

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """What can be wrong; the words are in the archive and never change."""

    FORK = "fork"
    BRANCH = "branch"
    LOSS = "loss"
    COUNT = "count"
    DUPLICATE = "duplicate"
    BACKLOG = "backlog"
    CLOCK_BACK = "clock-back"
    CLOCK_JUMP = "clock-jump"
    FUTURE = "future"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingDetail:
    """One finding about batches `lo` to `hi` of `epoch`.

    `amount` is ms for the clock findings and readings for COUNT; `other` is the hash of the
    other batch for FORK, the other epoch for BRANCH; `cleared` ends an earlier LOSS or BACKLOG.
    """

    finding: Finding
    epoch: bytes
    lo: int
    hi: int
    amount: int = 0
    other: bytes = b""
    cleared: bool = False
