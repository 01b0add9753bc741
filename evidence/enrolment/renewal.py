"""A gateway renews its certificate: its evidence key vouches for the new CSR.

Sent as the HTTP Basic password, in base64url, of EST's simplereenroll, with the gateway id as
the user name: a standard EST client can do it, and no proxy needs to pass certificates on.
"""

from dataclasses import dataclass
from typing import Final

from evidence import cbor, cose
from evidence.enrolment import envelope, fields
from evidence.enrolment.claim import from_base64url, to_base64url
from evidence.enrolment.envelope import Parties
from evidence.errors import WireError
from evidence.keys import PublicKey

NAME: Final = "renewal"
MAX_PASSWORD_CHARS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewalProof:
    """`csr_sha256` is of the CSR in DER; `at_ms` is the gateway's clock.

    Raises:
        WireError: "field" when a part is not what its name says.
    """

    gateway: str
    site: str
    csr_sha256: bytes
    at_ms: int

    def __post_init__(self) -> None:
        Parties(gateway=self.gateway, site=self.site)
        fields.check_sized(self.csr_sha256, fields.SHA256_BYTES, "CSR hash")
        fields.check_number(self.at_ms, "time")


def sign_renewal(proof: RenewalProof, signer: cose.Signer) -> str:
    """Return the password, signed by the evidence key."""
    payload = cbor.encode([proof.csr_sha256, proof.at_ms])
    parties = Parties(gateway=proof.gateway, site=proof.site)
    return to_base64url(envelope.seal(NAME, payload, signer, parties))


def renewing_kid(password: str) -> bytes:
    """Return the id of the key that claims to have signed `password`; nothing is verified.

    Raises:
        WireError: as `read_renewal`.
    """
    return envelope.peek(NAME, _data(password))[0].kid


def read_renewal(password: str, key: PublicKey) -> RenewalProof:
    """Return the proof that `key` signed.

    Raises:
        WireError: "signature", "profile", "size", "cbor", "canonical" or "field".
    """
    parties, payload = envelope.unseal(NAME, _data(password), key)
    match envelope.flat_list(payload, 2, NAME):
        case [bytes() as csr_sha256, int() as at_ms]:
            return RenewalProof(
                gateway=parties.gateway, site=parties.site, csr_sha256=csr_sha256, at_ms=at_ms
            )
        case _:
            raise WireError("field", "renewal is not [CSR hash, time]")


def _data(password: str) -> bytes:
    if len(password) > MAX_PASSWORD_CHARS:
        raise WireError("size", f"over {MAX_PASSWORD_CHARS} characters")
    return from_base64url(password)
