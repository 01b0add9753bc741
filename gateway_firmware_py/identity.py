"""The gateway's evidence key: a software key in a file that only its owner can read.

A software key can be copied by whoever can read the card; the signed state says `software`, and
an auditor can weigh it.
"""

from pathlib import Path

from evidence.errors import KeyFileError
from evidence.keys import SoftwareKey
from gateway_firmware_py.errors import IdentityError

KEY_KIND = "software"


def load_key(path: Path) -> SoftwareKey:
    """Return the key in `path`.

    Raises:
        IdentityError: missing, readable by others, or not a key; with the remedy.
    """
    if not path.exists():
        raise IdentityError(f"no key in {path}; run: coldwarden-gateway init")
    try:
        return SoftwareKey.load(path)
    except KeyFileError as error:
        raise IdentityError(str(error)) from error


def make_key(path: Path) -> tuple[SoftwareKey, bool]:
    """Return the key in `path`, made now if there is none, and whether it was made now.

    Raises:
        IdentityError: it cannot be made, or the one that is there cannot be used.
    """
    if path.exists():
        return load_key(path), False
    key = SoftwareKey.generate()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        key.save(path)
    except OSError as error:
        raise IdentityError(f"cannot make {path.parent}: {error.strerror}") from error
    except KeyFileError as error:
        raise IdentityError(str(error)) from error
    return key, True
