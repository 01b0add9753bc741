"""The bytes of photos, signatures and certificates, in a folder, named by their hash.

Used by the registry's pages. A file is there whole or not at all, and never changes; who may
see one is decided by its row in the registry.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 8 * 1024 * 1024
"""A photo from a phone, made smaller by the page, has 0.3 MiB; a scanned certificate 2."""
_NAME: Final = re.compile(r"[0-9a-f]{64}")


class FileFolder:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> str:
        """Store `data`, at most `MAX_BYTES`, and return its SHA-256; again is no change."""
        if len(data) > MAX_BYTES:
            raise ValueError(f"expected at most {MAX_BYTES} bytes, got {len(data)}")
        name = hashlib.sha256(data).hexdigest()
        path = self._path(name)
        if not path.exists():
            self._write(path, data)
        return name

    def get(self, name: str) -> bytes | None:
        """Return the bytes with this SHA-256; None where there are none, or damaged ones."""
        if not _NAME.fullmatch(name):
            return None
        try:
            data = self._path(name).read_bytes()
        except FileNotFoundError:
            return None
        return data if hashlib.sha256(data).hexdigest() == name else None

    def _path(self, name: str) -> Path:
        return self._folder / name[:2] / name

    def _write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
