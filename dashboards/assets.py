"""The static files of the pages, and the addresses under which they never go stale.

An address carries the hash of the file, so that a browser may keep it for ever.
"""

import hashlib
from functools import cache
from pathlib import Path

STATIC_URL = "/static"


def static_dir() -> Path:
    """Return the folder whose files are served under `/static`."""
    return Path(__file__).parent / "static"


@cache
def asset_url(name: str) -> str:
    """Return the address of a static file, with its version."""
    digest = hashlib.sha256((static_dir() / name).read_bytes()).hexdigest()
    return f"{STATIC_URL}/{name}?v={digest[:12]}"
