"""Who may speak to the broker, worked out from the registry, and how Mosquitto is told.

Pure. A gateway is let in when it holds a valid certificate, is not retired, and has not lost
every evidence key to a revocation. It may write its own `up` and read its own `down`, nothing
else. Whoever is shut out is shut out twice: no entry in the ACL, which counts for connections
that are open too, and its certificates on the CRL, which ends new ones in the handshake.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from device_registry.authority.issuing import Revoked
from device_registry.store.row import Row

LIVE_KEYS: Final = frozenset({"active", "superseded", "pending"})
DECIDED: Final = frozenset({"approved", "effective"})
"""States of a revocation that two people have asked for."""
_HEAD: Final = (
    "# Written by coldwarden-cloud from the registry; what you change here is lost.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessList:
    """Gateways that are let in, sorted, and certificates that are not good any more."""

    gateways: tuple[str, ...] = ()
    revoked: tuple[Revoked, ...] = ()


@dataclass(slots=True, kw_only=True)
class Judge:
    """Takes the registry's rows in, one kind after the other, and says who may come."""

    retired: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    revoked_at_ms: dict[str, int] = field(default_factory=dict)

    def see_retired(self, gateways: Iterable[Row]) -> None:
        """Take the gateways that are retired."""
        for row in gateways:
            self.retired.add(row.id)
            self.revoked_at_ms[row.id] = row.valid_from_ms

    def see_keys(self, keys: Iterable[Row], decided: Mapping[str, int]) -> None:
        """Take all keys; `decided`: those whose revocation is decided, and when (ms)."""
        for row in keys:
            gateway = row.text("gateway")
            if row.text("state") in LIVE_KEYS and row.id not in decided:
                self.alive.add(gateway)
            else:
                at_ms = decided.get(row.id, row.valid_from_ms)
                self.revoked_at_ms[gateway] = max(at_ms, self.revoked_at_ms.get(gateway, 0))

    def access_list(self, certificates: Iterable[Row]) -> AccessList:
        """Return who may come, given the certificates that have not ended."""
        gateways: set[str] = set()
        revoked: list[Revoked] = []
        for row in certificates:
            gateway, state = row.text("gateway"), row.text("state")
            if state == "revoked" or self._is_shut_out(gateway):
                since_ms = self.revoked_at_ms.get(gateway, row.valid_from_ms)
                at_ms = row.valid_from_ms if state == "revoked" else since_ms
                revoked.append(Revoked(serial=int(row.id, 16), at_ms=at_ms))
            elif state == "valid":
                gateways.add(gateway)
        serials = sorted(revoked, key=lambda one: one.serial)
        return AccessList(gateways=tuple(sorted(gateways)), revoked=tuple(serials))

    def _is_shut_out(self, gateway: str) -> bool:
        is_revoked = gateway in self.revoked_at_ms and gateway not in self.alive
        return gateway in self.retired or is_revoked


def acl_text(gateways: Iterable[str], cloud: str) -> str:
    """Return Mosquitto's `acl_file`; `cloud` is the common name under which the cloud comes."""
    blocks = [_HEAD, f"user {cloud}\ntopic readwrite cw/1/#\n"]
    blocks += [
        f"\nuser {gateway}\ntopic write cw/1/{gateway}/up\ntopic read cw/1/{gateway}/down\n"
        for gateway in gateways
    ]
    return "".join(blocks)
