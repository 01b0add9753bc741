"""The published bytes of enrolment: made again, read again, or refused with their code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import evidence
from evidence.enrolment.anchors import Anchors, pinned_anchors
from evidence.enrolment.answer import Enrolled, read_enrolled, sign_enrolled
from evidence.enrolment.claim import Claim
from evidence.enrolment.renewal import RenewalProof, read_renewal, sign_renewal
from evidence.enrolment.request import EnrolRequest, read_request, secret_proof, sign_request
from evidence.enrolment.rotation import (
    Rotated,
    Rotation,
    read_rotated,
    read_rotation,
    sign_rotated,
    sign_rotation,
)
from evidence.errors import WireError
from evidence.keys import SoftwareKey

FILE = Path(evidence.__file__).parent / "vectors" / "enrolment.json"
V: Any = json.loads(FILE.read_text())
CONTROL, LOG, OLD, NEW = (
    SoftwareKey(-19, bytes.fromhex(V["secrets"][name]))
    for name in ("control", "log", "old", "new")
)
SECRET = bytes.fromhex(V["secrets"]["claim"])
GATEWAY, SITE = V["claim"]["gateway"], V["claim"]["site"]
READERS: dict[str, Callable[[bytes], object]] = {
    "enrolment": read_request,
    "enrolled": lambda data: read_enrolled(data, CONTROL.public),
    "rotation": lambda data: read_rotation(data, OLD.public),
}


def raw(part: str, name: str = "bytes") -> bytes:
    return bytes.fromhex(V[part][name])


def test_claim() -> None:
    claim = Claim(
        id=raw("claim", "id"),
        secret=SECRET,
        gateway=GATEWAY,
        site=SITE,
        url=V["claim"]["url"],
        pin=raw("claim", "pin"),
    )
    assert claim.text() == V["claim"]["text"]
    assert Claim.parse(V["claim"]["text"]) == claim
    assert claim.secret_hash == raw("claim", "secret_hash")


def test_anchors() -> None:
    anchors = Anchors(
        root=raw("anchors", "root"),
        log_origin=V["anchors"]["log_origin"],
        log_key=LOG.public,
        control_key=CONTROL.public,
    )
    assert anchors.encode() == raw("anchors")
    assert pinned_anchors(raw("anchors"), raw("anchors", "pin")) == anchors


def test_enrolment() -> None:
    certificate = raw("enrolment", "certificate_sha256")
    request = EnrolRequest(
        claim_id=raw("enrolment", "claim_id"),
        gateway=GATEWAY,
        site=SITE,
        public=OLD.public,
        key_kind=V["enrolment"]["key_kind"],
        certificate_sha256=certificate,
        csr_sha256=raw("enrolment", "csr_sha256"),
        software=V["enrolment"]["software"],
        at_ms=V["enrolment"]["at_ms"],
        secret_proof=raw("enrolment", "secret_proof"),
    )
    assert secret_proof(SECRET, OLD.public, certificate) == request.secret_proof
    assert sign_request(request, OLD) == raw("enrolment")
    assert read_request(raw("enrolment")) == request


def test_enrolled() -> None:
    enrolled = Enrolled(
        gateway=GATEWAY,
        site=SITE,
        kid=OLD.kid,
        https_url=V["enrolled"]["https_url"],
        mqtt_host=V["enrolled"]["mqtt_host"],
        mqtt_port=V["enrolled"]["mqtt_port"],
        heartbeat_s=V["enrolled"]["heartbeat_s"],
        configuration=raw("enrolled", "configuration"),
    )
    assert sign_enrolled(enrolled, CONTROL) == raw("enrolled")
    assert read_enrolled(raw("enrolled"), CONTROL.public) == enrolled


def test_renewal() -> None:
    proof = RenewalProof(
        gateway=GATEWAY,
        site=SITE,
        csr_sha256=raw("renewal", "csr_sha256"),
        at_ms=V["renewal"]["at_ms"],
    )
    assert sign_renewal(proof, OLD) == V["renewal"]["password"]
    assert read_renewal(V["renewal"]["password"], OLD.public) == proof


def test_rotation() -> None:
    rotation = Rotation(
        gateway=GATEWAY,
        site=SITE,
        old_kid=OLD.kid,
        public=NEW.public,
        key_kind=V["rotation"]["key_kind"],
        at_ms=V["rotation"]["at_ms"],
        last=(raw("rotation", "epoch"), V["rotation"]["seq"]),
    )
    assert sign_rotation(rotation, OLD, NEW) == raw("rotation")
    assert read_rotation(raw("rotation"), OLD.public) == rotation
    rotated = Rotated(gateway=GATEWAY, site=SITE, old_kid=OLD.kid, kid=NEW.kid)
    assert sign_rotated(rotated, CONTROL) == raw("rotated")
    assert read_rotated(raw("rotated"), CONTROL.public) == rotated


@pytest.mark.parametrize("row", V["bad"], ids=[row["name"] for row in V["bad"]])
def test_refused(row: dict[str, str]) -> None:
    with pytest.raises(WireError) as raised:
        READERS[row["reader"]](bytes.fromhex(row["bytes"]))
    assert raised.value.code == row["error"]
