"""A claim becomes a gateway with a certificate and an evidence key, in two steps.

Used by `cloud.enrolment`. Each step reads, decides (`decisions`) and writes in one transaction
of the registry, so that a crash leaves a step done or not begun, and of two devices with one
claim exactly one goes on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from device_registry.authority.csr import Csr
from device_registry.authority.issuing import Authority
from device_registry.enrolment import certificates, decisions, facts, statements
from device_registry.enrolment.decisions import CLAIM_LIFE, ClaimFacts, Proceed
from device_registry.lifecycles import check_move
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from evidence.enrolment.claim import secret_hash
from evidence.enrolment.request import EnrolRequest, read_request

HEARTBEAT_S: Final = 60
Chain = Sequence[x509.Certificate]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOn:
    """A gateway whose evidence key is known."""

    gateway: str
    site: str
    kid: bytes
    heartbeat_s: int


def certify(
    store: RegistryStore,
    authority: Authority,
    credentials: tuple[bytes, bytes],
    csr: Csr,
    at_ms: int,
) -> Chain:
    """Return the certificate for a claim's id and secret, and its issuer's.

    Raises:
        EnrolmentRefusedError: why not, with the remedy.
        StoreUnavailableError: asking again later is right.
    """
    claim_id, secret = credentials
    hashed = secret_hash(secret)
    # Looked at before the transaction too: nobody without a claim may keep writers waiting.
    claim = decisions.check_claim(_claim(store, claim_id), hashed)
    decisions.on_certificate(claim, csr, at_ms)
    with store.change(_device(claim.gateway), "certificate by claim", at_ms) as change:
        claim = decisions.check_claim(_claim(change, claim_id), hashed)
        if decisions.on_certificate(claim, csr, at_ms) == Proceed():
            _move_claim(change, claim_id, claim, "bound", csr.key_sha256.hex())
            leaf = certificates.issue(change, authority, claim.gateway, csr, at_ms)
        else:
            leaf = certificates.present(change, claim.gateway, csr.key_sha256)
    return leaf, authority.certificate


def take_on(store: RegistryStore, data: bytes, at_ms: int) -> TakenOn:
    """Make the evidence key of a signed request known, and return for which gateway.

    Raises:
        WireError: it is no request signed by the key it names.
        EnrolmentRefusedError: why not, with the remedy.
        StoreUnavailableError: asking again later is right.
    """
    request = read_request(data)
    _decide(store, request)
    with store.change(_device(request.gateway), "evidence key enrolled", at_ms) as change:
        claim, decision = _decide(change, request)
        if decision == Proceed():
            _put_key(change, request, data)
            _move_claim(change, request.claim_id, claim, "used", claim.bound_key.hex())
            _retire_others(change, request, claim)
            _move_gateway(change, request.gateway)
        gateway = change.get("gateway", request.gateway)
    heartbeat_s = gateway.number("heartbeat_s") if gateway else 0
    return TakenOn(
        gateway=request.gateway,
        site=request.site,
        kid=request.public.kid,
        heartbeat_s=heartbeat_s or HEARTBEAT_S,
    )


def _decide(
    source: RegistryStore | Change, request: EnrolRequest
) -> tuple[ClaimFacts, decisions.Decision]:
    claim = _claim(source, request.claim_id)
    where = {"gateway": claim.gateway, "state": "valid"} if claim else {}
    rows = source.find("certificate", where=where) if claim else []
    mine = facts.of_key(rows, claim.bound_key) if claim else {}
    key = source.get("key", request.public.kid.hex())
    decision = decisions.on_request(claim, request, mine, facts.key_facts(key, request.site))
    if claim is None:
        raise AssertionError("no decision without a claim")
    return claim, decision


def _claim(source: RegistryStore | Change, claim_id: bytes) -> ClaimFacts | None:
    return facts.claim_facts(source.get("claim", claim_id.hex()))


def _move_claim(
    change: Change, claim_id: bytes, claim: ClaimFacts, state: str, bound_key: str
) -> None:
    check_move(CLAIM_LIFE, claim.state, state)
    change.put("claim", claim_id.hex(), state=state, csr_key_hash=bound_key)


def _put_key(change: Change, request: EnrolRequest, data: bytes) -> None:
    kid = request.public.kid
    change.put(
        "key",
        kid.hex(),
        gateway=request.gateway,
        public=request.public.to_text(),
        key_kind=request.key_kind,
        state="active",
    )
    statements.put_statement(
        change, job=statements.ENROLLED_JOB, site=request.site, signed=data, signers=(kid, kid)
    )


def _retire_others(change: Change, request: EnrolRequest, claim: ClaimFacts) -> None:
    """Let go of the keys of the device that was here before."""
    for row in change.find("key", where={"gateway": claim.gateway, "state": "active"}):
        if row.id != request.public.kid.hex():
            change.put("key", row.id, state="superseded")
    certificates.revoke_others(change, claim.gateway, claim.bound_key)


def _move_gateway(change: Change, gateway: str) -> None:
    row = change.get("gateway", gateway)
    if row is not None and row.text("state") == "claimed":
        change.put("gateway", gateway, state="enrolled")


def _device(gateway: str) -> Actor:
    return Actor(account=f"gateway:{gateway}", via="enrolment", device=gateway)
