"""Which state may follow which, as tables; the registry refuses every other change.

Pure. A row may be registered in any state (an estate is taken over as it stands); from then on
only what its table allows. Expiry is no state of a point: an overdue calibration is flagged,
and the point goes on measuring.

    ```mermaid
    ---
    title: gateway
    ---
    stateDiagram-v2
    ordered --> claimed
    ordered --> retired
    claimed --> enrolled
    claimed --> retired
    enrolled --> commissioned
    enrolled --> retired
    commissioned --> in_service
    commissioned --> retired
    in_service --> suspended
    in_service --> retired
    suspended --> in_service
    suspended --> retired
    ```

    ```mermaid
    ---
    title: sensor
    ---
    stateDiagram-v2
    stock --> in_service
    stock --> calibration
    stock --> rejected
    stock --> retired
    in_service --> stock
    in_service --> calibration
    in_service --> rejected
    in_service --> retired
    calibration --> stock
    calibration --> in_service
    calibration --> rejected
    calibration --> retired
    rejected --> retired
    ```

    ```mermaid
    ---
    title: point
    ---
    stateDiagram-v2
    planned --> commissioned
    planned --> retired
    commissioned --> in_service
    commissioned --> retired
    in_service --> out_of_service
    out_of_service --> in_service
    out_of_service --> retired
    ```

    ```mermaid
    ---
    title: key
    ---
    stateDiagram-v2
    pending --> active
    pending --> revoked
    active --> superseded
    active --> revoked
    superseded --> revoked
    ```

    ```mermaid
    ---
    title: licence
    ---
    stateDiagram-v2
    valid --> expiring
    valid --> expired
    valid --> revoked
    expiring --> valid
    expiring --> expired
    expiring --> revoked
    expired --> valid
    expired --> revoked
    ```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from device_registry.errors import IllegalTransitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The states of one kind of thing and the moves between them."""

    name: str
    initial: str
    moves: Mapping[str, frozenset[str]]
    """For every state those that may follow; an empty set ends it."""

    @property
    def states(self) -> tuple[str, ...]:
        """All states, in the order of a life."""
        return tuple(self.moves)

    def legal(self, state: str) -> tuple[str, ...]:
        """Return what may follow `state`, in the order of a life."""
        return tuple(s for s in self.moves if s in self.moves[state])


def check_move(lifecycle: Lifecycle, old: str, new: str) -> None:
    """Raise `IllegalTransitionError`, naming the legal ones, unless `new` may follow `old`.

    Staying as it is is no move.
    """
    if new != old and new not in lifecycle.moves[old]:
        raise IllegalTransitionError(lifecycle.name, old, new, lifecycle.legal(old))


def _lifecycle(name: str, **moves: str) -> Lifecycle:
    table = {state: frozenset(after.split()) for state, after in moves.items()}
    return Lifecycle(name=name, initial=next(iter(moves)), moves=MappingProxyType(table))


GATEWAY: Final = _lifecycle(
    "gateway",
    ordered="claimed retired",
    claimed="enrolled retired",
    enrolled="commissioned retired",
    commissioned="in_service retired",
    in_service="suspended retired",
    suspended="in_service retired",
    retired="",
)
SENSOR: Final = _lifecycle(
    "sensor",
    stock="in_service calibration rejected retired",
    in_service="stock calibration rejected retired",
    calibration="stock in_service rejected retired",
    rejected="retired",
    retired="",
)
"""A probe back from calibration may wait in stock as the rotating spare."""
POINT: Final = _lifecycle(
    "point",
    planned="commissioned retired",
    commissioned="in_service retired",
    in_service="out_of_service",
    out_of_service="in_service retired",
    retired="",
)
KEY: Final = _lifecycle(
    "key",
    pending="active revoked",
    active="superseded revoked",
    superseded="revoked",
    revoked="",
)
LICENCE: Final = _lifecycle(
    "licence",
    valid="expiring expired revoked",
    expiring="valid expired revoked",
    expired="valid revoked",
    revoked="",
)
"""A renewed licence keeps its number, so it becomes valid again."""

LIFECYCLES: Final = (GATEWAY, SENSOR, POINT, KEY, LICENCE)
