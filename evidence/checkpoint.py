"""Checkpoints: what a log says of itself, as C2SP tlog-checkpoint in a C2SP signed note.

Used by the cloud, which signs them, and by whoever reads an archive. One spelling is accepted:
three lines of body, an empty line, one Ed25519 signature by a key named as the origin.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from evidence.cose import ALG_ED25519, SIGNATURE_BYTES, Signer
from evidence.errors import WireError
from evidence.keys import PublicKey
from evidence.merkle import HASH_BYTES

MAX_NOTE_BYTES = 2048
_NOTE_ED25519 = b"\x01"
_KEY_HASH_BYTES = 4
_SIGNATURE_MARK = "\u2014 "


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The root (32 bytes) of the first `size` leaves of the log `origin`."""

    origin: str
    size: int
    root: bytes


def sign(checkpoint: Checkpoint, signer: Signer, public: PublicKey) -> bytes:
    """Return the signed note.

    Args:
        checkpoint: what to sign; its origin is the key's name.
        signer: the log key, Ed25519.
        public: the public half of `signer`.
    """
    body = _body(checkpoint)
    return _note(checkpoint, public, signer.sign(body))


def open_note(note: bytes, log_keys: Mapping[str, PublicKey]) -> Checkpoint:
    """Return the checkpoint of a verified note.

    Args:
        note: the whole file.
        log_keys: the pinned key of each known origin.

    Raises:
        WireError: "profile" for another layout or origin, "signature" for a wrong one.
    """
    checkpoint, signature = _parse(note)
    key = log_keys.get(checkpoint.origin)
    if key is None or key.alg != ALG_ED25519:
        raise WireError("profile", f"no pinned key for a log {checkpoint.origin!r}")
    # Rebuilding the note leaves no byte of it unexamined: not a base64 spelling, not a line.
    if _note(checkpoint, key, signature) != note:
        raise WireError("profile", "checkpoint is not spelled as its content asks for")
    if not key.verify(_body(checkpoint), signature):
        raise WireError("signature", "signature of the checkpoint does not verify")
    return checkpoint


def key_hash(name: str, key: PublicKey) -> bytes:
    """Return the four bytes by which a signature line names its key."""
    return sha256(name.encode() + b"\n" + _NOTE_ED25519 + key.raw).digest()[:_KEY_HASH_BYTES]


def _body(checkpoint: Checkpoint) -> bytes:
    root = base64.b64encode(checkpoint.root).decode()
    return f"{checkpoint.origin}\n{checkpoint.size}\n{root}\n".encode()


def _note(checkpoint: Checkpoint, key: PublicKey, signature: bytes) -> bytes:
    origin = checkpoint.origin
    signed = base64.b64encode(key_hash(origin, key) + signature).decode()
    return _body(checkpoint) + f"\n{_SIGNATURE_MARK}{origin} {signed}\n".encode()


def _parse(note: bytes) -> tuple[Checkpoint, bytes]:
    if len(note) > MAX_NOTE_BYTES:
        raise WireError("size", f"a checkpoint of {len(note)} bytes")
    try:
        origin, size, root, _, line = note.decode().removesuffix("\n").split("\n")
        checkpoint = Checkpoint(
            origin=origin, size=int(size), root=base64.b64decode(root, validate=True)
        )
        signed = base64.b64decode(line.rpartition(" ")[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise WireError("profile", "not a checkpoint with one signature") from error
    if (
        len(checkpoint.root) != HASH_BYTES
        or checkpoint.size < 0
        or len(signed) != _KEY_HASH_BYTES + SIGNATURE_BYTES
    ):
        raise WireError("profile", "not a checkpoint with one signature")
    return checkpoint, signed[_KEY_HASH_BYTES:]
