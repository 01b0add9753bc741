"""The checks that a batch passes before anything remembers it, in an order that never changes.

Size cap, strict parse, profile, tenant and key binding, signature, field check. What needs
memory (duplicate, fork, branch, gap) follows in `cloud.archive`.

Pure and thread-safe: the verifying workers call `check`; the GIL is released inside the
signature check, which is most of the time spent here. The short way compares the bytes with
what the key must send; whatever differs is taken apart again by `_explain`, only to say why.
"""

from hashlib import sha256

from cloud.ingest.delivery import Checked, Delivery, Rejected
from cloud.ingest.keyring import KID_AT, Keyring, KnownKey
from evidence import cbor, cose
from evidence.batch import BATCH_TYP, MAX_BATCH_BYTES, decode_body
from evidence.errors import WireError

ROUTE = "route"
_TAIL_BYTES = 2 + cose.SIGNATURE_BYTES
_SIGNATURE_HEAD = b"\x58\x40"


def check(delivery: Delivery, keyring: Keyring) -> Checked | Rejected:
    """Return the batch with its key and decoded body, or the first rule that it breaks."""
    data = delivery.data
    if len(data) > MAX_BATCH_BYTES:
        return Rejected(delivery, "size", f"{len(data)} bytes")
    key = keyring.find(data[KID_AT])
    if key is None or not data.startswith(key.start):
        return _explain(delivery, keyring)
    try:
        payload = _verified_payload(delivery, key)
        body = decode_body(payload)
    except WireError as error:
        payload = _unverified_payload(delivery.data, key)
        return Rejected(delivery, error.code, str(error), key.kid, key, payload)
    return Checked(delivery, key, body, sha256(data).digest())


def _verified_payload(delivery: Delivery, key: KnownKey) -> bytes:
    data = delivery.data
    at = len(key.start)
    payload, end = cbor.read_bytes(data, at)
    if len(data) - end != _TAIL_BYTES or data[end : end + 2] != _SIGNATURE_HEAD:
        raise WireError("profile", "signature is not the last 64 bytes")
    if key.gateway != delivery.route.gateway:
        raise WireError(ROUTE, f"batch of {key.gateway} came as {delivery.route.gateway}")
    if not key.public.verify(key.signed_start + data[at:end], data[end + 2 :]):
        raise WireError("signature", f"not signed by the key of {key.gateway}")
    return payload


def named_chain(payload: bytes) -> tuple[bytes, int]:
    """Return the epoch and seq that a body names, zeros where it cannot be read.

    Only to tell a gateway which batch a refusal is about; nothing is decided by it.
    """
    try:
        epoch, at = cbor.read_bytes(payload, 2)
        seq, _ = cbor.decode_at(payload, at + 1)
    except WireError:
        return bytes(8), 0
    if payload[1:2] != b"\x01" or len(epoch) != 8 or not isinstance(seq, int) or seq < 0:
        return bytes(8), 0
    return epoch, seq


def _unverified_payload(data: bytes, key: KnownKey) -> bytes:
    try:
        return cbor.read_bytes(data, len(key.start))[0]
    except WireError:
        return b""


def _explain(delivery: Delivery, keyring: Keyring) -> Rejected:
    """Return why an envelope does not start as its key's envelopes must."""
    try:
        envelope = cose.parse1(delivery.data, MAX_BATCH_BYTES)
        header = cose.read_header(envelope.protected)
    except WireError as error:
        return Rejected(delivery, error.code, str(error))
    if header.typ != BATCH_TYP:
        return Rejected(delivery, "profile", f"type {header.typ!r}", header.kid)
    key = keyring.find(header.kid)
    if key is None:
        code = "registry-away" if keyring.is_away else "unknown-key"
        return Rejected(delivery, code, f"key id {header.kid.hex()}", header.kid)
    code, message = _difference(header, key)
    return Rejected(delivery, code, message, header.kid, key, envelope.payload)


def _difference(header: cose.Header, key: KnownKey) -> tuple[str, str]:
    if header.alg != key.public.alg:
        return "profile", f"algorithm {header.alg}, enrolled is {key.public.alg}"
    if (header.iss, header.sub) != (key.gateway, key.site):
        named = f"{header.iss!r} at {header.sub!r}"
        return "binding", f"names {named}, enrolled is {key.gateway!r} at {key.site!r}"
    return "profile", "header is spelled otherwise than the enrolled one"
