"""What is archived of a backup (record kind 6): that it was made, read back, and how far.

object = {1: at_ms, 2: size, 3: root, 4: destination}      deterministic CBOR
"""

from dataclasses import dataclass

from evidence import cbor
from evidence.errors import WireError

MAX_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecord:
    """A copy of the first `size` records of the log whose tree then had this root."""

    at_ms: int
    size: int
    root: bytes
    destination: str


def encode_backup(backup: BackupRecord) -> bytes:
    """Return the archived object."""
    return cbor.encode({1: backup.at_ms, 2: backup.size, 3: backup.root, 4: backup.destination})


def decode_backup(data: bytes) -> BackupRecord:
    """Return the backup that an archived object tells of; WireError("field") when none."""
    match cbor.decode(data, max_bytes=MAX_BYTES):
        case {1: int() as at_ms, 2: int() as size, 3: bytes() as root, 4: str() as to}:
            return BackupRecord(at_ms=at_ms, size=size, root=root, destination=to)
        case _:
            raise WireError("field", "a backup record is {at_ms, size, root, destination}")
