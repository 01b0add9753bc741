"""Puts this device into service under a claim, one durable step after the other.

    anchored --> keyed --> certified --> accepted --> in place

Each step is done when its file is there (`enrolment.folder`), and does nothing again. A request
that was lost, or whose answer was, is made again with the same bytes or for the same key, which
the cloud answers the same way. So a kill between any two steps leaves one of two states: not
enrolled, where the same command goes on with the same claim, or enrolled. What the cloud
accepted is put in place without it. Nothing outside `pending/` changes before that.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import sleep, time_ns

from evidence.disk import REAL_DISK, Disk, write_file
from evidence.enrolment import anchors as anchors_of
from evidence.enrolment import request as request_of
from evidence.enrolment.anchors import Anchors, decode_anchors, pinned_anchors
from evidence.enrolment.answer import Enrolled, read_enrolled
from evidence.enrolment.claim import Claim
from evidence.enrolment.errors import AnchorsError
from evidence.enrolment.request import EnrolRequest, read_request, secret_proof, sign_request
from evidence.errors import WireError
from gateway_firmware_py.config.read import load_settings
from gateway_firmware_py.configuring.starting import put_first
from gateway_firmware_py.enrolment import est, folder, gateway_toml
from gateway_firmware_py.enrolment.cloud_client import CloudClient, Request, Server
from gateway_firmware_py.enrolment.folder import Folder, enrolment_folder
from gateway_firmware_py.enrolment.gateway_toml import Plan
from gateway_firmware_py.enrolment.tls_identity import (
    TlsIdentity,
    certified,
    new_request,
    new_tls_key,
    read_tls_identity,
    root_pem,
)
from gateway_firmware_py.errors import ConfigError, EnrolmentError
from gateway_firmware_py.identity import (
    EvidenceKey,
    adopt_next,
    has_next,
    key_kind,
    load_key,
    make_key,
    make_next,
)
from gateway_firmware_py.key_place import KeyPlace, next_place

log = logging.getLogger(__name__)

PRESENT_KEY, NEXT_KEY = "present", "next"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is enrolled: where it keeps its state, its key and its configuration.

    `key_setting` and `led` are what the configuration is to say of the key and of what beeps;
    empty leaves it as it is. `new_key` asks for another evidence key than the present one,
    which the cloud knows already; after an earlier claim there is another one anyway.
    """

    config: Path
    plan: Plan
    state_dir: Path
    key: KeyPlace
    key_setting: str = ""
    led: str = ""
    new_key: bool = False
    proxy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What enrolment works with; tests exchange it."""

    software: str
    now_ms: Callable[[], int] = lambda: time_ns() // 1_000_000
    pause: Callable[[float], None] = sleep
    disk: Disk = field(default=folder.PRIVATE_DISK)


def enrol(claim: Claim, device: Device, means: Means) -> Enrolled:
    """Enrol the device, or go on where an earlier try ended; return what the cloud said.

    Raises:
        EnrolmentError: the claim or the server is not good; the device is as it was before.
        CloudUnreachedError: no answer; the same command may be given again.
        ConfigError: the configuration is another gateway's.
        IdentityError: the evidence key cannot be used.
        EvidenceError: the disk refused.
    """
    with enrolment_folder(device.state_dir).held():
        return _Enrolment(claim, device, means).run()


def under_claim(store: Folder) -> dict[str, str]:
    """Return the claim that a folder's enrolment is under: id, gateway, site; or nothing."""
    try:
        found = json.loads(store.read(folder.CLAIM) or b"{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _is_about(found: Mapping[str, str], about: Mapping[str, str]) -> bool:
    return all(found.get(name) == text for name, text in about.items())


class _Enrolment:
    """One run of the command."""

    def __init__(self, claim: Claim, device: Device, means: Means) -> None:
        self._claim = claim
        self._device = device
        self._means = means
        self._store = enrolment_folder(device.state_dir, means.disk)
        self._pending = self._store.below(folder.PENDING)

    def run(self) -> Enrolled:
        """See `enrol`."""
        self._check_same_gateway()
        self._store.forget_torn()
        about = {
            "id": self._claim.id.hex(),
            "gateway": self._claim.gateway,
            "site": self._claim.site,
            "url": self._claim.url,
        }
        if _is_about(under_claim(self._store), about):
            self._pending.clear()
            return self._settled()
        if not _is_about(under_claim(self._pending), about):
            self._begin(about)
        elif self._pending.read(folder.ENROLLED) is None:
            self._accept()
        return self._put_in_place()

    def _check_same_gateway(self) -> None:
        """Raise ConfigError when this device is another gateway than the claim's."""
        theirs, device = self._claim.gateway, self._device
        known = {device.plan.gateway, under_claim(self._store).get("gateway", "")}
        for ours in known - {"", theirs}:
            raise ConfigError(
                f"this device is gateway {ours}, the claim is for {theirs}; take the right "
                f"claim, or move {device.config} and {device.state_dir} away first"
            )

    # -- in pending/: nothing that runs looks there

    def _begin(self, about: dict[str, str]) -> None:
        anchors = self._fetch_anchors()
        # The cloud takes an evidence key under one claim only, and may know one offered before.
        is_known = bool(under_claim(self._store)) or bool(self._pending.read(folder.REQUEST))
        which = NEXT_KEY if is_known else PRESENT_KEY
        self._pending.clear()  # of another claim, which is not gone on with
        self._pending.write(folder.CLAIM, json.dumps({**about, "key": which}).encode())
        self._pending.write(folder.ANCHORS, anchors)
        self._accept()

    def _accept(self) -> None:
        """Get certificate and acceptance; every step that is done already does nothing."""
        data = self._pending.read(folder.ANCHORS)
        if data is None:
            data = self._pending.write(folder.ANCHORS, self._fetch_anchors())
        anchors = decode_anchors(data)
        root = root_pem(anchors.root)
        client = self._client(root.decode())
        key = self._evidence_key()
        tls_key, csr = self._tls_request()
        identity = self._certify(client, anchors, tls_key, csr)
        self._pending.write(folder.CA, root)
        asked = self._pending.read(folder.REQUEST)
        if asked is None or read_request(asked).public != key.public:
            asked = self._pending.write(folder.REQUEST, self._signed(key, identity, csr))
        request = Request(
            what="the enrolment",
            method="POST",
            path=request_of.PATH,
            body=asked,
            headers={"Content-Type": request_of.MEDIA_TYPE},
        )
        answer = client.ask(request)
        self._check(_read(answer, anchors), key)
        self._pending.write(folder.ENROLLED, answer)

    def _evidence_key(self) -> EvidenceKey:
        place = self._device.key
        is_next = under_claim(self._pending).get("key") == NEXT_KEY or self._device.new_key
        return make_next(place) if is_next else make_key(place)[0]

    def _fetch_anchors(self) -> bytes:
        asked = Request(what="the pinned keys", method="GET", path=anchors_of.PATH)
        data = self._client("").ask(asked)
        try:
            return pinned_anchors(data, self._claim.pin).encode()
        except AnchorsError as error:
            raise EnrolmentError(f"{self._claim.url}: {error}") from error
        except WireError as error:
            raise _strange(error) from error

    def _tls_request(self) -> tuple[bytes, bytes]:
        pending = self._pending
        tls_key = pending.read(folder.TLS_KEY)
        if tls_key is None:
            tls_key = pending.write(folder.TLS_KEY, new_tls_key())
        csr = pending.read(folder.CSR)
        if csr is None:
            csr = pending.write(folder.CSR, new_request(tls_key, self._claim.gateway))
        return tls_key, csr

    def _certify(
        self, client: CloudClient, anchors: Anchors, tls_key: bytes, csr: bytes
    ) -> TlsIdentity:
        kept = self._pending.read(folder.TLS)
        if kept is not None:
            return read_tls_identity(kept)
        found = [*est.simple_enroll(client, self._claim, csr), *est.ca_certificates(client)]
        identity = certified(tls_key, self._claim.gateway, found, anchors.root)
        self._pending.write(folder.TLS, identity.to_pem())
        return identity

    def _signed(self, key: EvidenceKey, identity: TlsIdentity, csr: bytes) -> bytes:
        claim, certificate = self._claim, hashlib.sha256(identity.leaf_der).digest()
        request = EnrolRequest(
            claim_id=claim.id,
            gateway=claim.gateway,
            site=claim.site,
            public=key.public,
            key_kind=key_kind(key),
            certificate_sha256=certificate,
            csr_sha256=hashlib.sha256(csr).digest(),
            software=self._means.software,
            at_ms=self._means.now_ms(),
            secret_proof=secret_proof(claim.secret, key.public, certificate),
        )
        return sign_request(request, key)

    def _check(self, answer: Enrolled, key: EvidenceKey) -> None:
        claim = self._claim
        if (answer.gateway, answer.site) != (claim.gateway, claim.site):
            raise EnrolmentError(
                f"the cloud took on {answer.gateway} of {answer.site}, the claim is for "
                f"{claim.gateway} of {claim.site}; make a new claim on the page"
            )
        if answer.kid != key.kid:
            raise EnrolmentError(
                f"the cloud took on key {answer.kid.hex()}, this device's is {key.kid.hex()}; "
                "make a new claim on the page"
            )

    # -- in place: needs nobody, and goes on after a kill

    def _put_in_place(self) -> Enrolled:
        # Copied, not moved: what is in pending/ says that this goes on after a kill.
        for name in (folder.CA, folder.TLS, folder.ANCHORS, folder.ENROLLED):
            self._store.write(name, self._pending.need(name))
        enrolled = self._settled()
        self._put_key(enrolled.kid)
        self._put_configuration(enrolled.configuration)
        self._store.write(folder.CLAIM, self._pending.need(folder.CLAIM))
        self._pending.clear()
        return enrolled

    def _put_key(self, kid: bytes) -> None:
        """Put the key into place that the cloud took on, when it is not there yet."""
        place = self._device.key
        if has_next(place) and load_key(next_place(place)).kid == kid:
            adopt_next(place, disk=self._means.disk)

    def _settled(self) -> Enrolled:
        """Bring `gateway.toml` up to what was accepted, and return that."""
        anchors = decode_anchors(self._store.need(folder.ANCHORS))
        enrolled = _read(self._store.need(folder.ENROLLED), anchors)
        self._write_config(enrolled, anchors)
        return enrolled

    def _write_config(self, enrolled: Enrolled, anchors: Anchors) -> None:
        device = self._device
        if not enrolled.https_url and not enrolled.mqtt_host:
            raise EnrolmentError("the cloud names no way to send to; tell its operator")
        ours = gateway_toml.tables(
            enrolled,
            anchors,
            folder=self._store.path,
            device={"state_dir": str(device.state_dir), "key": device.key_setting},
            proxy=device.proxy,
        )
        beeps = {"annunciator": {"led": device.led}} if device.led else {}
        text = gateway_toml.merged(device.plan.text, {**ours, **beeps})
        if text == device.plan.text:
            return
        try:
            device.config.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{device.config.parent}: {error.strerror}") from error
        # Not a secret: others may read how the gateway is set up.
        disk = replace(self._means.disk, open=REAL_DISK.open)
        write_file(device.config, text.encode(), disk=disk)

    def _put_configuration(self, message: bytes) -> None:
        """Keep the first configuration; one that is no use here is offered again by the cloud.

        Raises:
            ConfigError: the file itself has mistakes.
        """
        settings = load_settings(self._device.config)
        if not message:
            return
        try:
            put_first(settings, message)
        except (ConfigError, WireError) as error:
            log.warning("the first configuration is not taken: %s", error)

    def _client(self, root: str) -> CloudClient:
        server = Server(url=self._claim.url, root=root, proxy=self._device.proxy)
        return CloudClient(server, self._means.pause)


def _read(answer: bytes, anchors: Anchors) -> Enrolled:
    try:
        return read_enrolled(answer, anchors.control_key)
    except WireError as error:
        raise _strange(error) from error


def _strange(error: WireError) -> EnrolmentError:
    remedy = "compare the versions of gateway and cloud, and check what opens the connection"
    return EnrolmentError(f"the server's answer cannot be believed: {error}; {remedy}")
