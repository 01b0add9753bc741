"""Time-based one-time codes as a second factor (RFC 6238: SHA-1, 6 digits, 30 s).

Pure but for making a secret. A code counts in its own step and in the one before and after,
and never again once it or a later one was used.
"""

import base64
import binascii
import hmac
import secrets
from typing import Final
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

STEP_MS: Final = 30_000
WINDOW: Final = 1
"""Steps before and after the present one that count: a phone's clock is not ours."""
DIGITS: Final = 6
SECRET_BYTES: Final = 20
ISSUER: Final = "Coldwarden"


def new_secret() -> str:
    """Return a new secret in Base32, as people can type it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def address(secret: str, account: str) -> str:
    """Return the `otpauth:` address that an authenticator scans."""
    label = quote(f"{ISSUER}:{account}")
    return f"otpauth://totp/{label}?secret={secret}&issuer={ISSUER}&digits={DIGITS}&period=30"


def code_at(secret: str, at_ms: int) -> str:
    """Return the code of the step that `at_ms` lies in."""
    return _code(secret, at_ms // STEP_MS)


def step_of(secret: str, code: str, at_ms: int, used_step: int) -> int | None:
    """Return the step that `code` belongs to if it counts now, else None.

    `used_step` is the last step that was used, -1 for none; keep what is returned as the next.
    """
    code = code.strip()
    if len(code) != DIGITS:
        return None
    now = at_ms // STEP_MS
    for step in range(max(now - WINDOW, used_step + 1), now + WINDOW + 1):
        if hmac.compare_digest(_code(secret, step).encode(), code.encode()):
            return step
    return None


def _code(secret: str, step: int) -> str:
    try:
        key = base64.b32decode(secret)
    except binascii.Error:
        return ""
    # RFC 6238 fixes SHA-1 for what authenticators implement; HMAC does not need more of it.
    return HOTP(key, DIGITS, SHA1()).generate(step).decode()  # noqa: S303
