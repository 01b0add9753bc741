"""Everything about accounts over one registry, put together."""

from dataclasses import dataclass
from typing import Self

from device_registry.accounts.attempt_store import AttemptStore
from device_registry.accounts.log_ins import LogIns
from device_registry.accounts.people import People
from device_registry.accounts.rights import Rights
from device_registry.accounts.session_store import SessionStore
from device_registry.store.store import RegistryStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Who there is, how they come in, and what they may do."""

    store: RegistryStore
    sessions: SessionStore
    rights: Rights
    log_ins: LogIns
    people: People

    @classmethod
    def over(cls, store: RegistryStore, *, needs_second_factor: bool = True) -> Self:
        """Return the accounts of `store`; see `Rights` for `needs_second_factor`."""
        sessions = SessionStore(store.engine)
        rights = Rights(store, needs_second_factor=needs_second_factor)
        return cls(
            store=store,
            sessions=sessions,
            rights=rights,
            log_ins=LogIns(store, rights, AttemptStore(store.engine)),
            people=People(store, sessions),
        )
