"""What lies in an archive folder, and `manifest.json`: what the folder says of itself.

The cloud writes it, the verifier reads it. One folder holds one log. The manifest is canonical
JSON (sorted keys, no spaces, one line) with the SHA-256 of the rest. A log that follows another
one names it as `predecessor`, and says with `first_index` where its record 0 stands in the one
stream that all logs together are; its folder lies beside the first: NAME, NAME-2, NAME-3 ...

    FOLDER/manifest.json
    FOLDER/records/*.seg, *.idx      record i of the archive is record i of the segment log
    FOLDER/log/                      leaf i of the tree is made from record i
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from evidence.disk import REAL_DISK, Disk, write_file
from evidence.errors import CorruptError
from evidence.merkle import HASH_BYTES

MANIFEST = "manifest.json"
RECORDS = "records"
LOG = "log"
FORMAT = "coldwarden-archive-1"
MAX_MANIFEST_BYTES = 4096
PARTITIONS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """The log before this one, as it stood when this one was opened.

    `root` is 32 bytes; all zero when the end of that log was lost.
    """

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What an archive folder is; `created_ms` is Unix time."""

    origin: str
    created_ms: int
    first_index: int = 0
    partitions: int = PARTITIONS
    predecessor: Predecessor | None = None


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the one spelling of a manifest."""
    before = manifest.predecessor
    document: dict[str, object] = {
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


def decode_manifest(data: bytes) -> Manifest | None:
    """Return the manifest that `data` spells, None when it spells none."""
    try:
        document = json.loads(data) if len(data) <= MAX_MANIFEST_BYTES else None
        manifest = _read(document)
        return manifest if encode_manifest(manifest) == data else None
    except (ValueError, RecursionError):
        return None


def write_manifest(
    folder: Path, manifest: Manifest, *, disk: Disk = REAL_DISK, scratch: Path | None = None
) -> None:
    """Write the manifest, whole and durable; errors and arguments as `disk.write_file`."""
    write_file(folder / MANIFEST, encode_manifest(manifest), disk=disk, scratch=scratch)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of an archive folder.

    Raises:
        CorruptError: there is none, or it was changed since it was written.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorruptError(path, 0, f"{error.strerror}; is this an archive?") from error
    manifest = decode_manifest(data)
    if manifest is None:
        raise CorruptError(path, 0, f"not a {FORMAT} manifest, or changed since it was written")
    return manifest


def log_folders(folder: Path) -> list[Path]:
    """Return the folders of all logs of an archive, oldest first, `folder` always."""
    found = [folder]
    while (after := folder.with_name(f"{folder.name}-{len(found) + 1}")).is_dir():
        if not (after / MANIFEST).exists():
            break
        found.append(after)
    return found


def _canonical(document: dict[str, object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _read(document: object) -> Manifest:
    """Return the manifest; raises ValueError when a field is missing or of another type."""
    match document:
        case {
            "created_ms": int() as created_ms,
            "first_index": int() as first_index,
            "origin": str() as origin,
            "partitions": int() as partitions,
            "predecessor": before,
        } if origin:
            return Manifest(
                origin=origin,
                created_ms=created_ms,
                first_index=first_index,
                partitions=partitions,
                predecessor=_read_predecessor(before),
            )
        case _:
            raise ValueError("not a manifest")


def _read_predecessor(document: object) -> Predecessor | None:
    match document:
        case None:
            return None
        case {"origin": str() as origin, "root": str() as root, "size": int() as size}:
            if len(root) != 2 * HASH_BYTES:
                raise ValueError("a root is 32 bytes")
            return Predecessor(origin=origin, size=size, root=bytes.fromhex(root))
        case _:
            raise ValueError("not a predecessor")
