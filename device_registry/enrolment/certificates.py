"""The certificates of one gateway in the registry: issued, found again, replaced."""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from device_registry.authority.csr import Csr
from device_registry.authority.issuing import Authority
from device_registry.authority.profiles import common_name, ms_of
from device_registry.enrolment import facts
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from device_registry.store.change import Change


def issue(
    change: Change, authority: Authority, gateway: str, csr: Csr, at_ms: int
) -> x509.Certificate:
    """Return a new certificate, written down before anybody sees it."""
    leaf = authority.issue(gateway, csr.public_key, at_ms)
    change.put(
        "certificate",
        f"{leaf.serial_number:x}",
        gateway=gateway,
        subject=common_name(leaf),
        not_before=ms_of(leaf.not_valid_before_utc),
        not_after=ms_of(leaf.not_valid_after_utc),
        pem=leaf.public_bytes(Encoding.PEM).decode(),
        state="valid",
    )
    return leaf


def present(change: Change, gateway: str, key: bytes) -> x509.Certificate:
    """Return the valid certificate of the TLS key with this hash.

    Raises:
        EnrolmentRefusedError: it was replaced or revoked.
    """
    rows = change.find("certificate", where={"gateway": gateway, "state": "valid"})
    for row in facts.of_key(rows, key).values():
        return facts.parsed(row)
    raise EnrolmentRefusedError(
        Reason.MISMATCH,
        "the certificate of this key was replaced or revoked",
        "renew with simplereenroll, or make a new claim on the page",
    )


def by_serial(change: Change, serial: int) -> x509.Certificate:
    """Return a certificate that is known to be there."""
    row = change.get("certificate", f"{serial:x}")
    if row is None:
        raise AssertionError(f"certificate {serial:x} was there a moment ago")
    return facts.parsed(row)


def supersede_others(change: Change, gateway: str, key: bytes, keep: int = 0) -> None:
    """Mark as superseded what is neither of this TLS key nor, if `keep` is given, this serial.

    Superseded certificates still work until they end: the answer may be lost, and the gateway
    must be able to ask again with what it has.
    """
    for row in change.find("certificate", where={"gateway": gateway, "state": "valid"}):
        known = facts.certificate_facts(row)
        if known.serial != keep and (keep or known.key_sha256 != key):
            change.put("certificate", row.id, state="superseded")
