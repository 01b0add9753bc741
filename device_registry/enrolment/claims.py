"""A technician's permission for one gateway to enrol: made once, good for a day.

Used by `coldwarden-cloud claim` and by the technician's page. The registry keeps the hash of
the secret only, so the claim's text can be shown once and never again.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from device_registry.enrolment.decisions import CLAIM_LIFE
from device_registry.enrolment.errors import ClaimRefusedError
from device_registry.enrolment.network import check_network
from device_registry.lifecycles import check_move
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from evidence.enrolment.claim import ID_BYTES, SECRET_BYTES, Claim
from evidence.errors import WireError

LIFE_MS: Final = 24 * 3_600_000
RESERVED: Final = frozenset({"ingest"})
"""Names under which the cloud itself comes to the broker: they may read every topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a technician asks for; `network` as the boot file's [network], {} for DHCP."""

    site: str
    gateway: str
    network: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the gateway will find the cloud, and the pin of what it says of itself."""

    url: str
    pin: bytes


def make_claim(
    store: RegistryStore, actor: Actor, wish: Wish, server: Server, at_ms: int
) -> Claim:
    """Return a new claim; an earlier one that is not used yet ends.

    The gateway is registered when it is not there. One that is in service may get a claim too:
    its next device then takes over.

    Raises:
        ClaimRefusedError: no such site, a gateway of another site or retired, a network that
            cannot be; with the remedy.
        StoreUnavailableError: asking again later is right.
    """
    check_network(wish.network)
    if wish.gateway in RESERVED:
        raise ClaimRefusedError(f"{wish.gateway} is the cloud's own name; choose another id")
    try:
        claim = Claim(
            id=secrets.token_bytes(ID_BYTES),
            secret=secrets.token_bytes(SECRET_BYTES),
            gateway=wish.gateway,
            site=wish.site,
            url=server.url,
            pin=server.pin,
        )
    except WireError as error:
        raise ClaimRefusedError(f"{error}; choose another id") from error
    with store.change(actor, f"claim for {wish.gateway}", at_ms) as change:
        _check_gateway(change, wish)
        _cancel_earlier(change, wish.gateway)
        change.put(
            "claim",
            claim.id.hex(),
            site=wish.site,
            gateway=wish.gateway,
            secret_hash=claim.secret_hash.hex(),
            until_ms=at_ms + LIFE_MS,
            state="open",
            network=dict(wish.network),
            created_by=actor.account,
        )
    return claim


def cancel_claim(store: RegistryStore, actor: Actor, claim_id: str, at_ms: int) -> None:
    """End a claim that is not used; ClaimRefusedError when it is not there or is used."""
    with store.change(actor, "claim cancelled", at_ms) as change:
        row = change.get("claim", claim_id)
        if row is None or "cancelled" not in CLAIM_LIFE.moves[row.text("state")]:
            raise ClaimRefusedError(
                "no claim that could be cancelled; revoke the gateway's key"
            )
        change.put("claim", claim_id, state="cancelled")


def _check_gateway(change: Change, wish: Wish) -> None:
    if change.get("site", wish.site) is None:
        raise ClaimRefusedError(f"no site {wish.site!r}; register the site first")
    row = change.get("gateway", wish.gateway)
    if row is None:
        change.put("gateway", wish.gateway, site=wish.site, state="claimed")
        return
    if row.text("site") != wish.site:
        raise ClaimRefusedError(
            f"{wish.gateway} is a gateway of {row.text('site')}; choose another id"
        )
    if row.text("state") == "retired":
        raise ClaimRefusedError(f"{wish.gateway} is retired; choose another id")
    if row.text("state") == "ordered":
        change.put("gateway", wish.gateway, state="claimed")


def _cancel_earlier(change: Change, gateway: str) -> None:
    for row in change.find("claim", where={"gateway": gateway, "state": ["open", "bound"]}):
        check_move(CLAIM_LIFE, row.text("state"), "cancelled")
        change.put("claim", row.id, state="cancelled")
