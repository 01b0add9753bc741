"""The static files, held in memory: what is not in the folder at the start is never served.

Nothing of a request's path reaches the file system.
"""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from typing import Final

from dashboards.assets import static_dir

CACHE_FOR_EVER: Final = "public, max-age=31536000, immutable"
"""Their addresses carry their hash."""
_TYPES: Final = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticFile:
    """One file, as it is and compressed."""

    media_type: str
    plain: bytes
    compressed: bytes


@cache
def static_files() -> dict[str, StaticFile]:
    """Return every static file by its name under `/static/`."""
    folder = static_dir()
    return {
        file.relative_to(folder).as_posix(): _read(file.suffix, file.name, file.read_bytes())
        for file in folder.rglob("*")
        if file.is_file()
    }


def _read(suffix: str, name: str, plain: bytes) -> StaticFile:
    guessed = mimetypes.guess_type(name)[0] or "text/plain; charset=utf-8"
    return StaticFile(
        media_type=_TYPES.get(suffix, guessed),
        plain=plain,
        compressed=gzip.compress(plain, mtime=0),
    )
