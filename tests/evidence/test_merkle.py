"""The Merkle tree against RFC 6962, a naive tree and another implementation."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
import scitt_cose
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import WireError
from evidence.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    tree_root,
    verify_consistency,
    verify_inclusion,
)

# The entries and roots of the certificate transparency reference implementations.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962 section 2.1, to the letter."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


class Tree:
    """All nodes in memory."""

    def __init__(self, size: int) -> None:
        self.leaves = [b"leaf %d" % n for n in range(size)]
        self.levels = [[leaf_hash(leaf) for leaf in self.leaves]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            pairs = zip(below[::2], below[1::2], strict=False)
            self.levels.append([node_hash(a, b) for a, b in pairs])

    def node(self, level: int, index: int) -> bytes:
        return self.levels[level][index]

    def root(self, size: int) -> bytes:
        return naive_root(self.leaves[:size])


def frontier_of(leaves: Sequence[bytes]) -> Frontier:
    frontier = Frontier()
    for leaf in leaves:
        frontier.append(leaf_hash(leaf))
    return frontier


def test_roots_are_those_of_the_reference() -> None:
    assert EMPTY_ROOT.hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    for size, root in enumerate(ROOTS, 1):
        assert frontier_of(ENTRIES[:size]).root().hex() == root


@given(st.integers(0, 300))
def test_the_frontier_and_the_nodes_give_the_naive_root(size: int) -> None:
    tree = Tree(size)
    frontier = frontier_of(tree.leaves)
    assert frontier.size == size
    assert frontier.root() == tree_root(size, tree.node) == tree.root(size)


@given(st.data())
def test_every_leaf_is_provable_and_no_other_bytes_are(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    tree = Tree(size)
    path = inclusion_path(index, size, tree.node)
    hashed, root = tree.levels[0][index], tree.root(size)
    verify_inclusion(hashed, index, size, path, root)
    entries = [leaf.hex() for leaf in tree.leaves]
    assert scitt_cose.inclusion_proof(entries, index) == [step.hex() for step in path]
    with pytest.raises(WireError):
        verify_inclusion(leaf_hash(b"other"), index, size, path, root)
    with pytest.raises(WireError):
        verify_inclusion(hashed, index, size, [*path, root], root)
    for n in range(len(path)):
        with pytest.raises(WireError):
            verify_inclusion(hashed, index, size, path[:n] + path[n + 1 :], root)


@given(st.integers(1, 40), st.data())
def test_a_proof_holds_for_its_own_index_only(size: int, data: st.DataObject) -> None:
    tree = Tree(size)
    index, claimed = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    path = inclusion_path(index, size, tree.node)
    if claimed != index:
        with pytest.raises(WireError):
            verify_inclusion(tree.levels[0][index], claimed, size, path, tree.root(size))


@given(st.data())
def test_a_tree_extends_its_own_past_and_no_other(data: st.DataObject) -> None:
    new = data.draw(st.integers(1, 200))
    old = data.draw(st.integers(1, new))
    tree = Tree(new)
    path = consistency_path(old, new, tree.node)
    old_root, new_root = tree.root(old), tree.root(new)
    verify_consistency(old, new, path, old_root, new_root)
    assert scitt_cose.verify_consistency(
        old_root.hex(), new_root.hex(), old, new, [step.hex() for step in path]
    )
    for wrong in (
        (old, new, path, leaf_hash(b""), new_root),
        (old, new, path, old_root, leaf_hash(b"")),
        (old, new, [*path, new_root], old_root, new_root),
        (old, new, path[:-1], old_root, new_root) if path else (0, new, [], b"", new_root),
    ):
        with pytest.raises(WireError):
            verify_consistency(*wrong)


@given(
    st.integers(-1, 2**65),
    st.integers(-1, 2**65),
    st.lists(st.binary(min_size=31, max_size=32), max_size=70),
)
def test_any_path_is_judged_without_another_exception(
    index: int, size: int, path: list[bytes]
) -> None:
    for judge in (
        lambda: verify_inclusion(bytes(32), index, size, path, bytes(32)),
        lambda: verify_consistency(index, size, path, bytes(32), bytes([1]) * 32),
    ):
        with pytest.raises(WireError):
            judge()


def test_a_path_in_a_tree_of_ten_million_needs_few_nodes() -> None:
    asked: list[tuple[int, int]] = []

    def node(level: int, index: int) -> bytes:
        asked.append((level, index))
        return sha256(b"%d %d" % (level, index)).digest()

    size = 10_000_019
    path = inclusion_path(1_234_567, size, node)
    assert len(path) == 24
    assert len(asked) <= 2 * 24
    root = root_from_inclusion(node(0, 1_234_567), 1_234_567, size, path)
    assert len(root) == 32


def test_what_is_not_in_the_tree_has_no_path() -> None:
    tree = Tree(3)
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_path(3, 3, tree.node)
    with pytest.raises(ValueError, match="no consistency"):
        consistency_path(0, 3, tree.node)
