"""Evidence, log and control keys: public halves, key ids, and private keys kept in a file.

Used wherever something is signed or verified. Ed25519 is PyNaCl's; P-256 needs `cryptography`,
which is imported only when such a key is met, so that a gateway without one never loads it.
ECDSA signatures are r || s with s in the lower half of the group: made so, and refused
otherwise, or a broker could turn one honest batch into two hashes and frame a gateway.
"""

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Self

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from evidence import cbor
from evidence.cose import ALG_ED25519, ALG_ESP256, KID_BYTES, SIGNATURE_BYTES
from evidence.errors import KeyFileError, WireError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

SECRET_BYTES = 32
_NAMES = {ALG_ED25519: "ed25519", ALG_ESP256: "p256"}
_ALGS = {name: alg for alg, name in _NAMES.items()}
_RAW_BYTES = {ALG_ED25519: 32, ALG_ESP256: 65}
_FILE_WORD = "coldwarden-private-key"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key; `raw` is 32 bytes for Ed25519, 04 || x || y for P-256."""

    alg: int
    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != _RAW_BYTES.get(self.alg):
            raise WireError(
                "field", f"no key has algorithm {self.alg} and {len(self.raw)} bytes"
            )
        if self.alg == ALG_ESP256:
            _load_p256(self.raw)

    @property
    def thumbprint(self) -> bytes:
        """SHA-256 of the required fields of the COSE_Key (RFC 9679)."""
        if self.alg == ALG_ED25519:
            fields: dict[int, object] = {1: 1, -1: 6, -2: self.raw}
        else:
            fields = {1: 2, -1: 1, -2: self.raw[1:33], -3: self.raw[33:]}
        return hashlib.sha256(cbor.encode(fields)).digest()

    @property
    def kid(self) -> bytes:
        """Key id: the first 8 bytes of the thumbprint."""
        return self.thumbprint[:KID_BYTES]

    def verify(self, data: bytes, signature: bytes) -> bool:
        """Return whether `signature` is this key's over `data`."""
        if len(signature) != SIGNATURE_BYTES:
            return False
        if self.alg != ALG_ED25519:
            return _verify_p256(self.raw, data, signature)
        try:
            crypto_sign_open(signature + data, self.raw)
        except BadSignatureError:
            return False
        return True

    def to_text(self) -> str:
        """Return `ed25519:BASE64` or `p256:BASE64`."""
        return f"{_NAMES[self.alg]}:{base64.b64encode(self.raw).decode()}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the key that `to_text` wrote.

        Raises:
            WireError: "field", naming what was expected.
        """
        name, _, encoded = text.partition(":")
        if name not in _ALGS:
            raise WireError("field", f"expected ed25519:BASE64 or p256:BASE64, got {text!r}")
        try:
            raw = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise WireError("field", f"key text is not base64: {text!r}") from None
        return cls(_ALGS[name], raw)


class SoftwareKey:
    """A private key in memory, from a file that only its owner can read."""

    __slots__ = ("_expanded", "_secret", "kid", "public")

    def __init__(self, alg: int, secret: bytes) -> None:
        """Take a 32-byte Ed25519 seed or P-256 scalar; errors as `PublicKey`."""
        if alg not in _NAMES or len(secret) != SECRET_BYTES:
            raise WireError(
                "field", f"no key has algorithm {alg} and {len(secret)} secret bytes"
            )
        self._secret = secret
        self._expanded = b""
        if alg == ALG_ED25519:
            raw, self._expanded = crypto_sign_seed_keypair(secret)
        else:
            raw = _p256_public(secret)
        self.public = PublicKey(alg, raw)
        self.kid = self.public.kid

    @property
    def alg(self) -> int:
        """The COSE algorithm."""
        return self.public.alg

    def sign(self, data: bytes) -> bytes:
        """Return 64 bytes."""
        if self._expanded:
            return crypto_sign(data, self._expanded)[:SIGNATURE_BYTES]
        return _sign_p256(self._secret, data)

    @classmethod
    def generate(cls, alg: int = ALG_ED25519) -> Self:
        """Return a new random key."""
        if alg == ALG_ESP256:
            # 64 bits more than the order: the bias of the remainder is below 2^-64.
            scalar = int.from_bytes(os.urandom(SECRET_BYTES + 8), "big") % (_P256_ORDER - 1) + 1
            return cls(alg, scalar.to_bytes(SECRET_BYTES, "big"))
        return cls(alg, os.urandom(SECRET_BYTES))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key that `save` wrote.

        Raises:
            KeyFileError: missing, readable by others, or not a key; with the remedy.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise KeyFileError(f"cannot read key file {path}: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise KeyFileError(f"key file {path} is open to others; run: chmod 600 {path}")
            return cls._parse(path, file.read(1024))

    @classmethod
    def _parse(cls, path: Path, content: bytes) -> Self:
        try:
            word, name, encoded = content.decode("ascii").split()
            secret = base64.b64decode(encoded, validate=True)
            if word == _FILE_WORD:
                return cls(_ALGS[name], secret)
        except (ValueError, KeyError, WireError):
            pass  # the message below must not quote any of the content
        raise KeyFileError(f"{path} is not a key file; restore it, or enrol the gateway anew")

    def save(self, path: Path) -> None:
        """Write a new file, mode 0600, durable when this returns; never overwrite one.

        Raises:
            KeyFileError: the file exists or cannot be written; with the remedy.
        """
        text = f"{_FILE_WORD} {_NAMES[self.alg]} {base64.b64encode(self._secret).decode()}\n"
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            _write_new(temporary, text.encode())
            try:
                os.link(temporary, path)  # unlike rename, fails if the name is taken
            finally:
                temporary.unlink()
            _sync_folder(path.parent)
        except FileExistsError as error:
            raise KeyFileError(f"key file {path} exists; move it away first") from error
        except OSError as error:
            raise KeyFileError(f"cannot write key file {path}: {error.strerror}") from error


def _write_new(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@lru_cache(maxsize=4096)
def _load_p256(raw: bytes) -> "ec.EllipticCurvePublicKey":
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError:
        raise WireError("field", "P-256 key is not a point of the curve") from None


@lru_cache(maxsize=16)
def _private_p256(secret: bytes) -> "ec.EllipticCurvePrivateKey":
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    try:
        return ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
    except ValueError:
        raise WireError("field", "P-256 secret is not in the group") from None


def _p256_public(secret: bytes) -> bytes:
    numbers = _private_p256(secret).public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def _sign_p256(secret: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    der = _private_p256(secret).sign(data, ec.ECDSA(hashes.SHA256()))
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


def _verify_p256(raw: bytes, data: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415

    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if s > _P256_ORDER // 2:
        return False
    der = utils.encode_dss_signature(r, s)
    try:
        _load_p256(raw).verify(der, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
