"""A tile in memory with the inner nodes over its hashes, and the tree they make together.

Pure but for the function that fetches full tiles. The right edge is always held; older tiles
are fetched when asked for, checked against the tree above them, and forgotten again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256

from evidence.tile_layout import HEIGHT, WIDTH

KEEP_TILES = 256  # about 40 KiB each with the inner nodes


class Tile:
    """Up to 256 hashes of one height and every complete node over them."""

    __slots__ = ("index", "levels")

    def __init__(self, index: int, hashes: Sequence[bytes] = ()) -> None:
        self.index = index
        self.levels: list[list[bytes]] = [[] for _ in range(HEIGHT + 1)]
        self.extend(hashes)

    def extend(self, hashes: Sequence[bytes]) -> None:
        """Add the next hashes, no more than still fit."""
        for level in range(HEIGHT):
            row = self.levels[level]
            row.extend(hashes)
            start = 2 * len(self.levels[level + 1])
            # Spelled out, not `node_hash`: this is half of what a leaf costs.
            hashes = [
                sha256(b"\x01" + row[at] + row[at + 1]).digest()
                for at in range(start, len(row) - 1, 2)
            ]
            if not hashes:
                return
        self.levels[HEIGHT].extend(hashes)

    def path(self, place: int) -> list[bytes]:
        """Return the audit path of a hash of a full tile, up to the tile's own root."""
        return [self.levels[level][place >> level ^ 1] for level in range(HEIGHT)]

    @property
    def width(self) -> int:
        """Return how many hashes it holds."""
        return len(self.levels[0])

    @property
    def full(self) -> bool:
        """Return whether it holds 256 hashes."""
        return len(self.levels[0]) == WIDTH

    @property
    def root(self) -> bytes:
        """Return the node over a full tile."""
        return self.levels[HEIGHT][0]

    @property
    def data(self) -> bytes:
        """Return the bytes of the tile's file."""
        return b"".join(self.levels[0])


Fetch = Callable[[int, int], Tile]
"""`fetch(level, index)` returns a full tile; it is checked by the caller."""


class TileTree:
    """The nodes of a tree that grows, in bounded memory.

    One thread appends; any thread may ask for nodes of what was there before.
    """

    def __init__(self, fetch: Fetch, refuse: Callable[[int, int], Exception]) -> None:
        """Take where full tiles come from, and the error for one that does not fit."""
        self._fetch = fetch
        self._refuse = refuse
        self._edges: list[Tile] = [Tile(0)]
        self._kept: OrderedDict[tuple[int, int], Tile] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Return the number of leaves."""
        return self._edges[0].index * WIDTH + self._edges[0].width

    def extend(self, hashes: Sequence[bytes], filled: Callable[[int, Tile], None]) -> None:
        """Add leaf hashes; `filled(level, tile)` is told of each tile that this fills.

        The tiles of one level are told in order, and before those of the next.
        """
        level = 0
        while hashes:
            if level == len(self._edges):
                self._edges.append(Tile(0))
            hashes = self._extend_level(level, hashes, filled)
            level += 1

    def _extend_level(
        self, level: int, hashes: Sequence[bytes], filled: Callable[[int, Tile], None]
    ) -> list[bytes]:
        """Return the roots of the tiles that were filled: what the next level gets."""
        roots, at = [], 0
        while at < len(hashes):
            edge = self._edges[level]
            room = WIDTH - edge.width
            edge.extend(hashes[at : at + room])
            at += room
            if edge.full:
                # Kept before it stops being the edge: a reader finds it in one of the two.
                self._keep(level, edge)
                self._edges[level] = Tile(edge.index + 1)
                filled(level, edge)
                roots.append(edge.root)
        return roots

    def load(self, size: int, partial: Sequence[bytes]) -> None:
        """Become the tree of `size` leaves, whose last size % 256 leaf hashes are `partial`.

        Reads at most 255 tiles of each level.
        """
        edges = [Tile(size // WIDTH, partial)]
        count = size // WIDTH  # full tiles of the level below
        while count:
            below = len(edges) - 1
            first = count - count % WIDTH
            roots = [self._fetch(below, index).root for index in range(first, count)]
            edges.append(Tile(count // WIDTH, roots))
            count //= WIDTH
        self._edges = edges
        self._kept.clear()

    @property
    def levels(self) -> range:
        """Return the tile levels that hold anything."""
        return range(len(self._edges))

    def edge(self, level: int) -> Tile:
        """Return the tile that `level` fills now."""
        return self._edges[level]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; raises what `refuse` makes for a bad tile."""
        tile_level, row = divmod(level, HEIGHT)
        tile_index, place = divmod(index, WIDTH >> row)
        return self.tile(tile_level, tile_index).levels[row][place]

    def tile(self, level: int, index: int) -> Tile:
        """Return a tile; raises as `node`."""
        if level < len(self._edges) and self._edges[level].index == index:
            return self._edges[level]
        key = (level, index)
        with self._lock:
            tile = self._kept.get(key)
            if tile is not None:
                self._kept.move_to_end(key)
                return tile
        tile = self._fetch(level, index)
        if tile.root != self.node((level + 1) * HEIGHT, index):
            raise self._refuse(level, index)
        self._keep(level, tile)
        return tile

    def _keep(self, level: int, tile: Tile) -> None:
        with self._lock:
            self._kept[level, tile.index] = tile
            while len(self._kept) > KEEP_TILES:
                self._kept.popitem(last=False)
