"""A standard EST client: openssl makes the request, curl sends it, over real TLS."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from device_registry.authority import profiles
from device_registry.authority.root import OfflineRoot
from evidence.enrolment import anchors, request, rotation
from evidence.enrolment.anchors import pinned_anchors
from evidence.enrolment.answer import Enrolled, read_enrolled
from evidence.enrolment.claim import Claim
from evidence.enrolment.renewal import RenewalProof, sign_renewal
from evidence.enrolment.request import EnrolRequest, secret_proof, sign_request
from evidence.enrolment.rotation import Rotation, read_rotated, sign_rotation
from evidence.keys import SoftwareKey
from tests.support.enrolling import DAY_MS, SITE
from tests.support.enrolment_server import (
    CONTROL,
    STARTED_MS,
    EnrolmentServer,
    certificates_in,
    enrolment_server,
)
from tests.support.openssl import make_csr, openssl

GATEWAY = "gw-0001"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EnrolmentServer]:
    with enrolment_server(tmp_path_factory.mktemp("est")) as running:
        yield running


@pytest.fixture
def claim(server: EnrolmentServer) -> Claim:
    server.trap.lose_request = server.trap.lose_reply = False
    server.world.now_ms = STARTED_MS
    return server.world.claim(GATEWAY)


def csr_file(folder: Path, gateway: str = GATEWAY, name: str = "tls") -> Path:
    """Return a file as RFC 7030 wants it: base64 of the DER."""
    file = folder / f"{name}.b64"
    file.write_bytes(openssl("base64", data=make_csr(folder, gateway, name)))
    return file


def enrol_request(claim: Claim, key: SoftwareKey, leaf: bytes) -> bytes:
    der = x509.load_pem_x509_certificate(leaf).public_bytes(Encoding.DER)
    sha256 = hashlib.sha256(der).digest()
    message = EnrolRequest(
        claim_id=claim.id,
        gateway=claim.gateway,
        site=claim.site,
        public=key.public,
        key_kind="software",
        certificate_sha256=sha256,
        csr_sha256=bytes(32),
        software="curl",
        at_ms=STARTED_MS,
        secret_proof=secret_proof(claim.secret, key.public, sha256),
    )
    return sign_request(message, key)


def enrolled(server: EnrolmentServer, claim: Claim, folder: Path) -> SoftwareKey:
    """Enrol with openssl and curl; return the evidence key."""
    status, body = server.enroll(claim, csr_file(folder))
    assert status == 200, body
    key = SoftwareKey.generate()
    status, _ = server.post(request.PATH, enrol_request(claim, key, certificates_in(body)[0]))
    assert status == 200
    return key


def test_a_standard_client_gets_a_certificate_for_its_own_key(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    status, cacerts = server.curl("/.well-known/est/cacerts")
    assert status == 200
    (tmp_path / "chain.pem").write_bytes(b"".join(certificates_in(cacerts)))
    status, body = server.enroll(claim, csr_file(tmp_path))
    assert status == 200
    leaf = certificates_in(body)[0]
    (tmp_path / "leaf.pem").write_bytes(leaf)
    openssl(
        "verify",
        "-purpose",
        "sslclient",
        "-CAfile",
        tmp_path / "chain.pem",
        tmp_path / "leaf.pem",
    )
    mine = openssl("pkey", "-in", tmp_path / "tls.key", "-pubout")
    assert openssl("x509", "-in", tmp_path / "leaf.pem", "-noout", "-pubkey") == mine
    assert profiles.common_name(x509.load_pem_x509_certificate(leaf)) == GATEWAY


def test_the_whole_flow_ends_in_an_answer_signed_by_the_pinned_control_key(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    status, body = server.curl(anchors.PATH, "--insecure")
    pinned = pinned_anchors(body, server.anchors.pin())
    _, body = server.enroll(claim, csr_file(tmp_path))
    key = SoftwareKey.generate()
    status, body = server.post(
        request.PATH, enrol_request(claim, key, certificates_in(body)[0])
    )
    assert status == 200
    assert read_enrolled(body, pinned.control_key) == Enrolled(
        gateway=GATEWAY,
        site=SITE,
        kid=key.kid,
        https_url="https://localhost:8443",
        mqtt_host="localhost",
        mqtt_port=8883,
        heartbeat_s=60,
        configuration=b"configuration of gw-0001",
    )
    assert server.world.state("key", key.kid.hex()) == "active"


def test_pem_is_taken_too(server: EnrolmentServer, claim: Claim, tmp_path: Path) -> None:
    csr_file(tmp_path)
    pem = tmp_path / "tls.pem"
    openssl("req", "-inform", "DER", "-in", tmp_path / "tls.csr", "-out", pem)
    assert server.enroll(claim, pem)[0] == 200


@pytest.mark.parametrize("lost", ["lose_request", "lose_reply"])
def test_after_a_lost_request_or_reply_the_same_step_ends_in_one_certificate_and_one_key(
    server: EnrolmentServer, claim: Claim, tmp_path: Path, lost: str
) -> None:
    csr, key = csr_file(tmp_path), SoftwareKey.generate()
    before = len(server.world.states("certificate", GATEWAY))
    setattr(server.trap, lost, True)
    assert server.enroll(claim, csr)[0] in {0, 500}
    setattr(server.trap, lost, False)
    status, first = server.enroll(claim, csr)
    assert status == 200
    assert server.enroll(claim, csr)[1] == first
    assert len(server.world.states("certificate", GATEWAY)) == before + 1
    message = enrol_request(claim, key, certificates_in(first)[0])
    setattr(server.trap, lost, True)
    assert server.post(request.PATH, message)[0] in {0, 500}
    setattr(server.trap, lost, False)
    answers = [server.post(request.PATH, message) for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0][0] == 200
    assert server.world.states("key", GATEWAY).count("active") == 1


def test_the_second_device_with_the_claim_is_refused(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    assert server.enroll(claim, csr_file(tmp_path, name="first"))[0] == 200
    status, body = server.enroll(claim, csr_file(tmp_path, name="second"))
    assert status == 403
    assert "another key" in json.loads(body)["error"]
    assert "new claim" in json.loads(body)["remedy"]


def test_a_wrong_secret_is_401_and_tells_nothing(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    csr = csr_file(tmp_path)
    answers = {
        server.enroll(replace(claim, secret=b"another-secret!!"), csr),
        server.enroll(replace(claim, id=b"no-claim"), csr),
        server.curl("/.well-known/est/simpleenroll", "--data-binary", f"@{csr}"),
    }
    assert {status for status, _ in answers} == {401}
    assert len(answers) == 1


def test_a_claim_that_is_over_its_day_is_refused_with_the_remedy(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    server.world.now_ms = STARTED_MS + DAY_MS
    status, body = server.enroll(claim, csr_file(tmp_path))
    assert (status, json.loads(body)["error"]) == (403, "the claim has expired")


def test_a_request_for_another_name_is_refused_with_the_remedy(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    status, body = server.enroll(claim, csr_file(tmp_path, "gw-0002"))
    assert status == 400
    assert json.loads(body)["remedy"] == f"its common name must be {GATEWAY}"


def test_a_certificate_is_renewed_by_the_evidence_key(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    key = enrolled(server, claim, tmp_path)
    der = make_csr(tmp_path, GATEWAY, "next")
    proof = RenewalProof(
        gateway=GATEWAY, site=SITE, csr_sha256=hashlib.sha256(der).digest(), at_ms=STARTED_MS
    )
    (tmp_path / "next.b64").write_bytes(base64.encodebytes(der))

    def renew(signer: SoftwareKey) -> tuple[int, bytes]:
        user = f"{GATEWAY}:{sign_renewal(proof, signer)}"
        body = f"@{tmp_path / 'next.b64'}"
        return server.curl("/.well-known/est/simplereenroll", "-u", user, "--data-binary", body)

    status, body = renew(key)
    assert status == 200
    assert renew(key)[1] == body
    assert renew(SoftwareKey.generate())[0] == 401


def test_an_evidence_key_is_rotated_and_the_lost_answer_given_again(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    old = enrolled(server, claim, tmp_path)
    new = SoftwareKey.generate(-9)
    message = sign_rotation(
        Rotation(
            gateway=GATEWAY,
            site=SITE,
            old_kid=old.kid,
            public=new.public,
            key_kind="pkcs11",
            at_ms=STARTED_MS,
        ),
        old,
        new,
    )
    answers = [server.post(rotation.path_of(GATEWAY), message) for _ in range(2)]
    assert answers[0] == answers[1]
    assert read_rotated(answers[0][1], CONTROL.public).kid == new.kid
    assert server.world.state("key", old.kid.hex()) == "superseded"
    status, body = server.post(rotation.path_of("gw-0002"), message)
    assert (status, json.loads(body)["error"]) == (400, f"the rotation is of {GATEWAY}")


def test_a_client_that_pins_another_root_refuses(
    server: EnrolmentServer, tmp_path: Path
) -> None:
    OfflineRoot.create(tmp_path / "other", "Another root", STARTED_MS)
    status, said = server.curl("/.well-known/est/cacerts", ca=tmp_path / "other" / "root.crt")
    assert (status, b"certificate" in said) == (0, True)


@pytest.mark.parametrize(
    ("names", "made_at_ms", "said"),
    [
        (["other.example.org"], STARTED_MS, rb"does not match|subject name"),
        (["localhost"], STARTED_MS - 400 * DAY_MS, rb"expired"),
    ],
)
def test_a_client_refuses_the_wrong_host_and_an_expired_certificate(
    tmp_path: Path, names: list[str], made_at_ms: int, said: bytes
) -> None:
    with enrolment_server(tmp_path, names, made_at_ms) as wrong:
        status, words = wrong.curl("/.well-known/est/cacerts")
    assert status == 0
    assert re.search(said, words)


def test_a_body_that_is_too_large_is_refused(
    server: EnrolmentServer, claim: Claim, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"A" * 65_537)
    assert server.enroll(claim, large)[0] == 413
    chunked = ("-H", "Transfer-Encoding: chunked", "--data-binary", f"@{large}")
    assert server.curl("/.well-known/est/simpleenroll", *chunked)[0] == 413


def test_other_addresses_are_for_the_pages_and_other_methods_are_refused(
    server: EnrolmentServer,
) -> None:
    assert server.curl("/nothing")[0] == 404
    assert server.curl("/.well-known/est/csrattrs")[0] == 404
    assert server.curl("/.well-known/est/simpleenroll")[0] == 405
    assert server.curl("/.well-known/est/cacerts", "-d", "x")[0] == 405
