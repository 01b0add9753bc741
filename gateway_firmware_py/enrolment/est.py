"""The three requests of EST (RFC 7030) that a gateway makes, and what they bring back."""

import base64
from typing import Final

from cryptography import x509

from evidence.enrolment.claim import Claim, to_base64url
from gateway_firmware_py.enrolment.cloud_client import CloudClient, Request
from gateway_firmware_py.enrolment.tls_identity import read_certs_only

ROOT: Final = "/.well-known/est"
_PKCS10: Final = "application/pkcs10"


def ca_certificates(client: CloudClient) -> list[x509.Certificate]:
    """Return the authority's certificates; errors as `CloudClient.ask`."""
    asked = Request(what="the authority's certificates", method="GET", path=f"{ROOT}/cacerts")
    return read_certs_only(client.ask(asked))


def simple_enroll(client: CloudClient, claim: Claim, csr: bytes) -> list[x509.Certificate]:
    """Return the certificate that the claim gets for `csr`; asked again it is the same one."""
    user = (claim.id.hex(), to_base64url(claim.secret))
    return _certify(client, "simpleenroll", user, csr)


def simple_reenroll(
    client: CloudClient, gateway: str, password: str, csr: bytes
) -> list[x509.Certificate]:
    """Return a new certificate; `password` is the evidence key's word for `csr`."""
    return _certify(client, "simplereenroll", (gateway, password), csr)


def _certify(
    client: CloudClient, name: str, user: tuple[str, str], csr: bytes
) -> list[x509.Certificate]:
    basic = base64.b64encode(":".join(user).encode()).decode()
    headers = {
        "Authorization": f"Basic {basic}",
        "Content-Type": _PKCS10,
        "Content-Transfer-Encoding": "base64",
    }
    asked = Request(
        what="the certificate",
        method="POST",
        path=f"{ROOT}/{name}",
        body=base64.b64encode(csr),
        headers=headers,
    )
    return read_certs_only(client.ask(asked))
