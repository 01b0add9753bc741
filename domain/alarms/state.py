"""The states of one alarm (ISA-18.2 terms) and what moves between them.

`domain.alarms.limits` says which trigger a reading is; this table says what follows. "Out" is
beyond the limit; "back" is inside it by more than the deadband; between the two a reading is
"within" and ends only a delay that is still running.

```mermaid
stateDiagram-v2
    [*] --> normal
    normal --> pending: out
    normal --> unacknowledged: overdue / raised
    pending --> unacknowledged: overdue / raised
    pending --> normal: within
    pending --> normal: back
    unacknowledged --> returned_unacknowledged: back / returned
    unacknowledged --> acknowledged: acknowledge / acknowledged
    acknowledged --> normal: back / returned, cleared
    returned_unacknowledged --> unacknowledged: overdue / raised
    returned_unacknowledged --> normal: acknowledge / acknowledged, cleared
```

Every alarm is raised once, returned once, acknowledged at most once, and cleared when both have
happened. In `returned_unacknowledged` a new delay may run; the state changes when it is over.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias


class AlarmState(StrEnum):
    """Where one limit of one point stands."""

    NORMAL = "normal"
    PENDING = "pending"
    """Out, and the delay is running."""
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned_unacknowledged"
    """Back in range, and nobody has acknowledged it yet."""

    @property
    def is_active(self) -> bool:
        """Whether the alarm is raised and the value has not returned."""
        return self in {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}


class Trigger(StrEnum):
    """What a reading or a person means for one limit."""

    OUT = "out"
    """Beyond the limit, delay not over."""
    OVERDUE = "overdue"
    """Beyond the limit, and the delay is over."""
    WITHIN = "within"
    """Not beyond the limit, but inside the deadband."""
    BACK = "back"
    ACKNOWLEDGE = "acknowledge"


class TransitionKind(StrEnum):
    """What is told to people; the text is in signed events and stores."""

    RAISED = "raised"
    RETURNED = "returned"
    ACKNOWLEDGED = "acknowledged"
    CLEARED = "cleared"


Move: TypeAlias = tuple[AlarmState, tuple[TransitionKind, ...]]

_S, _T, _K = AlarmState, Trigger, TransitionKind
TABLE: Final[Mapping[tuple[AlarmState, Trigger], Move]] = MappingProxyType(
    {
        (_S.NORMAL, _T.OUT): (_S.PENDING, ()),
        (_S.NORMAL, _T.OVERDUE): (_S.UNACKNOWLEDGED, (_K.RAISED,)),
        (_S.PENDING, _T.OVERDUE): (_S.UNACKNOWLEDGED, (_K.RAISED,)),
        (_S.PENDING, _T.WITHIN): (_S.NORMAL, ()),
        (_S.PENDING, _T.BACK): (_S.NORMAL, ()),
        (_S.UNACKNOWLEDGED, _T.BACK): (_S.RETURNED, (_K.RETURNED,)),
        (_S.UNACKNOWLEDGED, _T.ACKNOWLEDGE): (_S.ACKNOWLEDGED, (_K.ACKNOWLEDGED,)),
        (_S.ACKNOWLEDGED, _T.BACK): (_S.NORMAL, (_K.RETURNED, _K.CLEARED)),
        (_S.RETURNED, _T.OVERDUE): (_S.UNACKNOWLEDGED, (_K.RAISED,)),
        (_S.RETURNED, _T.ACKNOWLEDGE): (_S.NORMAL, (_K.ACKNOWLEDGED, _K.CLEARED)),
    }
)
"""(state, trigger) → (next state, what is told); a pair that is absent changes nothing."""


def move(state: AlarmState, trigger: Trigger) -> Move:
    """Return the next state and what is told to people."""
    return TABLE.get((state, trigger), (state, ()))
