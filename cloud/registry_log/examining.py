"""Says whether registry, audit trail and log agree: what `doctor` shows of it."""

from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from cloud.registry_log.archived import logged_changes
from cloud.registry_log.comparing import (
    Difference,
    compare_log,
    compare_rows,
    compare_trail,
)
from device_registry.store.store import RegistryStore

SHOWN = 5
COUNTED = 1000  # beyond that it does not matter how many more there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What was found; `waiting` changes are in no log yet."""

    differences: tuple[Difference, ...]
    changes: int
    waiting: int

    @property
    def told(self) -> str:
        """Say it in a line."""
        if not self.differences:
            logged = f"{self.changes - self.waiting} of {self.changes} changes are in the log"
            return f"{logged}, every row is as they made it"
        shown = "; ".join(map(str, self.differences[:SHOWN]))
        more = len(self.differences) - SHOWN
        return f"{shown}; and {more} more" if more > 0 else shown


def examine_registry(store: RegistryStore, archive: Path) -> Examined:
    """Compare everything, and change nothing; a server may run beside it.

    Raises:
        StoreUnavailableError: the database cannot be asked.
        WireError: a record of the archive cannot be read; `coldwarden-verify` says more.
    """
    logged = list(logged_changes(archive))
    found = chain(compare_rows(store), compare_trail(store), compare_log(store, logged))
    changes = store.revision()
    return Examined(
        differences=tuple(islice(found, COUNTED)),
        changes=changes,
        waiting=max(changes - (logged[-1].seq if logged else 0), 0),
    )
