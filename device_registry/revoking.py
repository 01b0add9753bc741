"""A key is revoked by two people, and from one record of the log on.

Used by the pages and commands (`request`, `approve`, `decline`) and by what follows the log
(`make_effective`). Each step is one transaction and may be repeated; a crash leaves a step done
or not begun. What is approved is shipped to the log until it is there, so that an approved
revocation always becomes effective, and nothing else does.

```mermaid
stateDiagram-v2
    [*] --> requested
    requested --> approved : another person
    requested --> declined
    approved --> effective : its key record is in the log
```
"""

from collections.abc import Mapping
from typing import Final

from device_registry.access.policy import two_people
from device_registry.errors import RevocationRefusedError
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "requested": frozenset({"approved", "declined"}),
    "approved": frozenset({"effective"}),
    "effective": frozenset(),
    "declined": frozenset(),
}
LOG: Final = Actor(account="log", via="system")
"""Whoever follows the log and notes what it says."""


def request(store: RegistryStore, actor: Actor, kid: str, reason: str, at_ms: int) -> str:
    """Ask for the revocation of the key `kid` (hex) and return the revocation's id.

    Asked again while one is under way, it is that one.

    Raises:
        RevocationRefusedError: there is no such key, or it is revoked.
        InvalidFieldsError: no reason is given.
    """
    with store.change(actor, reason, at_ms) as change:
        key = change.get("key", kid)
        if key is None:
            raise RevocationRefusedError(f"there is no key {kid}", "look at the gateway's page")
        before = change.find("revocation", where={"kid": kid}, limit=1000)
        under_way = [row for row in before if row.text("state") in {"requested", "approved"}]
        if under_way:
            return under_way[0].id
        if key.text("state") == "revoked":
            raise RevocationRefusedError(f"key {kid} is revoked", "there is nothing to do")
        id_ = f"{kid}.{len(before) + 1}"
        change.put(
            "revocation",
            id_,
            gateway=key.text("gateway"),
            kid=kid,
            reason=reason,
            requested_by=actor.account,
            state="requested",
        )
    return id_


def approve(store: RegistryStore, actor: Actor, id_: str, at_ms: int) -> None:
    """Agree to a revocation, as another person than who asked; it is shipped to the log.

    Raises:
        RevocationRefusedError: it is the same person, or nothing is left to agree to.
    """
    with store.change(actor, "revocation approved", at_ms) as change:
        row = _row(change, id_)
        if row.text("state") == "approved" and row.text("approved_by") == actor.account:
            return
        if not two_people(row.text("requested_by"), actor.account):
            raise RevocationRefusedError(
                "who asks for a revocation cannot approve it", "ask another person to approve"
            )
        _check_move(row, "approved")
        change.put("revocation", id_, state="approved", approved_by=actor.account)


def decline(store: RegistryStore, actor: Actor, id_: str, reason: str, at_ms: int) -> None:
    """Turn a revocation down, or take it back; RevocationRefusedError when it is too late."""
    with store.change(actor, reason, at_ms) as change:
        row = _row(change, id_)
        if row.text("state") != "declined":
            _check_move(row, "declined")
            change.put("revocation", id_, state="declined")


def make_effective(store: RegistryStore, kid: str, index: int, at_ms: int) -> None:
    """Note that the log has revoked `kid` by its record `index`; a repetition changes nothing.

    The log is believed even where the registry knows of no approval: it may have been restored
    from a copy. A thief has the certificates too: replaced ones go with any key, the present
    one with the gateway's present key.
    """
    with store.change(LOG, f"revoked by record {index}", at_ms) as change:
        key = change.get("key", kid)
        if key is None or key.text("state") == "revoked":
            return
        gone = ["superseded", "valid"] if key.text("state") == "active" else ["superseded"]
        change.put("key", kid, state="revoked", revoked_index=index)
        for row in change.find("revocation", where={"kid": kid, "state": "approved"}):
            change.put("revocation", row.id, state="effective", effective_index=index)
        where = {"gateway": key.text("gateway"), "state": gone}
        for row in change.find("certificate", where=where, limit=1000):
            change.put("certificate", row.id, state="revoked")


def _row(change: Change, id_: str) -> Row:
    row = change.get("revocation", id_)
    if row is None:
        raise RevocationRefusedError(f"there is no revocation {id_}", "look at the list")
    return row


def _check_move(row: Row, state: str) -> None:
    before = row.text("state")
    if state not in MOVES[before]:
        can = ", ".join(sorted(MOVES[before])) or "nothing"
        raise RevocationRefusedError(
            f"revocation {row.id} is {before}; it can become {can}", "ask for a new one"
        )
