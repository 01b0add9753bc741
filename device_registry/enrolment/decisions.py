"""What each step of enrolment, renewal and rotation does, given how things stand.

Pure: facts in, a decision out, or `EnrolmentRefusedError`. Every step may be asked again after
a lost answer or a crash and is then answered as before (`Repeat`), so a device that repeats
what it did not see answered always ends taken on, once.

A claim binds itself to the first TLS key that comes with its secret. Its 24 hours limit who may
begin: the bound key's holder may finish later, since nobody else can.

```mermaid
stateDiagram-v2
    open --> bound: certificate issued
    open --> expired: 24 h passed
    open --> cancelled: a newer claim
    bound --> used: evidence key taken on
    bound --> cancelled: a newer claim
```
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from device_registry.authority.csr import Csr
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from device_registry.lifecycles import Lifecycle
from evidence.enrolment.request import EnrolRequest, secret_proof_of_hash
from evidence.enrolment.rotation import Rotation

NEW_CLAIM: Final = "make a new claim on the page"
RENEW_AGAIN_PARTS: Final = 3
"""A certificate with more than two of three parts of its life left is given again as it is."""

CLAIM_LIFE: Final = Lifecycle(
    name="claim",
    initial="open",
    moves=MappingProxyType(
        {
            "open": frozenset({"bound", "expired", "cancelled"}),
            "bound": frozenset({"used", "cancelled"}),
            "used": frozenset(),
            "expired": frozenset(),
            "cancelled": frozenset(),
        }
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFacts:
    """A claim as the registry has it; `bound_key` is b"" until a TLS key came with it."""

    gateway: str
    site: str
    state: str
    until_ms: int
    secret_hash: bytes
    bound_key: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFacts:
    """An evidence key as the registry has it; `successor` is the key it was rotated to."""

    gateway: str
    site: str
    state: str
    successor: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFacts:
    """A certificate as the registry has it; `key_sha256` is of its public key."""

    serial: int
    key_sha256: bytes
    state: str
    not_before_ms: int
    not_after_ms: int


@dataclass(frozen=True, slots=True)
class Proceed:
    """Do it: nothing of it was done before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """It is done; answer as before. `serial` is the certificate's, where there is one."""

    serial: int = 0


Decision = Proceed | Repeat


def check_claim(claim: ClaimFacts | None, secret_hash: bytes) -> ClaimFacts:
    """Return the claim if the secret is its own."""
    if claim is None or not hmac.compare_digest(claim.secret_hash, secret_hash):
        raise _unknown_claim()
    return claim


def check_proof(claim: ClaimFacts | None, request: EnrolRequest) -> ClaimFacts:
    """Return the claim if the request's sender has its secret."""
    if claim is None or not hmac.compare_digest(
        request.secret_proof,
        secret_proof_of_hash(claim.secret_hash, request.public, request.certificate_sha256),
    ):
        raise _unknown_claim()
    return claim


def on_certificate(claim: ClaimFacts, csr: Csr, at_ms: int) -> Decision:
    """Decide on a CSR that came with the claim's secret."""
    _check_name(csr, claim.gateway)
    match claim.state:
        case "open" if at_ms < claim.until_ms:
            return Proceed()
        case "open" | "expired":
            raise _expired()
        case "bound" | "used" if hmac.compare_digest(claim.bound_key, csr.key_sha256):
            return Repeat()
        case "bound" | "used":
            raise EnrolmentRefusedError(
                Reason.OTHER_KEY,
                "the claim was used with another key",
                f"if that was not this device, somebody else has it: {NEW_CLAIM}",
            )
        case _:
            raise _cancelled()


def on_request(
    claim: ClaimFacts | None,
    request: EnrolRequest,
    certificates: Collection[bytes],
    key: KeyFacts | None,
) -> Decision:
    """Decide on an evidence key; `certificates` are the SHA-256 of those of the bound TLS key.

    `key` is what the registry knows of a key with this id, None when it is new.
    """
    claim = check_proof(claim, request)
    _check_claimed(claim, request)
    if request.certificate_sha256 not in certificates:
        raise EnrolmentRefusedError(
            Reason.MISMATCH,
            "the certificate is not the one that was made under this claim",
            "fetch it again with simpleenroll and the same key",
        )
    return _on_key(claim, key)


def _check_claimed(claim: ClaimFacts, request: EnrolRequest) -> None:
    if (claim.gateway, claim.site) != (request.gateway, request.site):
        raise EnrolmentRefusedError(
            Reason.OTHER_GATEWAY,
            f"the claim is for {claim.gateway} at {claim.site}",
            "use the ids of the claim",
        )
    match claim.state:
        case "bound" | "used":
            return
        case "open":
            raise EnrolmentRefusedError(
                Reason.NOT_YET,
                "the claim has no certificate yet",
                "send the certificate request to simpleenroll first",
            )
        case "expired":
            raise _expired()
        case _:
            raise _cancelled()


def _on_key(claim: ClaimFacts, key: KeyFacts | None) -> Decision:
    if claim.state == "bound" and key is None:
        return Proceed()
    if claim.state == "used" and key is not None and key.gateway == claim.gateway:
        if key.state == "revoked":
            raise _revoked()
        return Repeat()
    if claim.state == "used" and key is None:
        raise EnrolmentRefusedError(
            Reason.OTHER_KEY, "the claim was used with another evidence key", NEW_CLAIM
        )
    raise EnrolmentRefusedError(
        Reason.OTHER_KEY,
        "this evidence key is known already",
        "make a new key: coldwarden-gateway enrol --new-key",
    )


def check_key(key: KeyFacts | None, gateway: str, gateway_state: str) -> KeyFacts:
    """Return the key if it may speak for the gateway."""
    if key is None or key.gateway != gateway:
        raise EnrolmentRefusedError(
            Reason.UNKNOWN, "no such gateway with this key", "enrol the gateway with a claim"
        )
    if key.state == "revoked":
        raise _revoked()
    if gateway_state == "retired":
        raise EnrolmentRefusedError(
            Reason.RETIRED, f"{gateway} is retired", "a new gateway gets an id of its own"
        )
    return key


def on_renewal(
    key: KeyFacts, csr: Csr, gateway: str, known: Collection[CertificateFacts], at_ms: int
) -> Decision:
    """Decide on the CSR of a gateway whose evidence `key` was checked.

    `known` are all certificates of the gateway. A key whose certificate was replaced by that of
    another key does not come back: whoever kept it may be a thief.
    """
    _check_name(csr, gateway)
    if key.state != "active":
        raise EnrolmentRefusedError(
            Reason.MISMATCH,
            "the evidence key was rotated away",
            "sign with the gateway's present key",
        )
    same = [one for one in known if one.key_sha256 == csr.key_sha256]
    if any(one.state == "revoked" for one in same):
        raise _revoked()
    valid = [one for one in same if one.state == "valid"]
    if same and not valid:
        raise EnrolmentRefusedError(
            Reason.OTHER_KEY, "this TLS key was replaced before", "make a new key for TLS"
        )
    fresh = [one for one in valid if _is_fresh(one, at_ms)]
    return Repeat(serial=fresh[0].serial) if fresh else Proceed()


def on_rotation(old: KeyFacts, rotation: Rotation, new: KeyFacts | None) -> Decision:
    """Decide on a rotation that both keys signed, the `old` one being checked."""
    if rotation.site != old.site:
        raise EnrolmentRefusedError(
            Reason.OTHER_GATEWAY, f"the gateway is at {old.site}", "use the id of its site"
        )
    if old.state == "active" and new is None:
        return Proceed()
    if old.successor == rotation.public.kid and new is not None:
        if new.state == "revoked":
            raise _revoked()
        return Repeat()
    if old.state == "active":
        raise EnrolmentRefusedError(
            Reason.OTHER_KEY, "the new key is known already", "make another new key"
        )
    raise EnrolmentRefusedError(
        Reason.OTHER_KEY,
        "the old key was rotated to another one before",
        "sign with the gateway's present key",
    )


def _check_name(csr: Csr, gateway: str) -> None:
    if csr.common_name not in {"", gateway}:
        raise EnrolmentRefusedError(
            Reason.MISMATCH,
            f"the request is for {csr.common_name[:64]!r}",
            f"its common name must be {gateway}",
        )


def _is_fresh(certificate: CertificateFacts, at_ms: int) -> bool:
    life_ms = certificate.not_after_ms - certificate.not_before_ms
    left_ms = certificate.not_after_ms - at_ms
    return left_ms * RENEW_AGAIN_PARTS > life_ms * (RENEW_AGAIN_PARTS - 1)


def _unknown_claim() -> EnrolmentRefusedError:
    return EnrolmentRefusedError(
        Reason.UNKNOWN, "no such claim with this secret", f"scan the QR again, or {NEW_CLAIM}"
    )


def _expired() -> EnrolmentRefusedError:
    return EnrolmentRefusedError(Reason.EXPIRED, "the claim has expired", NEW_CLAIM)


def _cancelled() -> EnrolmentRefusedError:
    return EnrolmentRefusedError(
        Reason.CANCELLED, "the claim was cancelled, or replaced by a newer one", NEW_CLAIM
    )


def _revoked() -> EnrolmentRefusedError:
    return EnrolmentRefusedError(
        Reason.REVOKED, "the key is revoked", f"if the device is yours again, {NEW_CLAIM}"
    )
