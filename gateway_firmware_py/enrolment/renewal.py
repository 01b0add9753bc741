"""Renews the TLS certificate when two thirds of its life are over.

    the next key and its request --> the certificate --> `tls.pem`, replaced in one step

The evidence key vouches for the request, so nothing here needs the old TLS key. A kill leaves
the old identity or the new one; the next try goes on with the same next key.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep, time_ns
from typing import Final

from evidence.disk import Disk
from evidence.enrolment.anchors import decode_anchors
from evidence.enrolment.renewal import RenewalProof, sign_renewal
from gateway_firmware_py.enrolment import est, folder
from gateway_firmware_py.enrolment.cloud_client import CloudClient, Server
from gateway_firmware_py.enrolment.folder import Folder, enrolment_folder
from gateway_firmware_py.enrolment.tls_identity import (
    certified,
    new_request,
    new_tls_key,
    read_tls_identity,
)
from gateway_firmware_py.identity import EvidenceKey

RENEW_AT: Final = 2 / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """An enrolled gateway: who it is, where its state is, how the cloud is reached."""

    gateway: str
    site: str
    state_dir: Path
    url: str
    proxy: str = ""
    now_ms: Callable[[], int] = lambda: time_ns() // 1_000_000
    pause: Callable[[float], None] = sleep
    disk: Disk = field(default=folder.PRIVATE_DISK)

    @property
    def store(self) -> Folder:
        """Return the folder of what enrolment keeps."""
        return enrolment_folder(self.state_dir, self.disk)

    def client(self) -> CloudClient:
        """Return a client that believes the pinned root alone."""
        root = self.store.need(folder.CA).decode()
        return CloudClient(Server(url=self.url, root=root, proxy=self.proxy), self.pause)


def is_due(not_before_s: float, not_after_s: float, now_s: float) -> bool:
    """Return whether a certificate is to be renewed; False before its beginning: no clock."""
    return now_s >= not_before_s + (not_after_s - not_before_s) * RENEW_AT


def renew_if_due(gateway: Enrolled, key: EvidenceKey) -> bool:
    """Renew the certificate if it is time, and return whether it was.

    Raises:
        CloudUnreachedError: no answer; the old certificate stays, and may be tried again.
        EnrolmentError: the cloud refuses, or what came is not ours.
        EvidenceError: the disk refused.
    """
    with gateway.store.held():
        return _renew_if_due(gateway, key, gateway.store)


def _renew_if_due(gateway: Enrolled, key: EvidenceKey, store: Folder) -> bool:
    store.forget_torn()
    held = store.read(folder.TLS)
    if held is None:
        return False  # enrolled without mutual TLS, or not by this program
    identity = read_tls_identity(held)
    fresh = store.below(folder.RENEWAL)
    next_key = fresh.read(folder.TLS_KEY)
    if next_key is not None and identity.is_of(next_key):
        fresh.clear()  # a kill came between the replacement and this
    if not is_due(identity.not_before_s, identity.not_after_s, gateway.now_ms() / 1000):
        return False
    _renew(gateway, key, fresh)
    return True


def _renew(gateway: Enrolled, key: EvidenceKey, fresh: Folder) -> None:
    tls_key = fresh.read(folder.TLS_KEY) or fresh.write(folder.TLS_KEY, new_tls_key())
    csr = fresh.read(folder.CSR)
    csr = csr or fresh.write(folder.CSR, new_request(tls_key, gateway.gateway))
    proof = RenewalProof(
        gateway=gateway.gateway,
        site=gateway.site,
        csr_sha256=hashlib.sha256(csr).digest(),
        at_ms=gateway.now_ms(),
    )
    client = gateway.client()
    password = sign_renewal(proof, key)
    found = est.simple_reenroll(client, gateway.gateway, password, csr)
    found = [*found, *est.ca_certificates(client)]
    root = decode_anchors(gateway.store.need(folder.ANCHORS)).root
    identity = certified(tls_key, gateway.gateway, found, root)
    gateway.store.write(folder.TLS, identity.to_pem())
    fresh.clear()
