"""A small server of the enrolment protocol that keeps the contract, and can fail both ways.

It polices what a gateway does: a request whose signatures do not hold, a second key under one
claim, or a proof for another certificate is refused as the cloud refuses it. `faults` loses
the request or the reply of the next exchange with a path.
"""

import base64
import contextlib
import hashlib
import hmac
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from evidence.enrolment import anchors as anchors_of
from evidence.enrolment import renewal, request, rotation
from evidence.enrolment.anchors import Anchors
from evidence.enrolment.answer import Enrolled, sign_enrolled
from evidence.enrolment.claim import Claim, from_base64url
from evidence.errors import WireError
from evidence.keys import PublicKey
from tests.support.enrolment_authority import DER, Issuer, certs_only
from tests.support.fake_cloud import CONTROL_KEY, LOG_KEY, Fault
from tests.support.ports import free_port

EST = "/.well-known/est/"
LOG_ORIGIN = "cloud.test/log/2026"
GATEWAY, SITE = "gw-new-01", "chs-001"


class RefusedError(Exception):
    """The request is refused with this status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@dataclass(slots=True)
class Ledger:
    """What the server knows of one claim."""

    claim: Claim
    state: str = "open"
    csr: bytes = b""
    certificate: x509.Certificate | None = None
    enrolled: bytes = b""


@dataclass(slots=True)
class EnrolmentServer:
    """The protocol; `serve` gives it a port. `moments` names each exchange that was applied."""

    port: int = 0
    https_url: str = ""
    mqtt_port: int = 0
    root: Issuer = field(default_factory=lambda: Issuer("test root"))
    issuer: Issuer = field(init=False)
    claims: dict[bytes, Ledger] = field(default_factory=dict)
    keys: dict[str, list[PublicKey]] = field(default_factory=dict)
    tls_keys: dict[str, list[bytes]] = field(default_factory=dict)
    faults: dict[str, Fault] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    configuration: bytes = b""
    leaf_days: float = 90

    def __post_init__(self) -> None:
        self.issuer = Issuer("test intermediate", self.root)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @property
    def anchors(self) -> Anchors:
        return Anchors(
            root=self.root.cert.public_bytes(DER),
            log_origin=LOG_ORIGIN,
            log_key=LOG_KEY.public,
            control_key=CONTROL_KEY.public,
        )

    def claim(self, gateway: str = GATEWAY, site: str = SITE) -> Claim:
        """Make a claim, as a technician does on the page."""
        number = len(self.claims) + 1
        claim = Claim(
            id=number.to_bytes(8, "big"),
            secret=hashlib.sha256(b"%d" % number).digest()[:16],
            gateway=gateway,
            site=site,
            url=self.url,
            pin=self.anchors.pin(),
        )
        self.claims[claim.id] = Ledger(claim)
        return claim

    def answer(self, method: str, path: str, user: str, body: bytes) -> bytes:
        """Return the answer to one request."""
        name = f"{method} {path}"
        if name == f"GET {anchors_of.PATH}":
            return self.anchors.encode()
        if name == f"GET {EST}cacerts":
            return certs_only(self.root.cert, self.issuer.cert)
        if name == f"POST {EST}simpleenroll":
            return self._enroll(user, base64.b64decode(body))
        if name == f"POST {EST}simplereenroll":
            return self._reenroll(user, base64.b64decode(body))
        if name == f"POST {request.PATH}":
            return self._take_on(body)
        gateway = next((g for g in self.keys if name == f"POST {rotation.path_of(g)}"), None)
        if gateway is not None:
            return self._rotate(gateway, body)
        raise RefusedError(404, "no such page")

    def _enroll(self, user: str, csr: bytes) -> bytes:
        name, _, secret = user.partition(":")
        ledger = self.claims.get(bytes.fromhex(name))
        if ledger is None or not hmac.compare_digest(
            from_base64url(secret), ledger.claim.secret
        ):
            raise RefusedError(401, "unknown claim")
        if ledger.state == "expired":
            raise RefusedError(403, "the claim has expired")
        if ledger.csr and _public(ledger.csr) != _public(csr):
            raise RefusedError(403, "the claim is used by another device")
        if ledger.certificate is None:
            ledger.csr, ledger.state = csr, "bound"
            ledger.certificate = self._issue(csr, ledger.claim.gateway)
        return certs_only(ledger.certificate)

    def _issue(self, csr: bytes, gateway: str) -> x509.Certificate:
        asked = x509.load_der_x509_csr(csr)
        assert asked.is_signature_valid
        assert asked.subject.rfc4514_string() == f"CN={gateway}"
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        self.tls_keys.setdefault(gateway, []).append(_public(csr))
        self.counts["certificates"] += 1
        return self.issuer.issue(public, gateway, days=self.leaf_days)

    def _reenroll(self, user: str, csr: bytes) -> bytes:
        gateway, _, password = user.partition(":")
        kid = renewal.renewing_kid(password)
        key = next((k for k in self.keys.get(gateway, ()) if k.kid == kid), None)
        if key is None:
            raise RefusedError(403, "unknown key")
        proof = renewal.read_renewal(password, key)
        assert (proof.gateway, proof.csr_sha256) == (gateway, hashlib.sha256(csr).digest())
        return certs_only(self._issue(csr, gateway))

    def _take_on(self, body: bytes) -> bytes:
        asked = request.read_request(body)
        ledger = self.claims.get(asked.claim_id)
        if ledger is None or ledger.certificate is None:
            raise RefusedError(403, "the claim has no certificate yet")
        certificate = hashlib.sha256(ledger.certificate.public_bytes(DER)).digest()
        hashed = ledger.claim.secret_hash
        expected = request.secret_proof_of_hash(hashed, asked.public, certificate)
        if not hmac.compare_digest(asked.secret_proof, expected):
            raise RefusedError(403, "the proof of the claim's secret does not hold")
        assert asked.csr_sha256 == hashlib.sha256(ledger.csr).digest()
        assert (asked.gateway, asked.site) == (ledger.claim.gateway, ledger.claim.site)
        if not ledger.enrolled:
            ledger.state, ledger.enrolled = "used", self._enrolled(asked)
            self.keys.setdefault(asked.gateway, []).append(asked.public)
            self.counts["enrolments"] += 1
        return ledger.enrolled

    def _enrolled(self, asked: request.EnrolRequest) -> bytes:
        answer = Enrolled(
            gateway=asked.gateway,
            site=asked.site,
            kid=asked.public.kid,
            https_url=self.https_url or self.url,
            mqtt_host="localhost" if self.mqtt_port else "",
            mqtt_port=self.mqtt_port,
            configuration=self.configuration,
        )
        return sign_enrolled(answer, CONTROL_KEY)

    def _rotate(self, gateway: str, body: bytes) -> bytes:
        kid = rotation.rotating_kid(body)
        keys = self.keys.get(gateway, [])
        old = next((key for key in keys if key.kid == kid), None)
        if old is None:
            raise RefusedError(403, "unknown key")
        asked = rotation.read_rotation(body, old)
        assert asked.gateway == gateway
        if asked.public not in keys:
            if old != keys[-1]:
                raise RefusedError(403, "the key was rotated already")
            keys.append(asked.public)
            self.counts["rotations"] += 1
        answer = rotation.Rotated(
            gateway=gateway, site=asked.site, old_kid=old.kid, kid=asked.public.kid
        )
        return rotation.sign_rotated(answer, CONTROL_KEY)


def _public(csr: bytes) -> bytes:
    key = x509.load_der_x509_csr(csr).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return b"%d" % key.public_numbers().x


@contextmanager
def serving_enrolment(
    folder: Path, *, issuer: Issuer | None = None, begins_in_days: float = -1
) -> Iterator[EnrolmentServer]:
    """Serve the protocol over TLS while the context lasts; `issuer` is another authority."""
    cloud = EnrolmentServer()
    cloud.port = free_port()
    server = ThreadingHTTPServer(("127.0.0.1", cloud.port), _handler(cloud))
    context = (issuer or cloud.issuer).server_context(folder, begins_in_days=begins_in_days)
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # it hung up
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _handler(cloud: EnrolmentServer) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"cloud": cloud})


class _Handler(BaseHTTPRequestHandler):
    cloud: EnrolmentServer

    def do_GET(self) -> None:
        self._take("GET")

    def do_POST(self) -> None:
        self._take("POST")

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _take(self, method: str) -> None:
        cloud = self.cloud
        cloud.counts[f"{method} {self.path}"] += 1
        named = next((part for part in cloud.faults if part in self.path), None)
        fault = None if named is None else cloud.faults.pop(named)
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if fault is Fault.LOST_REQUEST:
            self._hang_up()
            return
        status, answer, media_type = self._answer(method, body)
        if fault is Fault.LOST_REPLY:
            self._hang_up()
            return
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _answer(self, method: str, body: bytes) -> tuple[int, bytes, str]:
        basic = self.headers.get("Authorization", "").removeprefix("Basic ")
        user = base64.b64decode(basic).decode()
        try:
            answer = self.cloud.answer(method, self.path, user, body)
        except RefusedError as refused:
            return refused.status, refused.reason.encode(), "text/plain"
        except (WireError, ValueError) as error:
            return 400, str(error).encode(), "text/plain"
        return 200, answer, "application/cbor"

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.close()
