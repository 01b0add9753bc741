"""`enrolments_per_s`: gateways that go through the whole protocol, one after the other.

Claim, certificate by EST, evidence key, answer: everything but the sockets, on SQLite with its
flushes. The floor is what its signatures cost alone: the request's and the certificate's
(P-256), the evidence key's proof and the answer (Ed25519), made or checked as the server does.
"""

import tempfile
import time
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from cloud.enrolment.call import Call
from cloud.enrolment.desk import Desk, Offer, Surroundings
from evidence.enrolment.anchors import Anchors
from evidence.keys import SoftwareKey
from tests.bench.row import Row
from tests.support.enrolling import Device, World, open_world

ENROLMENTS = 300


def measure() -> list[Row]:
    """Return the figure."""
    with tempfile.TemporaryDirectory(prefix="coldwarden-bench-") as folder:
        world = open_world(Path(folder))
        desk = _desk(world)
        # The gateways' own work (two keys, two signatures) is theirs, not the server's.
        devices = [_device(world, number) for number in range(ENROLMENTS)]
        asked = [b64encode(device.csr()) for device in devices]
        began = time.perf_counter()
        for device, csr in zip(devices, asked, strict=True):
            _enrol(world, desk, device, csr)
        ours_s = (time.perf_counter() - began) / ENROLMENTS
        world.store.close()
    floor_s = _signatures_s()
    return [
        Row(
            name="enrolments_per_s", value=1 / ours_s, unit="1/s", floor=1 / floor_s,
            ratio=ours_s / floor_s, note="ratio: cost of one over the cost of its signatures",
        )
    ]  # fmt: skip


def _desk(world: World) -> Desk:
    control, log = SoftwareKey.generate(), SoftwareKey.generate()
    anchors = Anchors(
        root=world.authority.root.public_bytes(Encoding.DER),
        log_origin="example.org/log",
        log_key=log.public,
        control_key=control.public,
    )
    around = Surroundings(
        control=control,
        anchors=anchors,
        offer=Offer(https_url="http://127.0.0.1:8080"),
        first_configuration=lambda _: b"",
        changed=lambda: None,
        wall_ms=lambda: world.now_ms,
        mono_s=time.monotonic,
    )
    return Desk(world.store, world.authority, around)


def _device(world: World, number: int) -> Device:
    name = f"gw-{number:05d}"
    return Device(world, name, world.claim(name))


def _enrol(world: World, desk: Desk, device: Device, csr: bytes) -> None:
    claim = device.claim
    secret = f"{claim.id.hex()}:{_base64url(claim.secret)}".encode()
    basic = f"Basic {b64encode(secret).decode()}"
    path = "/.well-known/est/simpleenroll"
    call = Call(method="POST", path=path, authorization=basic, body=csr, peer=device.gateway)
    given = desk.answer(call)
    assert given.status == 200, given.body
    row = world.store.find("certificate", where={"gateway": device.gateway, "state": "valid"})
    device.certificate = _parsed(row[0].text("pem"))
    call = Call(
        method="POST",
        path="/v1/enrolments",
        authorization="",
        body=device.request(),
        peer=device.gateway,
    )
    given = desk.answer(call)
    assert given.status == 200, given.body


def _parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _signatures_s() -> float:
    p256, evidence = ec.generate_private_key(ec.SECP256R1()), SoftwareKey.generate()
    ecdsa, message = ec.ECDSA(hashes.SHA256()), bytes(1000)
    request, proof = p256.sign(message, ecdsa), evidence.sign(message)
    began = time.perf_counter()
    for _ in range(ENROLMENTS):
        p256.public_key().verify(request, message, ecdsa)
        p256.sign(message, ecdsa)
        evidence.public.verify(message, proof)
        evidence.sign(message)
    return (time.perf_counter() - began) / ENROLMENTS
