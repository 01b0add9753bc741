"""The small values that the enrolment messages share, and what is refused of them.

Used by the codecs of this package. Pure.
"""

import re
from typing import Final

from evidence.batch_header import GATEWAY_ID, MAX_SITE_BYTES
from evidence.errors import WireError
from evidence.keys import PublicKey

SHA256_BYTES: Final = 32
EPOCH_BYTES: Final = 8
MAX_NUMBER: Final = (1 << 53) - 1
MAX_TEXT_BYTES: Final = 255
KEY_KINDS: Final = frozenset({"software", "pkcs11"})
"""Where a private key sits: a file, or a PKCS#11 token it cannot leave."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})

_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,255}")


_HOST_OF_URL: Final = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/|$)")


def check_gateway(gateway: str) -> str:
    """Return `gateway`; WireError "field" when it is no gateway id."""
    if not GATEWAY_ID.fullmatch(gateway):
        raise WireError("field", f"gateway id {gateway!r} is not 4 to 32 of a-z, 0-9 and -")
    return gateway


def check_site(site: str) -> str:
    """Return `site`; WireError "field" when it is no site id."""
    if not 0 < len(site.encode()) <= MAX_SITE_BYTES or not site.isprintable():
        raise WireError("field", f"site id {site!r} is empty or over {MAX_SITE_BYTES} bytes")
    return site


def check_key_kind(kind: str) -> str:
    """Return `kind`; WireError "field" when it is none."""
    if kind not in KEY_KINDS:
        raise WireError("field", f"key kind {kind!r} is not one of {sorted(KEY_KINDS)}")
    return kind


def check_sized(value: bytes, size_bytes: int, name: str) -> bytes:
    """Return `value`; WireError "field" when it is not `size_bytes` long."""
    if len(value) != size_bytes:
        raise WireError("field", f"{name} has {len(value)} bytes, expected {size_bytes}")
    return value


def check_number(value: int, name: str, most: int = MAX_NUMBER) -> int:
    """Return `value`; WireError "field" when it is not a whole number of 0 to `most`."""
    if isinstance(value, bool) or not 0 <= value <= most:
        raise WireError("field", f"{name} {value!r} is not within 0 to {most}")
    return value


def check_text(value: str, name: str) -> str:
    """Return `value`; WireError "field" when it is too long or not printable."""
    if len(value.encode()) > MAX_TEXT_BYTES or not value.isprintable():
        raise WireError("field", f"{name} is over {MAX_TEXT_BYTES} bytes or not printable")
    return value


def check_host(value: str, name: str) -> str:
    """Return `value`, a host name, an address or ""; WireError "field" otherwise."""
    if value and not _HOST.fullmatch(value):
        raise WireError("field", f"{name} {value!r} is no host")
    return value


def check_url(value: str, name: str) -> str:
    """Return `value`; WireError "field" when it is no https address, or http to this machine.

    Without TLS only loopback may be spoken to: tests, the demo, a proxy on the device itself.
    """
    scheme, found, rest = value.partition("://")
    host = _HOST_OF_URL.match(rest)
    is_local = scheme == "http" and host is not None and host[1] in LOOPBACK
    if not found or host is None or not (scheme == "https" or is_local):
        raise WireError("field", f"{name} {value!r} does not begin with https:// and a host")
    return check_text(value, name)


def read_key(text: str) -> PublicKey:
    """Return the key of `text`; WireError "field" unless `text` is its only spelling."""
    key = PublicKey.from_text(text)
    if key.to_text() != text:
        raise WireError("field", "key text is not in its canonical spelling")
    return key
