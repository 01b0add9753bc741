"""A tile in memory with the inner nodes over its hashes, and the tree they make together.

Pure but for the function that fetches full tiles. The right edge is always held; older tiles
are fetched when asked for, checked against the tree above them, and forgotten again.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from evidence.merkle import node_hash
from evidence.tile_layout import HEIGHT, WIDTH

KEEP_TILES = 256  # about 40 KiB each with the inner nodes


class Tile:
    """Up to 256 hashes of one height and every complete node over them."""

    __slots__ = ("index", "levels")

    def __init__(self, index: int, hashes: Iterable[bytes] = ()) -> None:
        self.index = index
        self.levels: list[list[bytes]] = [[] for _ in range(HEIGHT + 1)]
        for hashed in hashes:
            self.add(hashed)

    def add(self, hashed: bytes) -> None:
        """Add the next hash; the tile is not full."""
        levels = self.levels
        for level in range(HEIGHT + 1):
            row = levels[level]
            row.append(hashed)
            if len(row) & 1:
                return
            hashed = node_hash(row[-2], hashed)

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

    def append(self, hashed_leaf: bytes, filled: Callable[[int, Tile], None]) -> None:
        """Add a leaf's hash; `filled(level, tile)` is told of each tile that this fills."""
        hashed, level = hashed_leaf, 0
        while True:
            edge = self._edges[level]
            edge.add(hashed)
            if not edge.full:
                return
            if level + 1 == len(self._edges):
                self._edges.append(Tile(0))
            # Kept before it stops being the edge: a reader finds it in one place or the other.
            self._keep(level, edge)
            self._edges[level] = Tile(edge.index + 1)
            filled(level, edge)
            hashed, level = edge.root, level + 1

    def load(self, size: int, partial: Iterable[bytes]) -> None:
        """Become the tree of `size` leaves, whose last size % 256 leaf hashes are `partial`.

        Reads at most 255 tiles of each level.
        """
        edges = [Tile(size // WIDTH, partial)]
        count = size // WIDTH  # full tiles of the level below
        while count:
            below = len(edges) - 1
            edge = Tile(count // WIDTH)
            for index in range(count - count % WIDTH, count):
                edge.add(self._fetch(below, index).root)
            edges.append(edge)
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
        return self._tile(tile_level, tile_index).levels[row][place]

    def _tile(self, level: int, index: int) -> Tile:
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
