"""One record of the archive: what came in or was done, when, and by which way.

Used by the cloud's archive, its projections and the verifier. A record's position in the
archive is its position in the transparency log; `leaf_of` gives the leaf.

    record = [index, kind, recv_ms, via, bytes, extra]     deterministic CBOR
"""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from evidence import cbor
from evidence.errors import WireError
from evidence.leaf import SALT_BYTES, batch_leaf, genesis_leaf, salted_leaf
from evidence.segment import MAX_RECORD_BYTES

_START = b"\x86"  # an array of six
VIAS = frozenset({"https", "mqtt", "card", "local"})


class RecordKind(IntEnum):
    """What a record is; a number unknown here is archived and hashed like the others."""

    GENESIS = 0
    BATCH = 1
    KEY = 2
    AUDIT = 3
    ALARM = 4
    DELIVERY = 5
    BACKUP = 6
    ECHOED_HEAD = 7
    TOMBSTONE = 8
    LOG_END = 9
    FINDING = 10


@dataclass(frozen=True, slots=True)
class Record:
    """A record as it is archived.

    Attributes:
        index: position in the archive and in the log.
        kind: a `RecordKind`, or a number of a later version.
        recv_ms: wall clock of the server when it took the record.
        via: one of `VIAS`.
        data: the batch as it was signed, or the object.
        extra: (kid, epoch, seq, lo) of a batch, () of the genesis, else (salt,).
    """

    index: int
    kind: int
    recv_ms: int
    via: str
    data: bytes
    extra: tuple[bytes | int, ...]


def batch_record(
    index: int, recv_ms: int, via: str, data: bytes, run: tuple[bytes, bytes, int, int]
) -> Record:
    """Return the record of a batch; `run` as in `evidence.leaf.batch_leaf`."""
    return Record(index, RecordKind.BATCH, recv_ms, via, data, run)


def genesis_record(origin: str, recv_ms: int) -> Record:
    """Return the record that opens the archive of the log `origin`."""
    return Record(0, RecordKind.GENESIS, recv_ms, "local", origin.encode(), ())


def encode_record(record: Record) -> bytes:
    """Return the bytes of a record."""
    return b"".join(
        (
            _START,
            cbor.uint(record.index),
            cbor.uint(record.kind),
            cbor.uint(record.recv_ms),
            cbor.encode(record.via),
            cbor.byte_string(record.data),
            cbor.encode(record.extra),
        )
    )


def decode_record(data: bytes) -> Record:
    """Return the record that `data` is.

    Raises:
        WireError: it is not one, to the letter.
    """
    if len(data) > MAX_RECORD_BYTES or data[:1] != _START:
        raise WireError("field", "not [index, kind, recv_ms, via, bytes, extra]")
    index, at = _read_uint(data, 1)
    kind, at = _read_uint(data, at)
    recv_ms, at = _read_uint(data, at)
    via, at = cbor.decode_at(data, at, max_depth=0)
    content, at = cbor.read_bytes(data, at)
    if not isinstance(via, str) or via not in VIAS:
        raise WireError("field", "via is none of the known ways")
    extra, end = _read_run(data, at) if kind == RecordKind.BATCH else _read_extra(data, at)
    if end != len(data):
        raise WireError("field", "bytes follow the record")
    record = Record(index, kind, recv_ms, via, content, extra)
    if kind != RecordKind.BATCH:
        _check(record)
    return record


def _read_run(data: bytes, at: int) -> tuple[tuple[bytes, bytes, int, int], int]:
    """Return (kid, epoch, seq, lo), which most records end with."""
    if data[at : at + 2] != b"\x84\x48" or data[at + 10 : at + 11] != b"\x48":
        raise WireError("field", "extra does not fit the record of a batch")
    kid, epoch = data[at + 2 : at + 10], data[at + 11 : at + 19]
    seq, at = _read_uint(data, at + 19)
    lo, at = _read_uint(data, at)
    if lo > seq:
        raise WireError("field", "the run of a batch ends before it begins")
    return (kid, epoch, seq, lo), at


def _read_extra(data: bytes, at: int) -> tuple[tuple[bytes | int, ...], int]:
    extra, end = cbor.decode_at(data, at, max_depth=1)
    if not isinstance(extra, list):
        raise WireError("field", "extra is no list")
    return tuple(extra), end


def _read_uint(data: bytes, at: int) -> tuple[int, int]:
    major, number, end = cbor.read_head(data, at)
    if major != cbor.UINT:
        raise WireError("field", f"expected an unsigned integer at {at}")
    return number, end


def leaf_of(record: Record) -> bytes:
    """Return the log leaf of a record.

    Raises:
        WireError: "field" when `extra` or the content is not what the kind asks for.
    """
    match record.extra:
        case (bytes() as kid, bytes() as epoch, int() as seq, int() as lo) if (
            record.kind == RecordKind.BATCH
        ):
            return batch_leaf((kid, epoch, seq, lo), sha256(record.data).digest())
        case () if record.kind == RecordKind.GENESIS:
            return genesis_leaf(_origin(record.data))
        case (bytes() as salt,) if record.kind > RecordKind.BATCH:
            return salted_leaf(record.kind, salt, record.data)
        case _:
            raise WireError("field", f"extra does not fit a record of kind {record.kind}")


def run_of(record: Record) -> tuple[bytes, bytes, int, int]:
    """Return (kid, epoch, seq, lo) of a batch; raises WireError for another record."""
    match record.extra:
        case (bytes() as kid, bytes() as epoch, int() as seq, int() as lo):
            return kid, epoch, seq, lo
        case _:
            raise WireError("field", "not the record of a batch")


def _origin(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise WireError("field", "the origin is not UTF-8") from None


def _check(record: Record) -> None:
    """Raise WireError when `extra` or the content of another record than a batch is wrong."""
    match record.extra:
        case () if record.kind == RecordKind.GENESIS:
            _origin(record.data)
            fits = record.index == 0
        case (bytes() as salt,) if record.kind > RecordKind.BATCH:
            fits = len(salt) == SALT_BYTES
        case _:
            fits = False
    if not fits:
        raise WireError("field", f"extra does not fit a record of kind {record.kind}")
