"""An evidence key in a token (PKCS#11): made there, used there, never seen here.

P-256, as tokens and secure elements have it. The library of the token is loaded when the first
key is opened, and `python-pkcs11` with it: a gateway with a key file loads neither. A session
that breaks off (the token was unplugged, its library gave up) is opened anew once per
signature; what stays broken ends the program, and the supervisor begins it again.
"""

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from evidence.cose import ALG_ESP256, SIGNATURE_BYTES
from evidence.disk import Disk, write_file
from evidence.errors import EvidenceError, WireError
from evidence.keys import PublicKey
from gateway_firmware_py.errors import IdentityError
from gateway_firmware_py.key_place import TokenKey

if TYPE_CHECKING:
    from types import ModuleType

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ID_BYTES = 8
FORMER = ".former"
POINT_BYTES = 65
_OTHERS = 0o077
_DER_OCTETS = b"\x04\x41"  # head of an OCTET STRING of 65 bytes: the point, in DER


class TokenSigner:
    """See the module; `open_key` and `make_key` are the ways in. Any thread may sign."""

    def __init__(self, place: TokenKey, key_id: bytes) -> None:
        self._place = place
        self._key_id = key_id
        self._lock = threading.Lock()
        self._private = _find_private(place, key_id)
        self.public = _find_public(place, key_id)
        self.kid = self.public.kid

    @property
    def alg(self) -> int:
        """The COSE algorithm."""
        return self.public.alg

    def sign(self, data: bytes) -> bytes:
        """Return 64 bytes, r || s with a low s.

        Raises:
            IdentityError: the token does not sign, twice.
        """
        pkcs11 = _library()
        digest = hashlib.sha256(data).digest()
        with self._lock:
            try:
                signature = self._sign(digest)
            except pkcs11.PKCS11Error:
                _close(self._place)
                self._private = _find_private(self._place, self._key_id)
                try:
                    signature = self._sign(digest)
                except pkcs11.PKCS11Error as error:
                    raise _refused(self._place, error) from error
        return low_s(signature)

    def _sign(self, digest: bytes) -> bytes:
        signature = self._private.sign(digest, mechanism=_library().Mechanism.ECDSA)
        if len(signature) != SIGNATURE_BYTES:
            raise IdentityError(f"{self._place} is no P-256 key; make one that is")
        return bytes(signature)

    @classmethod
    def open_key(cls, place: TokenKey) -> Self:
        """Return the key that `place` names.

        Raises:
            IdentityError: no library, token, PIN or key; with the remedy.
        """
        key_id = _read_id(place)
        if key_id is None:
            raise IdentityError(f"no key in {place} yet; run: coldwarden-gateway init")
        return cls(place, key_id)


def make_key(place: TokenKey) -> tuple[TokenSigner, bool]:
    """Return the key at `place`, made now if there is none, and whether it was made now.

    The id is kept before the key is made, so that what a crash left in the token is found.

    Raises:
        IdentityError: as `TokenSigner.open_key`, or the token makes no key.
    """
    key_id = _read_id(place)
    if key_id is None:
        key_id = os.urandom(ID_BYTES)
        _check_usable(place)
        try:
            place.current.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_file(place.current, key_id.hex().encode() + b"\n")
        except OSError as error:
            raise IdentityError(f"cannot make {place.current}: {error.strerror}") from error
        except EvidenceError as error:
            raise IdentityError(str(error)) from error
    made = not _objects(place, key_id)
    if made:
        _generate(place, key_id)
    return TokenSigner(place, key_id), made


def note_leaving(place: TokenKey, disk: Disk) -> None:
    """Keep the id of the present key, which a running program signs with a little longer.

    Raises:
        EvidenceError: the disk refused.
    """
    leaving = _read_id(place)
    if leaving is not None:
        write_file(_former(place).current, leaving.hex().encode() + b"\n", disk=disk)


def forget_former(place: TokenKey) -> None:
    """Destroy the key pair that was in place before the present one, if the token lets us."""
    former = _former(place)
    key_id = _read_id(former)
    if key_id is None or key_id == _read_id(place):  # a kill came before it was replaced
        return
    with suppress(_library().PKCS11Error):
        for found in _objects(place, key_id):
            found.destroy()
    with suppress(OSError):
        former.current.unlink()


def _former(place: TokenKey) -> TokenKey:
    return replace(place, current=place.current.with_name(place.current.name + FORMER))


def low_s(signature: bytes) -> bytes:
    """Return r || s with the smaller of the two s that verify."""
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + min(s, P256_ORDER - s).to_bytes(32, "big")


# -- the token's library; one session for each token, for the life of the process

_sessions: dict[str, Any] = {}


def _library() -> "ModuleType":
    try:
        import pkcs11  # noqa: PLC0415 -- only a gateway with a token needs it
    except ImportError as error:
        remedy = "install it: pip install 'coldwarden[secure-element]'"
        raise IdentityError(f"python-pkcs11 is missing; {remedy}") from error
    return pkcs11


def _session(place: TokenKey) -> Any:  # noqa: ANN401 -- the library has no types
    known = _sessions.get(str(place))
    if known is not None:
        return known
    pkcs11 = _library()
    pin = _read_pin(place)
    try:
        library = pkcs11.lib(str(place.module))
        token = library.get_token(token_label=place.token, **_serial(place))
        session = _log_in(token, pin)
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        raise _refused(place, error) from error
    _sessions[str(place)] = session
    return session


def _log_in(token: Any, pin: str) -> Any:  # noqa: ANN401
    try:
        return token.open(rw=True, user_pin=pin)
    except _library().UserAlreadyLoggedIn:  # another key of ours in the same token
        return token.open(rw=True)


def _serial(place: TokenKey) -> dict[str, bytes]:
    return {"token_serial": place.serial.encode()} if place.serial else {}


def _close(place: TokenKey) -> None:
    session = _sessions.pop(str(place), None)
    if session is not None:
        with suppress(_library().PKCS11Error):
            session.close()


def _read_pin(place: TokenKey) -> str:
    try:
        if place.pin_file.stat().st_mode & _OTHERS:
            raise IdentityError(
                f"PIN file {place.pin_file} is open to others; run: chmod 600 {place.pin_file}"
            )
        return place.pin_file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        remedy = "write the token's user PIN into it, mode 0600"
        raise IdentityError(f"cannot read PIN file {place.pin_file}; {remedy}") from error


def _read_id(place: TokenKey) -> bytes | None:
    try:
        return bytes.fromhex(place.current.read_text().strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        remedy = "restore it, or delete it and enrol the gateway anew"
        raise IdentityError(f"{place.current} holds no key id; {remedy}") from error


def _objects(place: TokenKey, key_id: bytes, **more: object) -> list[Any]:
    pkcs11 = _library()
    wanted = {pkcs11.Attribute.ID: key_id, pkcs11.Attribute.LABEL: place.label}
    kinds = {"private": pkcs11.ObjectClass.PRIVATE_KEY, "public": pkcs11.ObjectClass.PUBLIC_KEY}
    if "kind" in more:
        wanted[pkcs11.Attribute.CLASS] = kinds[str(more["kind"])]
    try:
        return list(_session(place).get_objects(wanted))
    except pkcs11.PKCS11Error as error:
        raise _refused(place, error) from error


def _find_private(place: TokenKey, key_id: bytes) -> Any:  # noqa: ANN401
    return _only(place, _objects(place, key_id, kind="private"))


def _find_public(place: TokenKey, key_id: bytes) -> PublicKey:
    found = _only(place, _objects(place, key_id, kind="public"))
    point = bytes(found[_library().Attribute.EC_POINT])
    try:
        return PublicKey(ALG_ESP256, point.removeprefix(_DER_OCTETS)[:POINT_BYTES])
    except WireError as error:
        raise IdentityError(f"{place} is no P-256 key; make one that is") from error


def _only(place: TokenKey, found: list[Any]) -> Any:  # noqa: ANN401
    if len(found) != 1:
        remedy = f"delete {place.current} and enrol the gateway anew"
        raise IdentityError(f"{place} holds {len(found)} keys of our id, not one; {remedy}")
    return found[0]


def _generate(place: TokenKey, key_id: bytes) -> None:
    pkcs11 = _library()
    from pkcs11.util.ec import encode_named_curve_parameters  # noqa: PLC0415

    attribute = pkcs11.Attribute
    curve = {attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
    hidden = {attribute.SENSITIVE: True, attribute.EXTRACTABLE: False}
    try:
        parameters = _session(place).create_domain_parameters(
            pkcs11.KeyType.EC, curve, local=True
        )
        parameters.generate_keypair(
            store=True, label=place.label, id=key_id, private_template=hidden
        )
    except pkcs11.PKCS11Error as error:
        raise _refused(place, error) from error


def _check_usable(place: TokenKey) -> None:
    """Raise IdentityError now, before anything is written, when the token cannot be opened."""
    _session(place)


def _refused(place: TokenKey, error: Exception) -> IdentityError:
    said = str(error) or type(error).__name__
    remedy = f"check that the token is there, its name, {place.module} and {place.pin_file}"
    return IdentityError(f"{place}: {said}; {remedy}")
