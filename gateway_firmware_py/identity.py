"""The gateway's evidence key: in a file that only its owner can read, or in a token.

A software key can be copied by whoever can read the card; the signed state says which kind
signed, and an auditor can weigh it. A key is replaced in one step: the file at its place (or
the file with its id, for a token) is renamed over, and the program that runs begins anew.
"""

from contextlib import suppress
from pathlib import Path

from evidence.disk import REAL_DISK, Disk, install, storage_error
from evidence.errors import KeyFileError
from evidence.keys import SoftwareKey
from gateway_firmware_py import token_key
from gateway_firmware_py.errors import DiskRefusedError, IdentityError
from gateway_firmware_py.key_place import KeyPlace, TokenKey, marker, next_place
from gateway_firmware_py.token_key import TokenSigner

EvidenceKey = SoftwareKey | TokenSigner

SOFTWARE, PKCS11 = "software", "pkcs11"


def key_kind(key: EvidenceKey) -> str:
    """Return where this key is kept, as the signed state names it."""
    return PKCS11 if isinstance(key, TokenSigner) else SOFTWARE


def load_key(place: KeyPlace) -> EvidenceKey:
    """Return the key at `place`.

    Raises:
        IdentityError: missing, readable by others, or not a key; with the remedy.
    """
    if isinstance(place, TokenKey):
        return TokenSigner.open_key(place)
    if not place.exists():
        raise IdentityError(f"no key in {place}; run: coldwarden-gateway init")
    try:
        return SoftwareKey.load(place)
    except KeyFileError as error:
        raise IdentityError(str(error)) from error


def make_key(place: KeyPlace) -> tuple[EvidenceKey, bool]:
    """Return the key at `place`, made now if there is none, and whether it was made now.

    Raises:
        IdentityError: it cannot be made, or the one that is there cannot be used.
    """
    if isinstance(place, TokenKey):
        return token_key.make_key(place)
    make_state_dir(place.parent)
    _forget_torn(place)
    if place.exists():
        return load_key(place), False
    key = SoftwareKey.generate()
    try:
        key.save(place)
    except KeyFileError as error:
        raise IdentityError(str(error)) from error
    return key, True


def make_state_dir(folder: Path) -> None:
    """Make the folder of all that a gateway keeps, for its owner alone.

    Raises:
        DiskRefusedError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        remedy = "free some space, or say who owns the folder above it"
        raise DiskRefusedError(f"cannot make {folder}: {error.strerror}; {remedy}") from error


def has_next(place: KeyPlace) -> bool:
    """Return whether a key was made that has not taken the place of the present one yet."""
    return marker(next_place(place)).exists()


def make_next(place: KeyPlace) -> EvidenceKey:
    """Return the key that will take the place of the one at `place`; errors as `make_key`."""
    if isinstance(place, TokenKey):
        token_key.forget_former(place)
    else:
        _forget_torn(place)
    return make_key(next_place(place))[0]


def adopt_next(place: KeyPlace, *, disk: Disk = REAL_DISK) -> None:
    """Put the next key into the place of the present one, durably, in one step.

    In a token the present one stays until the next is made: a running program signs with it.

    Raises:
        EvidenceError: the disk refused; the present key stays.
    """
    if isinstance(place, TokenKey):
        token_key.note_leaving(place, disk)
    fresh, target = marker(next_place(place)), marker(place)
    try:
        install(disk, fresh, target)
    except OSError as error:
        raise storage_error(error, target) from error


def _forget_torn(place: Path) -> None:
    """Remove what a kill left of an earlier try: it would hold a private key for ever."""
    for torn in place.parent.glob(f".{place.name}.*"):
        with suppress(OSError):
            torn.unlink()
