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

ID_BYTES = 8
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
            b"\x86",
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
    match cbor.decode(data, max_bytes=MAX_RECORD_BYTES, max_depth=2):
        case [
            int() as index,
            int() as kind,
            int() as recv_ms,
            str() as via,
            bytes() as content,
            list() as extra,
        ] if _are_counts(index, kind, recv_ms) and via in VIAS:
            record = Record(index, kind, recv_ms, via, content, tuple(extra))
        case _:
            raise WireError("field", "not [index, kind, recv_ms, via, bytes, extra]")
    _check(record)
    return record


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
    match record.extra:
        case (bytes() as kid, bytes() as epoch, int() as seq, int() as lo) if (
            record.kind == RecordKind.BATCH
        ):
            fits = len(kid) == len(epoch) == ID_BYTES and _are_counts(lo, seq) and lo <= seq
        case () if record.kind == RecordKind.GENESIS:
            _origin(record.data)
            fits = record.index == 0
        case (bytes() as salt,) if record.kind > RecordKind.BATCH:
            fits = len(salt) == SALT_BYTES
        case _:
            fits = False
    if not fits:
        raise WireError("field", f"extra does not fit a record of kind {record.kind}")


def _are_counts(*values: int) -> bool:
    # A boolean is an int of Python and no number of the wire.
    return all(type(value) is int and value >= 0 for value in values)
