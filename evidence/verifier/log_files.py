"""Makes a log's tree again from its leaves and compares every file of it, byte by byte."""

from collections.abc import Callable, Iterable
from pathlib import Path

from evidence.checkpoint import Checkpoint
from evidence.merkle import leaf_hash, tree_root
from evidence.tile import Tile, TileTree
from evidence.tile_layout import ENTRIES, WIDTH, TileName, encode_bundle, partial_tiles
from evidence.verifier.report import Check, Place

NameOf = Callable[[Path], str]


class LogAudit:
    """The tree of one log, as its records make it.

    `files` are the tiles and bundles that are there. Whatever its width, a file must hold the
    first hashes or entries of its tile: those of a former checkpoint may have been left behind.
    """

    def __init__(
        self,
        files: dict[TileName, Path],
        checkpoint: Checkpoint | None,
        check: Check,
        name_of: NameOf,
    ) -> None:
        self._files: dict[tuple[int, int], list[TileName]] = {}
        for name in files:
            self._files.setdefault((name.level, name.index), []).append(name)
        self._paths = files
        self._checkpoint = checkpoint
        self._check = check
        self._name_of = name_of
        self._tree = TileTree(_never, _refusal)
        self._entries: list[bytes] = []
        self._given_up = False
        self.roots: dict[int, bytes] = {}
        self.watched: set[int] = {checkpoint.size} if checkpoint else set()

    @property
    def size(self) -> int:
        """Return the number of leaves so far."""
        return self._tree.size

    def add(self, leaf: bytes) -> None:
        """Take the next leaf."""
        if self._given_up:
            return
        self._entries.append(leaf)
        self._tree.extend((leaf_hash(leaf),), self._filled)
        if self._tree.size in self.watched:
            self.roots[self._tree.size] = tree_root(self._tree.size, self._tree.node)

    def give_up(self, record: int) -> None:
        """Compare nothing more: this record is lost, and with it every root after it."""
        if not self._given_up:
            self._given_up = True
            message = "nothing can be compared from here on: the record cannot be read"
            self._check.fail(message, Place(record=record))

    def finish(self) -> None:
        """Compare what is partial, and fail for what is missing or follows from no record."""
        if self._given_up:
            return
        if self._tree.size % WIDTH:
            self._compare(ENTRIES, self._tree.size // WIDTH, self._entries)
        for level, index in tuple(self._files):
            if level != ENTRIES and level in self._tree.levels:
                edge = self._tree.edge(level)
                if edge.index == index:
                    self._compare(level, index, edge.levels[0])
        for names in self._files.values():
            for name in names:
                self._fail(name, 0, f"no {self._tree.size} records make such a file")
        required = partial_tiles(self._checkpoint.size) if self._checkpoint else ()
        for name in required:
            if name not in self._paths:
                self._fail(name, 0, "missing, although the checkpoint asks for it")

    def _filled(self, level: int, tile: Tile) -> None:
        self._compare(level, tile.index, tile.levels[0])
        if level == 0:
            self._compare(ENTRIES, tile.index, self._entries)
            self._entries = []

    def _compare(self, level: int, index: int, parts: list[bytes]) -> None:
        names = self._files.pop((level, index), [])
        for name in names:
            self._check.examined += 1
            if name.width > len(parts):
                self._fail(name, 0, f"no {self._tree.size} records make such a file")
                continue
            held = parts[: name.width]
            right = encode_bundle(held) if level == ENTRIES else b"".join(held)
            self._compare_bytes(name, right)
        whole = TileName(level, index)
        covered = self._checkpoint is not None and whole.leaves <= self._checkpoint.size
        if covered and whole not in names:
            self._fail(whole, 0, "missing, although the checkpoint asks for it")

    def _compare_bytes(self, name: TileName, right: bytes) -> None:
        found = self._paths[name].read_bytes()
        if found != right:
            offset = first_difference(found, right)
            self._fail(name, offset, "not what the records make")

    def _fail(self, name: TileName, offset: int, message: str) -> None:
        path = self._paths.get(name)
        file = self._name_of(path) if path else f"log/{name.path}"
        self._check.fail(message, Place(file=file, offset=offset))


def first_difference(found: bytes, right: bytes) -> int:
    """Return the offset of the first byte that differs, or where the shorter one ends."""
    pairs: Iterable[tuple[int, int]] = zip(found, right, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(found), len(right)))


def _never(level: int, index: int) -> Tile:
    raise AssertionError(f"tile {level}/{index} is never fetched: only the edge is asked for")


def _refusal(level: int, index: int) -> Exception:
    return AssertionError(f"tile {level}/{index}")
