"""A gateway asks to be taken on: its evidence key, signed by that key, under its claim.

The signature proves possession of the evidence key, the CSR's signature that of the TLS key,
and `secret_proof` ties both to the claim, so that neither key can be swapped on the way.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from evidence import cbor, cose
from evidence.enrolment import envelope, fields
from evidence.enrolment.claim import ID_BYTES, secret_hash
from evidence.enrolment.envelope import Parties
from evidence.errors import WireError
from evidence.keys import PublicKey

PATH: Final = "/v1/enrolments"
NAME: Final = "enrolment"
MEDIA_TYPE: Final = envelope.typ_of(NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolRequest:
    """`certificate_sha256` and `csr_sha256` are of the DER; `at_ms` is the gateway's clock.

    The certificate's hash is what a claim is held to; the CSR's is for the record.
    `software` is name and version of what runs; `key_kind` one of `fields.KEY_KINDS`.

    Raises:
        WireError: "field" when a part is not what its name says.
    """

    claim_id: bytes
    gateway: str
    site: str
    public: PublicKey
    key_kind: str
    certificate_sha256: bytes
    csr_sha256: bytes
    software: str
    at_ms: int
    secret_proof: bytes

    def __post_init__(self) -> None:
        Parties(gateway=self.gateway, site=self.site)
        fields.check_sized(self.claim_id, ID_BYTES, "claim id")
        fields.check_key_kind(self.key_kind)
        fields.check_sized(self.certificate_sha256, fields.SHA256_BYTES, "certificate hash")
        fields.check_sized(self.csr_sha256, fields.SHA256_BYTES, "CSR hash")
        fields.check_text(self.software, "software")
        fields.check_number(self.at_ms, "time")
        fields.check_sized(self.secret_proof, fields.SHA256_BYTES, "secret proof")


def secret_proof(secret: bytes, public: PublicKey, certificate_sha256: bytes) -> bytes:
    """Return the proof that the holder of the claim's `secret` means these two keys."""
    return secret_proof_of_hash(secret_hash(secret), public, certificate_sha256)


def secret_proof_of_hash(
    hashed_secret: bytes, public: PublicKey, certificate_sha256: bytes
) -> bytes:
    """Return the same from `Claim.secret_hash`, which is all that the cloud keeps."""
    message = public.thumbprint + certificate_sha256
    return hmac.new(hashed_secret, message, hashlib.sha256).digest()


def sign_request(request: EnrolRequest, signer: cose.Signer) -> bytes:
    """Return the request, signed by the evidence key that it names."""
    if signer.kid != request.public.kid or signer.alg != request.public.alg:
        raise ValueError("a request is signed by the key it names")
    payload = cbor.encode(
        [
            request.claim_id,
            request.public.to_text(),
            request.key_kind,
            request.certificate_sha256,
            request.csr_sha256,
            request.software,
            request.at_ms,
            request.secret_proof,
        ]
    )
    parties = Parties(gateway=request.gateway, site=request.site)
    return envelope.seal(NAME, payload, signer, parties)


def read_request(data: bytes) -> EnrolRequest:
    """Return the request of a gateway that holds the key it names.

    Raises:
        WireError: "signature" when it does not; "size", "profile", "cbor", "canonical",
            "field".
    """
    header, parties, sealed = envelope.peek(NAME, data)
    match envelope.flat_list(sealed.payload, 8, NAME):
        case [
            bytes() as claim_id,
            str() as public,
            str() as key_kind,
            bytes() as certificate,
            bytes() as csr,
            str() as software,
            int() as at_ms,
            bytes() as proof,
        ]:
            request = EnrolRequest(
                claim_id=claim_id,
                gateway=parties.gateway,
                site=parties.site,
                public=fields.read_key(public),
                key_kind=key_kind,
                certificate_sha256=certificate,
                csr_sha256=csr,
                software=software,
                at_ms=at_ms,
                secret_proof=proof,
            )
        case _:
            raise WireError("field", "an item of the enrolment has another type")
    envelope.check_signed(header, sealed, request.public)
    return request
