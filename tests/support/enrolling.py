"""A registry with one site, an authority, and devices that enrol: for tests of enrolment.

world = open_world(tmp_path)
device = Device(world, "gw-0001", world.claim("gw-0001"))
device.certify(); device.enrol()
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from device_registry.authority import key_file
from device_registry.authority.csr import read_csr
from device_registry.authority.issuing import Authority
from device_registry.authority.root import OfflineRoot
from device_registry.enrolment import keeping, taking_on
from device_registry.enrolment.claims import Server, Wish, make_claim
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from evidence.enrolment.claim import Claim
from evidence.enrolment.renewal import RenewalProof, sign_renewal
from evidence.enrolment.request import EnrolRequest, secret_proof, sign_request
from evidence.enrolment.rotation import Rotated, Rotation, sign_rotation
from evidence.keys import SoftwareKey

NOW_MS = 1_793_584_800_000
DAY_MS = 86_400_000
SITE = "chs-001"
SERVER = Server(url="https://localhost:8443", pin=b"sixteen-byte-pin")
TECHNICIAN = Actor(account="technician", role="technician", via="web")


@dataclass(slots=True)
class World:
    """The cloud's side; `now_ms` is what it takes for the time."""

    store: RegistryStore
    authority: Authority
    folder: Path
    now_ms: int = NOW_MS

    def claim(self, gateway: str, network: Mapping[str, object] | None = None) -> Claim:
        """Return a new claim for a gateway of the site."""
        wish = Wish(site=SITE, gateway=gateway, network=network or {})
        return make_claim(self.store, TECHNICIAN, wish, SERVER, self.now_ms)

    def state(self, kind: str, id_: str) -> str:
        """Return the state of a row."""
        row = self.store.get(kind, id_)
        assert row is not None
        return row.text("state")

    def states(self, kind: str, gateway: str) -> list[str]:
        """Return the states of a gateway's rows of one kind, sorted."""
        rows = self.store.find(kind, where={"gateway": gateway}, limit=1000)
        return sorted(row.text("state") for row in rows)


@dataclass(slots=True)
class Device:
    """A gateway that enrols; its keys are made once, as on a card."""

    world: World
    gateway: str
    claim: Claim
    key: SoftwareKey = field(default_factory=SoftwareKey.generate)
    tls: ec.EllipticCurvePrivateKey = field(default_factory=key_file.new_key)
    certificate: x509.Certificate | None = None

    def csr(self) -> bytes:
        """Return a certificate request in DER."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.gateway)])
        request = x509.CertificateSigningRequestBuilder().subject_name(name)
        return request.sign(self.tls, hashes.SHA256()).public_bytes(Encoding.DER)

    def certify(self) -> x509.Certificate:
        """Take the first step."""
        credentials = (self.claim.id, self.claim.secret)
        leaf, _ = taking_on.certify(
            self.world.store,
            self.world.authority,
            credentials,
            read_csr(self.csr()),
            self.world.now_ms,
        )
        self.certificate = leaf
        return leaf

    def request(self) -> bytes:
        """Return the signed request for the second step."""
        assert self.certificate is not None
        sha256 = hashlib.sha256(self.certificate.public_bytes(Encoding.DER)).digest()
        request = EnrolRequest(
            claim_id=self.claim.id,
            gateway=self.gateway,
            site=self.claim.site,
            public=self.key.public,
            key_kind="software",
            certificate_sha256=sha256,
            csr_sha256=bytes(32),
            software="test 1.0",
            at_ms=self.world.now_ms,
            secret_proof=secret_proof(self.claim.secret, self.key.public, sha256),
        )
        return sign_request(request, self.key)

    def enrol(self) -> taking_on.TakenOn:
        """Take the second step."""
        return taking_on.take_on(self.world.store, self.request(), self.world.now_ms)

    def password(self, csr: bytes) -> str:
        """Return what vouches for a new certificate request."""
        proof = RenewalProof(
            gateway=self.gateway,
            site=self.claim.site,
            csr_sha256=hashlib.sha256(csr).digest(),
            at_ms=self.world.now_ms,
        )
        return sign_renewal(proof, self.key)

    def renew(self) -> x509.Certificate:
        """Ask for a certificate for the present TLS key."""
        csr = self.csr()
        leaf, _ = keeping.renew(
            self.world.store,
            self.world.authority,
            (self.gateway, self.password(csr)),
            read_csr(csr),
            self.world.now_ms,
        )
        return leaf

    def rotation(self, new: SoftwareKey) -> bytes:
        """Return a rotation to `new`, signed by both keys."""
        rotation = Rotation(
            gateway=self.gateway,
            site=self.claim.site,
            old_kid=self.key.kid,
            public=new.public,
            key_kind="software",
            at_ms=self.world.now_ms,
            last=(b"an-epoch", 5),
        )
        return sign_rotation(rotation, self.key, new)

    def rotate(self, new: SoftwareKey) -> Rotated:
        """Change the evidence key; the device itself goes on with the old one."""
        data = self.rotation(new)
        return keeping.rotate(self.world.store, self.gateway, data, self.world.now_ms)


def open_world(folder: Path, url: str = "", now_ms: int = NOW_MS) -> World:
    """Return a world with a fresh registry of one organisation and its site."""
    if not url:
        (folder / "registry.db").write_bytes(_empty_registry())
    store = RegistryStore.open(url or f"sqlite:///{folder}/registry.db", now_ms=lambda: now_ms)
    with store.change(Actor(account="setup"), "the site of a test", now_ms - DAY_MS) as change:
        named = {"name_zh": "名", "name_en": "Name"}
        of = {"region": "510000", "subject_class": "retail"}
        change.put("region", "510000", level="province", **named)
        change.put("organisation", "chs", **of, **named)
        placed = {"organisation": "chs", "timezone": "Asia/Shanghai"}
        change.put("site", SITE, **placed, **of, **named)
    root = OfflineRoot.create(folder / "root", "Test root", now_ms)
    authority = Authority.create(folder / "authority", root, "Test gateways", now_ms)
    return World(store=store, authority=authority, folder=folder, now_ms=now_ms)


@cache
def _empty_registry() -> bytes:
    """Return a database whose tables are made: once, not for every test."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "registry.db"
        RegistryStore.open(f"sqlite:///{file}", now_ms=lambda: NOW_MS).close()
        return file.read_bytes()
