"""How far the registry's log has been followed: a file that spares reading the archive again.

Derived and disposable. It names the last record before its cursor by hash: an archive that was
restored from a copy has another one there, and is then read from its beginning.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cloud.archive.stream import Stream
from evidence.audit_record import FIRST_PREV_HASH
from evidence.disk import write_file

FILE_NAME = "registry-log.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Everything before the archive index `cursor` is noted.

    `seq` and `hash` are of the last audit entry there.
    """

    cursor: int = 0
    seq: int = 0
    hash: bytes = FIRST_PREV_HASH


def read_place(state_dir: Path, stream: Stream) -> Place:
    """Return the place that was saved, or the beginning when it is not one of this archive."""
    try:
        document = json.loads((state_dir / FILE_NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return Place()
    cursor = document["cursor"]
    if not 0 < cursor <= stream.next_index or document["last"] != _last(stream, cursor):
        return Place()
    return Place(cursor=cursor, seq=document["seq"], hash=bytes.fromhex(document["hash"]))


def write_place(state_dir: Path, stream: Stream, place: Place) -> None:
    """Save a place, whole and durable."""
    if place.cursor == 0:
        return
    document = {
        "cursor": place.cursor,
        "last": _last(stream, place.cursor),
        "seq": place.seq,
        "hash": place.hash.hex(),
    }
    write_file(state_dir / FILE_NAME, json.dumps(document).encode() + b"\n")


def _last(stream: Stream, cursor: int) -> str:
    """Return the hash of the record before `cursor`, "" when it cannot be read."""
    for index, record in stream.records(cursor - 1):
        if index == cursor - 1:
            return sha256(record.data + b"".join(map(_spelled, record.extra))).hexdigest()
        break
    return ""


def _spelled(part: bytes | int) -> bytes:
    return part if isinstance(part, bytes) else str(part).encode()
