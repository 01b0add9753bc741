"""A small durable value in a file of its own: how far a reader of a log has come.

Two slots of 512 bytes take turns, so a torn write costs the newest value, never the value.
A lost cursor costs duplicates, which the other end drops; therefore damage is no error here,
but `damaged` says so, and the verifier fails it.

    slot = magic 4 | generation u64 | length u16 | zero u16 | blob, zero-filled | crc32 u32
"""

import os
import struct
from pathlib import Path
from typing import Self
from zlib import crc32

from evidence.disk import REAL_DISK, Disk, storage_error, write_all, write_file
from evidence.errors import StorageFaultError

SLOT_BYTES = 512
FILE_BYTES = 2 * SLOT_BYTES
_MAGIC = b"CWCU"
_HEAD = struct.Struct("<4sQHH")
_CRC = struct.Struct("<I")
MAX_BLOB_BYTES = SLOT_BYTES - _HEAD.size - _CRC.size


def encode_slot(generation: int, blob: bytes) -> bytes:
    """Return a slot of 512 bytes; raises ValueError for a blob over MAX_BLOB_BYTES."""
    if len(blob) > MAX_BLOB_BYTES:
        raise ValueError(f"a cursor of {len(blob)} bytes, at most {MAX_BLOB_BYTES} fit")
    body = _HEAD.pack(_MAGIC, generation, len(blob), 0) + blob.ljust(MAX_BLOB_BYTES, b"\0")
    return body + _CRC.pack(crc32(body))


def decode_slot(slot: bytes) -> tuple[int, bytes] | None:
    """Return (generation, blob), or None when any of the bytes is wrong."""
    if len(slot) != SLOT_BYTES or _CRC.unpack(slot[-4:])[0] != crc32(slot[:-4]):
        return None
    magic, generation, length, zero = _HEAD.unpack_from(slot)
    if magic != _MAGIC or zero or length > MAX_BLOB_BYTES:
        return None
    return generation, slot[_HEAD.size : _HEAD.size + length]


def read_slots(data: bytes) -> tuple[tuple[int, bytes] | None, bool]:
    """Return the newest (generation, blob) of a cursor file, and whether all of it is right."""
    slots = [data[:SLOT_BYTES], data[SLOT_BYTES:]]
    known = [decode_slot(slot) for slot in slots]
    sound = len(data) == FILE_BYTES and all(
        value is not None or slot == bytes(SLOT_BYTES)
        for slot, value in zip(slots, known, strict=True)
    )
    newest = max((value for value in known if value is not None), default=None)
    return newest, sound


class CursorFile:
    """See the module. One owner; `store` is one flush."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path = path
        self._disk = disk
        self._fd = -1
        self._generation = 0
        self._blob: bytes | None = None
        self.damaged = False

    @classmethod
    def open(cls, path: Path, *, disk: Disk = REAL_DISK) -> Self:
        """Open the cursor at `path`, made empty if it is not there.

        Raises:
            LogFullError: no room to make it.
            StorageFaultError: the disk refused.
        """
        cursor = cls(path, disk)
        if not path.exists():
            write_file(path, bytes(FILE_BYTES), disk=disk)
        try:
            newest, sound = read_slots(path.read_bytes())
            cursor._fd = disk.open(path, os.O_RDWR)
        except OSError as error:
            raise storage_error(error, path) from error
        cursor.damaged = not sound
        if newest is not None:
            cursor._generation, cursor._blob = newest
        return cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self) -> bytes | None:
        """Return what was stored last, None when nothing was."""
        return self._blob

    def store(self, blob: bytes) -> None:
        """Make `blob` the durable value.

        Raises:
            StorageFaultError: the old or the new value holds; the next call makes a new file.
            LogFullError: as above, for want of room.
        """
        generation = self._generation + 1
        slot = encode_slot(generation, blob)
        if self._fd < 0:
            self._replace(generation, slot)
        else:
            self._overwrite(generation, slot)
        self._generation, self._blob = generation, blob

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _overwrite(self, generation: int, slot: bytes) -> None:
        try:
            write_all(self._disk, self._fd, slot, generation % 2 * SLOT_BYTES)
            self._disk.fdatasync(self._fd)
        except OSError as error:
            # A failed flush is never tried again on the same file: the next makes a new one.
            self.close()
            raise StorageFaultError(f"cursor {self._path}: {error}") from error

    def _replace(self, generation: int, slot: bytes) -> None:
        empty = bytes(SLOT_BYTES)
        data = empty + slot if generation % 2 else slot + empty
        write_file(self._path, data, disk=self._disk)
        self._fd = self._disk.open(self._path, os.O_RDWR)
