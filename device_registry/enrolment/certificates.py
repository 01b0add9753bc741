"""The certificates of one gateway in the registry: issued, found again, replaced."""

from collections.abc import Iterable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from device_registry.authority.csr import Csr
from device_registry.authority.issuing import Authority
from device_registry.authority.profiles import common_name, ms_of
from device_registry.enrolment import facts
from device_registry.enrolment.errors import EnrolmentRefusedError, Reason
from device_registry.store.change import Change
from device_registry.store.row import Row

MAX_PER_GATEWAY: Final = 10_000
"""More than a hundred years of renewals; a gateway that asks more often is slowed down."""


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


def supersede_others(change: Change, gateway: str, keep: int) -> None:
    """Mark as superseded every valid certificate but the one with this serial.

    They still work until they end: the answer may be lost, and the gateway must be able to ask
    again with what it has.
    """
    for row in change.find("certificate", where={"gateway": gateway, "state": "valid"}):
        if row.id != f"{keep:x}":
            change.put("certificate", row.id, state="superseded")


def held(change: Change, gateway: str) -> list[Row]:
    """Return the gateway's certificates that are not revoked."""
    where = {"gateway": gateway, "state": ["valid", "superseded"]}
    return change.find("certificate", where=where, limit=MAX_PER_GATEWAY)


def revoke_others(change: Change, rows: Iterable[Row], key: bytes) -> None:
    """Revoke what is not of the TLS key with this hash: another device's."""
    for row in rows:
        if facts.certificate_facts(row).key_sha256 != key:
            change.put("certificate", row.id, state="revoked")
