"""API tokens: `cwt_<id>_<secret>`; only a hash of the secret is kept.

The secret has 256 random bits, so that a plain hash of it can be stored.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

_SHAPE: Final = re.compile(r"cwt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is shown once."""

    id: str
    secret: str

    @property
    def text(self) -> str:
        """What the caller sends as `Authorization: Bearer ...`."""
        return f"cwt_{self.id}_{self.secret}"

    @property
    def stored(self) -> str:
        """What is kept of it."""
        return sha256(self.secret.encode()).hexdigest()

    def matches(self, stored: str) -> bool:
        """Say whether this is the token that `stored` was kept of."""
        return hmac.compare_digest(self.stored, stored)


def new_token() -> Token:
    """Return a new token."""
    return Token(id=secrets.token_hex(8), secret=secrets.token_urlsafe(32))


def parse_token(text: str) -> Token | None:
    """Return the token that `text` is, None when it is none."""
    match = _SHAPE.fullmatch(text)
    return Token(id=match[1], secret=match[2]) if match else None
