"""The transparency log on disk: tiles, entry bundles and the signed checkpoint.

The cloud's archive appends leaves and publishes checkpoints; whoever has the files can prove
anything about the log. The log is a projection of the archive's records: after a crash or a
restore it opens at its last checkpoint and must agree with the records, or it refuses.

Order on disk: full tiles are durable before the checkpoint that covers them; partial ones are
never read back by us, so they are written without a flush and written again at the start.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Self

from evidence.checkpoint import Checkpoint, open_note
from evidence.disk import (
    REAL_DISK,
    Disk,
    created,
    storage_error,
    sync_directory,
    temporary_path,
    write_all,
    write_file,
)
from evidence.errors import CorruptError, RestoredError, StorageFaultError, WireError
from evidence.keys import PublicKey
from evidence.merkle import (
    NodeReader,
    consistency_path,
    inclusion_path,
    leaf_hash,
    range_hash,
    tree_root,
)
from evidence.tile import Tile, TileTree
from evidence.tile_layout import (
    CHECKPOINT,
    ENTRIES,
    HEIGHT,
    MAX_ENTRY_BYTES,
    TILE_FOLDER,
    WIDTH,
    TileName,
    encode_bundle,
    parse_path,
    partial_tiles,
    split_hashes,
)

WRITE_AT_TILES = 64  # full tiles held in memory before they are written, published or not
KEEP_FOLDS = 256
KEEP_PATHS = 4096
COMPARE_LEAVES = 1 << 16  # under a second of reading records at every start

LeavesFrom = Callable[[int], Iterable[bytes]]
"""`leaves_from(first)` yields the leaves of all durable records from index `first` on."""


class TileLog:
    """See the module. One thread appends and publishes; any thread may ask for proofs."""

    def __init__(self, directory: Path, disk: Disk, scratch: Path | None) -> None:
        self._directory = directory
        self._disk = disk
        self._scratch = scratch
        self._log_keys: Mapping[str, PublicKey] = {}
        self._tree = TileTree(self._fetch, self._refusal)
        self._entries: list[bytes] = []  # of the bundle that is filled now
        self._full: dict[TileName, bytes] = {}  # not written yet
        self._folds: dict[tuple[int, int], bytes] = {}
        self._paths: dict[tuple[int, int], list[bytes]] = {}
        self._unsynced: set[Path] = set()
        self._broken = False
        self.checkpoint: Checkpoint | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        log_keys: Mapping[str, PublicKey],
        leaves_from: LeavesFrom,
        *,
        compare_leaves: int = COMPARE_LEAVES,
        disk: Disk = REAL_DISK,
        scratch: Path | None = None,
    ) -> Self:
        """Open or begin the log in `directory` and bring it up to the last durable record.

        Args:
            directory: the `log` folder of an archive; made if it is not there.
            log_keys: the pinned key of each origin that the checkpoint may have.
            leaves_from: reads the archive.
            compare_leaves: how many leaves under the checkpoint to recompute from records.
            disk: the seam for faults.
            scratch: see `evidence.disk.write_file`.

        Raises:
            RestoredError: the records do not reach the checkpoint, or are not those that it
                covers; nothing may be signed.
            CorruptError: the checkpoint or a full tile is not what was written.
            StorageFaultError, LogFullError: the disk refused.
        """
        log = cls(directory, disk, scratch)
        log._log_keys = log_keys
        try:
            directory.mkdir(parents=True, exist_ok=True)
            rest = log._load(leaves_from, compare_leaves)
            log._remove_strays()
            log._write_partials()
        except OSError as error:
            raise storage_error(error, directory) from error
        while leaves := list(islice(rest, WIDTH)):
            log.append(leaves)
        return log

    @property
    def size(self) -> int:
        """Return the number of leaves, published or not."""
        return self._tree.size

    @property
    def published_size(self) -> int:
        """Return the number of leaves under the last checkpoint, 0 when there is none."""
        return self.checkpoint.size if self.checkpoint else 0

    def append(self, entries: Sequence[bytes]) -> None:
        """Add leaves, in order; their records are durable already.

        Raises:
            ValueError: an entry is over 65535 bytes; nothing was added.
            StorageFaultError, LogFullError: full tiles could not be written yet; all the
                leaves were added, and the tiles are tried again.
        """
        longest = max(map(len, entries), default=0)
        if longest > MAX_ENTRY_BYTES:
            raise ValueError(f"an entry of {longest} bytes, at most {MAX_ENTRY_BYTES} fit")
        self._entries.extend(entries)
        self._tree.extend([leaf_hash(entry) for entry in entries], self._filled)
        if len(self._full) >= WRITE_AT_TILES:
            self._write_full()

    def root(self) -> bytes:
        """Return the root of all leaves."""
        return tree_root(self.size, self._tree.node)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree; raises CorruptError."""
        return self._tree.node(level, index)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the path of leaf `index` in the tree of `size` leaves; raises CorruptError."""
        tile, place = divmod(index, WIDTH)
        if index < 0 or (tile + 1) * WIDTH > size:
            return inclusion_path(index, size, self._tree.node, self._right_edge)
        return self._tree.tile(0, tile).path(place) + self._above(tile, size)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of `new` leaves extends that of `old`."""
        return consistency_path(old, new, self._tree.node)

    def publish(self, note: bytes) -> None:
        """Make `note`, the signed checkpoint of all leaves, the log's durable checkpoint.

        Raises:
            WireError: the note does not verify.
            ValueError: it is not the checkpoint of this tree.
            LogFullError: the former checkpoint still stands; try again.
            StorageFaultError: as above, but open the log again first.
        """
        if self._broken:
            raise StorageFaultError(f"a flush in {self._directory} failed; open it again")
        checkpoint = open_note(note, self._log_keys)
        if (checkpoint.size, checkpoint.root) != (self.size, self.root()):
            raise ValueError(f"not the checkpoint of this tree of {self.size} leaves")
        before = set(partial_tiles(self.published_size))
        self._write_full()
        try:
            self._sync_full()
            self._write_partials()
        except OSError as error:
            raise storage_error(error, self._directory) from error
        path = self._directory / CHECKPOINT
        write_file(path, note, disk=self._disk, scratch=self._scratch)
        self.checkpoint = checkpoint
        for name in before - set(partial_tiles(self.size)):
            self._forget(self._directory / name.path)

    # -- opening

    def _load(self, leaves_from: LeavesFrom, compare_leaves: int) -> Iterator[bytes]:
        """Become the tree of the checkpoint and return the leaves that it does not cover."""
        path = self._directory / CHECKPOINT
        if not path.exists():
            return iter(leaves_from(0))
        try:
            checkpoint = open_note(path.read_bytes(), self._log_keys)
        except WireError as error:
            raise CorruptError(path, 0, str(error)) from error
        whole = checkpoint.size // WIDTH
        first = max(0, whole - -(-compare_leaves // WIDTH))
        leaves = iter(leaves_from(first * WIDTH))
        for index in range(first, whole):
            hashes = [leaf_hash(leaf) for leaf in islice(leaves, WIDTH)]
            if hashes != self._fetch(0, index).levels[0]:
                raise _restored(index * WIDTH, len(hashes), checkpoint)
        self._entries = list(islice(leaves, checkpoint.size % WIDTH))
        self._tree.load(
            whole * WIDTH + len(self._entries), [leaf_hash(entry) for entry in self._entries]
        )
        if self.root() != checkpoint.root:
            raise _restored(whole * WIDTH, len(self._entries), checkpoint)
        self.checkpoint = checkpoint
        return leaves

    def _remove_strays(self) -> None:
        """Remove what a crash left: partial tiles of other sizes, tiles beyond the size."""
        current = {name.path for name in partial_tiles(self.size)}
        for folder, _, files in os.walk(self._directory / TILE_FOLDER, topdown=False):
            for file in files:
                path = Path(folder, file)
                relative = path.relative_to(self._directory).as_posix()
                name = parse_path(relative)
                full = name is not None and name.width == WIDTH and name.leaves <= self.size
                if not full and relative not in current:
                    self._forget(path)

    # -- writing

    def _filled(self, level: int, tile: Tile) -> None:
        self._full[TileName(level, tile.index)] = tile.data
        if level == 0:
            bundle = encode_bundle(self._entries[:WIDTH])
            self._full[TileName(ENTRIES, tile.index)] = bundle
            del self._entries[:WIDTH]

    def _write_full(self) -> None:
        try:
            for name in tuple(self._full):
                self._unsynced.add(self._put(name, self._full[name]))
                del self._full[name]
        except OSError as error:
            raise storage_error(error, self._directory) from error

    def _sync_full(self) -> None:
        folders: set[Path] = set()
        # A failed flush is never tried again on the same file: only `open` leads on.
        self._broken = True
        for path in self._unsynced:
            _sync_file(self._disk, path)
            folders.update(path.relative_to(self._directory).parents)
        for folder in folders:
            sync_directory(self._disk, self._directory / folder)
        self._unsynced.clear()
        self._broken = False

    def _write_partials(self) -> None:
        for name in partial_tiles(self.size):
            if name.level == ENTRIES:
                self._put(name, encode_bundle(self._entries))
            else:
                self._put(name, self._tree.edge(name.level).data)

    def _put(self, name: TileName, data: bytes) -> Path:
        path = self._directory / name.path
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(path, self._scratch)
        try:
            with created(self._disk, temporary) as fd:
                write_all(self._disk, fd, data, 0)
            self._disk.rename(temporary, path)
        except OSError:
            with suppress(OSError):
                self._disk.unlink(temporary)
            raise
        return path

    def _forget(self, path: Path) -> None:
        with suppress(OSError):
            self._disk.unlink(path)
            path.parent.rmdir()  # fails while something else is in it

    # -- reading

    def _right_edge(self, begin: int, end: int, node: NodeReader) -> bytes:
        """Return `range_hash`, remembered: all receipts of a checkpoint share these few."""
        known = self._folds.get((begin, end))
        if known is None:
            if len(self._folds) >= KEEP_FOLDS:
                self._folds = {}
            known = self._folds[begin, end] = range_hash(begin, end, node)
        return known

    def _above(self, tile: int, size: int) -> list[bytes]:
        """Return how the audit paths of all leaves of a full tile go on, remembered too."""
        known = self._paths.get((tile, size))
        if known is None:
            path = inclusion_path(tile * WIDTH, size, self._tree.node, self._right_edge)
            if len(self._paths) >= KEEP_PATHS:
                self._paths = {}
            known = self._paths[tile, size] = path[HEIGHT:]
        return known

    def _fetch(self, level: int, index: int) -> Tile:
        name = TileName(level, index)
        path = self._directory / name.path
        try:
            hashes = split_hashes(self._full.get(name) or path.read_bytes())
        except (OSError, WireError) as error:
            raise CorruptError(path, 0, str(error)) from error
        if len(hashes) != WIDTH:
            raise CorruptError(path, 0, f"a full tile with {len(hashes)} hashes")
        return Tile(index, hashes)

    def _refusal(self, level: int, index: int) -> CorruptError:
        path = self._directory / TileName(level, index).path
        return CorruptError(path, 0, "the tile does not fit the tree above it")


def _restored(first: int, count: int, checkpoint: Checkpoint) -> RestoredError:
    return RestoredError(
        f"the checkpoint of {checkpoint.origin} covers {checkpoint.size} records; those from "
        f"{first} to {first + count - 1} are not the ones it covers, or there are no more"
    )


def _sync_file(disk: Disk, path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        disk.fsync(fd)
    finally:
        os.close(fd)
