"""Why a batch is refused, what the gateway should do about it, and what a person should.

Used by the accept order, the quarantine and the documentation. The codes travel in refusals;
the texts stay here. `WireError.code` values are the ones of `evidence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from evidence.outcome import Retry


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One way to be refused."""

    retry: Retry
    what: str
    remedy: str


REASONS: Mapping[str, Reason] = {
    "size": Reason(
        retry=Retry.NEVER,
        what="larger than 65536 bytes",
        remedy="lower seal.max_bytes on the gateway",
    ),
    "cbor": Reason(
        retry=Retry.NEVER,
        what="not one strict COSE_Sign1",
        remedy="update the gateway; look for a proxy that rewrites bodies",
    ),
    "canonical": Reason(
        retry=Retry.NEVER,
        what="not deterministic CBOR",
        remedy="update the gateway's software",
    ),
    "profile": Reason(
        retry=Retry.NEVER,
        what="a header that this version's profile does not allow",
        remedy="update the gateway's software, or the cloud's",
    ),
    "unknown-key": Reason(
        retry=Retry.LATER,
        what="signed by a key that no gateway in the registry has",
        remedy="enrol the gateway (coldwarden-cloud claim), or find out whose device this is",
    ),
    "registry-away": Reason(
        retry=Retry.LATER,
        what="the registry did not answer when this key was met for the first time",
        remedy="bring its database back; the gateway keeps the batch and sends it again",
    ),
    "binding": Reason(
        retry=Retry.NEVER,
        what="a known key that names another gateway or site than its own",
        remedy="check the gateway's id and site against the registry; suspect a copied key",
    ),
    "route": Reason(
        retry=Retry.NEVER,
        what="sent on another gateway's topic or URL",
        remedy="check uplink settings and the broker's ACL; suspect a copied key",
    ),
    "signature": Reason(
        retry=Retry.NEVER,
        what="the signature does not fit the bytes",
        remedy="check for a proxy that rewrites bodies; suspect tampering if it repeats",
    ),
    "field": Reason(
        retry=Retry.NEVER,
        what="a field outside its range",
        remedy="update the gateway's software; the message names the field",
    ),
    "unsupported": Reason(
        retry=Retry.LATER,
        what="a critical field that this server does not know",
        remedy="update the cloud's software",
    ),
    "fork": Reason(
        retry=Retry.NEW_EPOCH,
        what="another batch with this key, epoch and sequence number is archived already",
        remedy="one key is used in two places: find the second device and replace the key",
    ),
    "revoked": Reason(
        retry=Retry.NEVER,
        what="signed by a key that was revoked before this batch came",
        remedy="find out who still has the device; a gateway in duty enrols again",
    ),
    "internal": Reason(
        retry=Retry.LATER,
        what="a mistake of this server, not of the batch",
        remedy="look at the server's log and report it",
    ),
}
