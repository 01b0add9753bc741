"""A gateway that was taken on renews its certificate and changes its evidence key.

Used by `cloud.enrolment`. As `taking_on`: one transaction per step, repeated at will.
"""

from device_registry.authority.csr import Csr
from device_registry.authority.issuing import Authority
from device_registry.enrolment import certificates, decisions, facts, statements
from device_registry.enrolment.decisions import KeyFacts, Proceed, Repeat
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from device_registry.enrolment.taking_on import Chain
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore
from evidence.enrolment.renewal import read_renewal, renewing_kid
from evidence.enrolment.rotation import Rotated, Rotation, read_rotation, rotating_kid
from evidence.keys import PublicKey


def renew(
    store: RegistryStore,
    authority: Authority,
    credentials: tuple[str, str],
    csr: Csr,
    at_ms: int,
) -> Chain:
    """Return a certificate for a gateway id and a password (`evidence.enrolment.renewal`).

    Raises:
        WireError: the password is no proof by the key it names.
        EnrolmentRefusedError: why not, with the remedy.
        StoreUnavailableError: asking again later is right.
    """
    gateway, password = credentials
    kid = renewing_kid(password)
    public = _public_key(store, kid)
    proof = read_renewal(password, public)
    if (proof.gateway, proof.csr_sha256) != (gateway, csr.sha256):
        raise EnrolmentRefusedError(
            Reason.MISMATCH,
            "the password is for another gateway or another request",
            "sign the hash of the request that is sent",
        )
    _check_key(store, gateway, kid)
    with store.change(_device(gateway), "certificate renewed", at_ms) as change:
        key = _check_key(change, gateway, kid)
        where, limit = {"gateway": gateway}, certificates.MAX_PER_GATEWAY
        rows = change.find("certificate", where=where, limit=limit)
        known = [facts.certificate_facts(row) for row in rows]
        decision = decisions.on_renewal(key, csr, gateway, known, at_ms)
        if isinstance(decision, Repeat):
            leaf = certificates.by_serial(change, decision.serial)
        else:
            leaf = certificates.issue(change, authority, gateway, csr, at_ms)
            certificates.supersede_others(change, gateway, keep=leaf.serial_number)
    return leaf, authority.certificate


def rotate(store: RegistryStore, gateway: str, data: bytes, at_ms: int) -> Rotated:
    """Make the new key of a gateway's signed rotation known.

    Raises:
        WireError: it is no rotation signed by both keys.
        EnrolmentRefusedError: why not, with the remedy.
        StoreUnavailableError: asking again later is right.
    """
    old_kid = rotating_kid(data)
    rotation = read_rotation(data, _public_key(store, old_kid))
    if rotation.gateway != gateway:
        raise EnrolmentRefusedError(
            Reason.MISMATCH,
            f"the rotation is of {rotation.gateway}",
            "post it to the address of that gateway",
        )
    _check_key(store, gateway, old_kid)
    with store.change(_device(gateway), "evidence key rotated", at_ms) as change:
        old = _check_key(change, gateway, old_kid)
        new = change.get("key", rotation.public.kid.hex())
        new_facts = facts.key_facts(new, rotation.site)
        if decisions.on_rotation(old, rotation, new_facts) == Proceed():
            _put_rotated(change, rotation, data)
    return Rotated(
        gateway=gateway,
        site=rotation.site,
        old_kid=old_kid,
        kid=rotation.public.kid,
    )


def _put_rotated(change: Change, rotation: Rotation, data: bytes) -> None:
    kid = rotation.public.kid
    change.put("key", rotation.old_kid.hex(), state="superseded")
    change.put(
        "key",
        kid.hex(),
        gateway=rotation.gateway,
        public=rotation.public.to_text(),
        key_kind=rotation.key_kind,
        state="active",
    )
    statements.put_statement(
        change,
        job=statements.ROTATED_JOB,
        site=rotation.site,
        signed=data,
        signers=(rotation.old_kid, kid),
    )


def _public_key(store: RegistryStore, kid: bytes) -> PublicKey:
    row = store.get("key", kid.hex())
    if row is None:
        decisions.check_key(None, "", "")
        raise AssertionError("no key passes the check")
    return PublicKey.from_text(row.text("public"))


def _check_key(source: RegistryStore | Change, gateway: str, kid: bytes) -> KeyFacts:
    row = source.get("gateway", gateway)
    site = row.text("site") if row else ""
    state = row.text("state") if row else "retired"
    successor = statements.successor_of(source, site, kid) if row else b""
    key = facts.key_facts(source.get("key", kid.hex()), site, successor)
    return decisions.check_key(key, gateway, state)


def _device(gateway: str) -> Actor:
    return Actor(account=f"gateway:{gateway}", via="enrolment", device=gateway)
