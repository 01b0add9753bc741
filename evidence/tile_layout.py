"""Where a log's tiles lie and what they hold, as C2SP tlog-tiles lays out.

Pure. A tile is up to 256 hashes of one height; an entry bundle is the leaves under a tile of
the lowest level. Full ones never change; the last of each level is partial and its name says
how wide it is.

    tile/<level>/<index>[.p/<width>]     tile/entries/<index>[.p/<width>]
"""

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from evidence.errors import WireError
from evidence.merkle import HASH_BYTES

CHECKPOINT = "checkpoint"
TILE_FOLDER = "tile"
ENTRIES = -1
"""The level of entry bundles; they are as wide as the tiles of level 0."""
WIDTH = 256
HEIGHT = 8  # levels of the tree in one tile
MAX_LEVEL = 63 // HEIGHT
MAX_ENTRY_BYTES = 65535

_LENGTH = struct.Struct(">H")
_PATH = re.compile(
    r"tile/(entries|[0-9]{1,2})/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)


@dataclass(frozen=True, slots=True)
class TileName:
    """One file: `index` within its level, `width` hashes or entries, 256 when full."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def leaves(self) -> int:
        """Return how many leaves the log must have for this file to exist."""
        level = max(self.level, 0)
        return (self.index * WIDTH + self.width) << (HEIGHT * level)

    @property
    def path(self) -> str:
        """Return the path below the log's folder."""
        level = "entries" if self.level == ENTRIES else str(self.level)
        rest, last = divmod(self.index, 1000)
        groups = f"{last:03}"
        while rest:
            rest, group = divmod(rest, 1000)
            groups = f"x{group:03}/{groups}"
        partial = "" if self.width == WIDTH else f".p/{self.width}"
        return f"{TILE_FOLDER}/{level}/{groups}{partial}"


def parse_path(path: str) -> TileName | None:
    """Return what a path below the log's folder names, None when it names no tile."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    level, groups, width = match.groups()
    name = TileName(
        ENTRIES if level == "entries" else int(level),
        int(groups.replace("x", "").replace("/", "")),
        int(width or WIDTH),
    )
    return name if name.level <= MAX_LEVEL and name.path == path else None


def partial_tiles(size: int) -> Iterator[TileName]:
    """Yield the partial files of a log of `size` leaves, entries first."""
    if size % WIDTH:
        yield TileName(ENTRIES, size // WIDTH, size % WIDTH)
    for level in range(MAX_LEVEL + 1):
        count = size >> (HEIGHT * level)
        if count % WIDTH:
            yield TileName(level, count // WIDTH, count % WIDTH)


def full_tiles(size: int) -> Iterator[TileName]:
    """Yield the full files of a log of `size` leaves, level by level."""
    for level in range(ENTRIES, MAX_LEVEL + 1):
        count = size >> (HEIGHT * max(level, 0))
        yield from (TileName(level, index) for index in range(count // WIDTH))


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Return the bytes of a bundle; raises struct.error for an entry over 65535 bytes."""
    return b"".join([part for entry in entries for part in (_LENGTH.pack(len(entry)), entry)])


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle.

    Raises:
        WireError: "field" when it is cut short.
    """
    entries, at = [], 0
    while at < len(data):
        start = at + _LENGTH.size
        if start > len(data):
            raise WireError("field", "entry bundle is cut short")
        at = start + _LENGTH.unpack_from(data, at)[0]
        if at > len(data):
            raise WireError("field", "entry bundle is cut short")
        entries.append(data[start:at])
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes of a tile.

    Raises:
        WireError: "field" when it is cut short.
    """
    if len(data) % HASH_BYTES:
        raise WireError("field", "tile is cut short")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]
