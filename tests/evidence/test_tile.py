"""Tiles in memory: the nodes of the naive tree, however the leaves arrive."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import CorruptError
from evidence.merkle import leaf_hash, node_hash, tree_root
from evidence.tile import KEEP_TILES, Tile, TileTree


class Store:
    """Keeps the full tiles that a tree fills, and gives them back."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], list[bytes]] = {}
        self.fetched = 0

    def filled(self, level: int, tile: Tile) -> None:
        assert (level, tile.index) not in self.tiles
        self.tiles[level, tile.index] = list(tile.levels[0])

    def fetch(self, level: int, index: int) -> Tile:
        self.fetched += 1
        return Tile(index, self.tiles[level, index])


def tree_of(store: Store) -> TileTree:
    return TileTree(store.fetch, refusal)


def refusal(level: int, index: int) -> CorruptError:
    return CorruptError(Path(f"{level}/{index}"), 0, "does not fit")


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % n) for n in range(count)]


def naive_node(leaves: list[bytes], level: int, index: int) -> bytes:
    row = leaves[index << level : (index + 1) << level]
    while len(row) > 1:
        row = [node_hash(a, b) for a, b in zip(row[::2], row[1::2], strict=True)]
    return row[0]


LEAVES = hashes(70_000)


@given(st.lists(st.integers(0, 700), max_size=12), st.data())
def test_leaves_may_arrive_in_groups_of_any_size(
    groups: list[int], data: st.DataObject
) -> None:
    store = Store()
    tree = tree_of(store)
    for size in groups:
        tree.extend(LEAVES[tree.size : tree.size + size], store.filled)
    assert tree.size == sum(groups)
    assert len([1 for level, _ in store.tiles if level == 0]) == tree.size // 256
    level = data.draw(st.integers(0, 12))
    complete = tree.size >> level
    if complete:
        index = data.draw(st.integers(0, complete - 1))
        assert tree.node(level, index) == naive_node(LEAVES, level, index)


def test_a_tree_is_loaded_as_it_was_left() -> None:
    store = Store()
    tree = tree_of(store)
    tree.extend(LEAVES, store.filled)
    assert (2, 0) not in store.tiles
    assert len(store.tiles) == 273 + 1
    again = tree_of(store)
    again.load(len(LEAVES), LEAVES[len(LEAVES) - len(LEAVES) % 256 :])
    assert again.size == len(LEAVES)
    assert tree_root(again.size, again.node) == tree_root(tree.size, tree.node)
    more = hashes(1000)
    tree.extend(more, lambda *_: None)
    again.extend(more, lambda *_: None)
    assert tree_root(again.size, again.node) == tree_root(tree.size, tree.node)


def test_memory_holds_few_tiles_and_old_ones_are_fetched_once() -> None:
    store = Store()
    tree = tree_of(store)
    tree.extend(LEAVES, store.filled)
    assert tree.node(0, 0) == LEAVES[0]
    assert store.fetched == 1
    assert tree.node(3, 31) == naive_node(LEAVES, 3, 31)
    assert store.fetched == 1
    for index in range(273):
        tree.node(0, index * 256)
        assert len(tree._kept) <= KEEP_TILES
    fetched = store.fetched
    tree.node(0, 272 * 256)
    assert store.fetched == fetched


def test_a_tile_that_does_not_fit_the_tree_above_is_refused() -> None:
    store = Store()
    tree = tree_of(store)
    tree.extend(LEAVES, store.filled)
    store.tiles[0, 0][7] = bytes(32)
    with pytest.raises(CorruptError):
        tree.node(0, 3)
