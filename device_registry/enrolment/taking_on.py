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
from device_registry.store.row import Row
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
    # As above: a row of the registry is all that a stranger may cost.
    decisions.check_proof(_claim(store, request.claim_id), request)
    with store.change(_device(request.gateway), "evidence key enrolled", at_ms) as change:
        claim = decisions.check_proof(_claim(change, request.claim_id), request)
        held = certificates.held(change, claim.gateway)
        gateway = change.get("gateway", request.gateway)
        if _decided(change, claim, request, held) == Proceed():
            _put_key(change, request, data)
            _move_claim(change, request.claim_id, claim, "used", claim.bound_key.hex())
            _supersede_keys(change, request)
            certificates.revoke_others(change, held, claim.bound_key)
            if gateway is not None and gateway.text("state") == "claimed":
                change.put("gateway", request.gateway, state="enrolled")
    heartbeat_s = gateway.number("heartbeat_s") if gateway else 0
    return TakenOn(
        gateway=request.gateway,
        site=request.site,
        kid=request.public.kid,
        heartbeat_s=heartbeat_s or HEARTBEAT_S,
    )


def _decided(
    change: Change, claim: ClaimFacts, request: EnrolRequest, held: Sequence[Row]
) -> decisions.Decision:
    valid = (row for row in held if row.text("state") == "valid")
    mine = facts.of_key(valid, claim.bound_key)
    key = facts.key_facts(change.get("key", request.public.kid.hex()), request.site)
    return decisions.on_request(claim, request, mine, key)


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


def _supersede_keys(change: Change, request: EnrolRequest) -> None:
    """Let go of the keys of the device that was here before."""
    for row in change.find("key", where={"gateway": request.gateway, "state": "active"}):
        if row.id != request.public.kid.hex():
            change.put("key", row.id, state="superseded")


def _device(gateway: str) -> Actor:
    return Actor(account=f"gateway:{gateway}", via="enrolment", device=gateway)
