"""Where the evidence key sits: a file, or a token (PKCS#11) that it never leaves.

Pure. Used by `gateway_firmware_py.config` to read `[gateway] key`, and by
`gateway_firmware_py.identity` to open it. The address of a token is a URI of RFC 7512:

    pkcs11:token=cw;object=evidence?module-path=/usr/lib/….so&pin-source=/etc/coldwarden/pin
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

SCHEME = "pkcs11:"
NEXT = ".next"
_KNOWN = ("token", "serial", "object")
_FROM_FILE = "file:"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key pair in a token; `current` is a small file that holds its id (CKA_ID).

    The id is the only thing that changes when the key is rotated, so the file is replaced as
    the key file of a software key is. `serial` may be empty: any token with that label.
    """

    token: str
    label: str
    module: Path
    pin_file: Path
    current: Path
    serial: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}token={self.token};object={self.label}"


KeyPlace = Path | TokenKey


def next_place(place: KeyPlace) -> KeyPlace:
    """Return where the key is made that will take the place of the one at `place`."""
    match place:
        case Path():
            return place.with_name(place.name + NEXT)
        case TokenKey():
            following = place.current.with_name(place.current.name + NEXT)
            return TokenKey(
                token=place.token,
                label=place.label,
                module=place.module,
                pin_file=place.pin_file,
                current=following,
                serial=place.serial,
            )


def marker(place: KeyPlace) -> Path:
    """Return the one file whose replacement changes the key at `place`."""
    return place.current if isinstance(place, TokenKey) else place


def read_place(text: str, state_dir: Path) -> KeyPlace:
    """Return the place that the setting `key` names.

    Raises:
        ValueError: it is a URI that lacks something or says something unknown.
    """
    if not text.startswith(SCHEME):
        return (state_dir / text).resolve()
    path, _, query = text[len(SCHEME) :].partition("?")
    parts, asked = _pairs(path, ";"), _pairs(query, "&")
    unknown = [*(k for k in parts if k not in _KNOWN), *(asked.keys() - set(_QUERY))]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not known here; use {_EXAMPLE}")
    missing = [name for name in ("token", "object") if not parts.get(name)]
    missing += [name for name in _QUERY if not asked.get(name)]
    if missing:
        raise ValueError(f"{missing[0]} is missing; use {_EXAMPLE}")
    return TokenKey(
        token=parts["token"],
        label=parts["object"],
        serial=parts.get("serial", ""),
        module=Path(asked["module-path"]),
        pin_file=Path(asked["pin-source"].removeprefix(_FROM_FILE)),
        current=(state_dir / "evidence.id").resolve(),
    )


_QUERY = ("module-path", "pin-source")
_EXAMPLE = "pkcs11:token=NAME;object=NAME?module-path=/FILE.so&pin-source=/FILE"


def _pairs(text: str, separator: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(separator) if item)
    return {unquote(key): unquote(value) for key, _, value in pairs}
