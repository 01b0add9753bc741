"""The protected header of a batch, and how its sender is found by it (SPEC.md section 2).

A key's header never changes, so the cloud keeps the bytes it expects from each enrolled key and
compares: one look-up binds algorithm, key, gateway, site and type at once. Only a header that
is not found is parsed, to say what is wrong with it.
"""

import re
from dataclasses import dataclass
from typing import Final

from evidence import cose
from evidence.errors import WireError
from evidence.keys import PublicKey

BATCH_TYP: Final = "application/vnd.coldwarden.batch.v1+cbor"
GATEWAY_ID: Final = re.compile(r"[a-z0-9-]{4,32}")
MAX_SITE_BYTES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """A gateway's evidence key, with its id worked out once."""

    gateway: str
    site: str
    key: PublicKey
    kid: bytes


def expected_header(gateway: str, site: str, key: PublicKey) -> bytes:
    """Return the protected header of every batch that `key` signs.

    Raises:
        WireError: "field" when the gateway id or the site id is not one.
    """
    if not GATEWAY_ID.fullmatch(gateway):
        raise WireError("field", f"gateway id {gateway!r} is not 4 to 32 of a-z, 0-9 and -")
    if not 0 < len(site.encode()) <= MAX_SITE_BYTES:
        raise WireError("field", f"site id {site!r} is empty or over {MAX_SITE_BYTES} bytes")
    return cose.protected_header(alg=key.alg, kid=key.kid, typ=BATCH_TYP, iss=gateway, sub=site)


class BatchHeaderCache:
    """Finds the enrolled key that a protected header belongs to."""

    def __init__(self) -> None:
        self._by_header: dict[bytes, Enrolled] = {}
        self._by_kid: dict[bytes, Enrolled] = {}

    def enrol(self, gateway: str, site: str, key: PublicKey) -> Enrolled:
        """Add a key.

        Raises:
            WireError: "field", as `expected_header`, or when another key has the same id.
        """
        entry = Enrolled(gateway=gateway, site=site, key=key, kid=key.kid)
        before = self._by_kid.get(entry.kid)
        if before is not None and before != entry:
            raise WireError(
                "field", f"key id {entry.kid.hex()} is enrolled for {before.gateway}"
            )
        self._by_header[expected_header(gateway, site, key)] = entry
        self._by_kid[entry.kid] = entry
        return entry

    def remove(self, kid: bytes) -> None:
        """Forget a key; nothing happens when it is not there."""
        entry = self._by_kid.pop(kid, None)
        if entry is not None:
            del self._by_header[expected_header(entry.gateway, entry.site, entry.key)]

    def find(self, protected: bytes) -> Enrolled | None:
        """Return the sender, or None when the key id is not enrolled.

        Raises:
            WireError: "profile" when the key is enrolled but the header is not the one expected
                from it, or when the header is none at all; codes of `cose.read_header`.
        """
        found = self._by_header.get(protected)
        if found is not None:
            return found
        header = cose.read_header(protected)
        known = self._by_kid.get(header.kid)
        if known is None:
            return None
        expected = cose.read_header(expected_header(known.gateway, known.site, known.key))
        raise WireError(
            "profile", f"key {header.kid.hex()} sends {header}, expected {expected}"
        )
