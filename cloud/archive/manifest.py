"""`manifest.json`: what an archive folder is, said by itself.

One archive folder holds one log. Canonical JSON (sorted keys, no spaces, one line) with the
SHA-256 of the rest, so that any changed byte is noticed before anything is believed. A log that
follows another one names it as `predecessor`, and says with `first_index` where its record 0
stands in the one stream that all logs together are.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud.errors import ArchiveError
from evidence.disk import REAL_DISK, write_file

FILE_NAME = "manifest.json"
FORMAT = "coldwarden-archive-1"
MAX_BYTES = 4096
PARTITIONS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The log before this one, as it stood when this one was opened; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """See the module; `created_ms` is Unix ms."""

    origin: str
    created_ms: int
    first_index: int = 0
    partitions: int = PARTITIONS
    predecessor: Predecessor | None = None


def write_manifest(folder: Path, manifest: Manifest, scratch: Path) -> None:
    """Write the manifest, whole and durable."""
    write_file(folder / FILE_NAME, encode_manifest(manifest), disk=REAL_DISK, scratch=scratch)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of an archive folder; ArchiveError when it is not one."""
    path = folder / FILE_NAME
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArchiveError(path, f"{error.strerror}; is this an archive folder?") from error
    try:
        manifest = _decode(json.loads(data)) if len(data) <= MAX_BYTES else None
    except (ValueError, KeyError, TypeError) as error:
        raise ArchiveError(path, f"not a manifest of {FORMAT}: {error}") from error
    if manifest is None or encode_manifest(manifest) != data:
        raise ArchiveError(path, "changed since it was written; restore it from a backup")
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the one spelling of a manifest."""
    before = manifest.predecessor
    document: dict[str, Any] = {
        "created_ms": manifest.created_ms,
        "first_index": manifest.first_index,
        "format": FORMAT,
        "origin": manifest.origin,
        "partitions": manifest.partitions,
        "predecessor": before
        and {"origin": before.origin, "root": before.root.hex(), "size": before.size},
    }
    document["sha256"] = hashlib.sha256(_canonical(document)).hexdigest()
    return _canonical(document)


def _canonical(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _decode(document: dict[str, Any]) -> Manifest:
    before = document["predecessor"]
    return Manifest(
        origin=str(document["origin"]),
        created_ms=int(document["created_ms"]),
        first_index=int(document["first_index"]),
        partitions=int(document["partitions"]),
        predecessor=before
        and Predecessor(
            origin=str(before["origin"]),
            size=int(before["size"]),
            root=bytes.fromhex(before["root"]),
        ),
    )
