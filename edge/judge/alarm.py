"""What the local judge finds, and the event that tells it to the cloud."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from domain.alarms.limits import Transition
from domain.alarms.state import TransitionKind
from domain.rules.model import RulePack, Severity

GAP = "gap"
GAP_CLAUSE = "missing data"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAlarm:
    """One alarm that was raised or has returned; `key` tells which, `at_ms` is monotonic."""

    key: tuple[int, str, str]
    kind: TransitionKind
    channel: int
    at_ms: int
    pack: str
    clause: str
    direction: str
    severity: Severity
    v: int
    exp: int
    threshold: int

    @classmethod
    def of(cls, channel: int, transition: Transition) -> Self:
        """Return what a limit's transition means for `channel`."""
        limit = transition.limit
        return cls(
            key=(channel, limit.pack, limit.key),
            kind=transition.kind,
            channel=channel,
            at_ms=transition.at_ms,
            pack=limit.pack,
            clause=limit.clause,
            direction=str(limit.direction),
            severity=limit.severity,
            v=transition.value or 0,
            exp=transition.exp,
            threshold=int(Decimal(limit.threshold).scaleb(-transition.exp)),
        )

    @classmethod
    def gap(cls, channel: int, pack: RulePack, kind: TransitionKind, at_ms: int) -> Self:
        """Return missing data beginning or ending; the threshold is in seconds."""
        return cls(
            key=(channel, pack.name, GAP),
            kind=kind,
            channel=channel,
            at_ms=at_ms,
            pack=pack.name,
            clause=GAP_CLAUSE,
            direction=GAP,
            severity=Severity.ALARM,
            v=0,
            exp=0,
            threshold=pack.gap_ms // 1000,
        )

    @property
    def body(self) -> Mapping[int, object]:
        """The body of the LOCAL_ALARM event (SPEC.md section 5)."""
        return {
            1: str(self.kind),
            2: self.pack,
            3: self.clause,
            4: self.direction,
            5: str(self.severity),
            6: self.v,
            7: self.exp,
            8: self.threshold,
        }
