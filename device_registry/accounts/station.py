"""Shared stations: a browser in the shop where the person changes by PIN or badge.

Pure. A station belongs to one site. A badge alone names its person, so what is kept of it must
be found again: its hash has no salt of its own and is slow instead.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from device_registry.accounts.errors import AccountError

MIN_BADGE_CHARS: Final = 6
_SALT: Final = b"coldwarden badge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """A browser that is registered as shared."""

    id: str
    site: str
    label: str
    made_by: str


def hash_badge(badge: str) -> str:
    """Return what is kept of a badge; AccountError when it is too short."""
    badge = badge.strip()
    if not MIN_BADGE_CHARS <= len(badge) <= 128:
        raise AccountError("badge_shape", f"a badge has {MIN_BADGE_CHARS} to 128 characters")
    return hashlib.scrypt(badge.encode(), salt=_SALT, n=1 << 14, r=8, p=1).hex()
