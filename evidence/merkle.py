"""The Merkle tree of RFC 6962 (SHA-256): roots, and proofs of inclusion and consistency.

Pure. Used by the log (`evidence.tiles`), by receipts and by every verifier. Proofs are made
from the hashes of complete subtrees, `node(level, index)` = hash of the leaves
[index * 2^level, (index + 1) * 2^level), so they need no memory in proportion to the tree.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256

from evidence.errors import WireError

HASH_BYTES = 32
MAX_PATH = 64
"""No path is longer: a tree has fewer than 2^64 leaves."""
EMPTY_ROOT = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
EdgeReader = Callable[[int, int, NodeReader], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The root of a tree that only grows, in O(log size) memory."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []  # of the complete subtrees, largest first

    def append(self, hashed_leaf: bytes) -> None:
        """Add the next leaf's hash."""
        peaks, size = self._peaks, self.size
        while size & 1:
            hashed_leaf = node_hash(peaks.pop(), hashed_leaf)
            size >>= 1
        peaks.append(hashed_leaf)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        return fold(self._peaks)


def fold(peaks: Sequence[bytes]) -> bytes:
    """Return the hash over complete subtrees of falling size, as the right edge of a tree."""
    if not peaks:
        return EMPTY_ROOT
    *rest, root = peaks
    for peak in reversed(rest):
        root = node_hash(peak, root)
    return root


def range_hash(begin: int, end: int, node: NodeReader) -> bytes:
    """Return the hash of the leaves [begin, end), a subtree of some tree.

    `begin` is a multiple of the smallest power of two that is not less than `end - begin`.
    """
    peaks = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(node(level, begin >> level))
        begin += 1 << level
    return fold(peaks)


def tree_root(size: int, node: NodeReader) -> bytes:
    """Return the root of the first `size` leaves."""
    return range_hash(0, size, node)


def inclusion_path(
    index: int, size: int, node: NodeReader, edge: EdgeReader = range_hash
) -> list[bytes]:
    """Return the audit path of leaf `index` in the tree of `size` leaves, leaf end first.

    Args:
        index: of the leaf.
        size: of the tree.
        node: gives the complete subtrees.
        edge: `range_hash`, or what remembers its results; asked once at most.

    Raises:
        ValueError: there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    path, level = [], 0
    while 1 << level < size:
        sibling = index >> level ^ 1
        begin = sibling << level
        if begin + (1 << level) <= size:
            path.append(node(level, sibling))
        elif begin < size:
            path.append(edge(begin, size, node))
        level += 1
    return path


def consistency_path(old: int, new: int, node: NodeReader) -> list[bytes]:
    """Return the proof that the tree of `new` leaves extends that of `old`.

    Raises:
        ValueError: not 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError(f"no consistency proof from {old} to {new}")
    path, begin, end, whole = [], 0, new, True
    while old != end:
        middle = begin + _left_size(end - begin)
        if old <= middle:
            path.append(range_hash(middle, end, node))
            end = middle
        else:
            path.append(range_hash(begin, middle, node))
            begin, whole = middle, False
    if not whole:
        path.append(range_hash(begin, end, node))
    path.reverse()
    return path


def root_from_inclusion(
    hashed_leaf: bytes, index: int, size: int, path: Sequence[bytes]
) -> bytes:
    """Return the root that a path implies.

    Raises:
        WireError: "field" when the path cannot belong to such a leaf and size.
    """
    _check_path(path)
    if not 0 <= index < size < 1 << 64:
        raise WireError("field", f"no leaf {index} in a tree of {size}")
    last, root = size - 1, hashed_leaf
    for sibling in path:
        if last == 0:
            raise WireError("field", "inclusion path is too long")
        if index & 1 or index == last:
            root = node_hash(sibling, root)
            # On the right edge, levels without a sibling are passed over.
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise WireError("field", "inclusion path is too short")
    return root


def verify_inclusion(
    hashed_leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Return when the path proves the leaf under `root`.

    Raises:
        WireError: "field" when it does not.
    """
    if root_from_inclusion(hashed_leaf, index, size, path) != root:
        raise WireError("field", f"leaf {index} is not in the tree of {size} with this root")


def verify_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Return when the path proves that the tree `new` extends the tree `old`.

    Raises:
        WireError: "field" when it does not, or when `old` is 0 (an empty tree proves nothing).
    """
    _check_path(path)
    if not 0 < old <= new < 1 << 64:
        raise WireError("field", f"no consistency proof from {old} to {new}")
    if old == new:
        if path or old_root != new_root:
            raise WireError("field", f"two different trees of {old} leaves")
        return
    if _roots_of_consistency(old, new, path, old_root) != (old_root, new_root):
        raise WireError("field", f"the tree of {new} does not extend the tree of {old}")


def _roots_of_consistency(
    old: int, new: int, path: Sequence[bytes], old_root: bytes
) -> tuple[bytes, bytes]:
    """Return both roots that the path implies (RFC 9162 section 2.1.4.2)."""
    siblings = list(path)
    if old & (old - 1) == 0:
        siblings.insert(0, old_root)
    if not siblings:
        raise WireError("field", "consistency path is too short")
    index, last = old - 1, new - 1
    while index & 1:
        index, last = index >> 1, last >> 1
    first = second = siblings[0]
    for sibling in siblings[1:]:
        if last == 0:
            raise WireError("field", "consistency path is too long")
        if index & 1 or index == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        index, last = index >> 1, last >> 1
    if last:
        raise WireError("field", "consistency path is too short")
    return first, second


def _left_size(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def _check_path(path: Sequence[bytes]) -> None:
    if len(path) > MAX_PATH or any(len(hashed) != HASH_BYTES for hashed in path):
        raise WireError("field", f"a path is at most {MAX_PATH} hashes of {HASH_BYTES} bytes")
