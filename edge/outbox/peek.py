"""Reads who signed a batch and where it stands in its chain, without decoding its columns."""

from evidence import cbor, cose
from evidence.errors import WireError

_EPOCH_HEAD = b"\x01\x48"  # body key 1, a byte string of 8
_EPOCH_END = 11


def chain_place(batch: bytes) -> tuple[bytes, int]:
    """Return (epoch, seq) of a signed batch of this gateway; nothing is verified.

    Raises:
        WireError: these bytes are not a batch.
    """
    payload = cose.parse1(batch).payload
    if payload[1:3] != _EPOCH_HEAD or payload[_EPOCH_END : _EPOCH_END + 1] != b"\x02":
        raise WireError("field", "no batch: the body does not begin with epoch and seq")
    seq, _ = cbor.decode_at(payload, _EPOCH_END + 1)
    if not isinstance(seq, int) or seq < 0:
        raise WireError("field", "no batch: seq is not a number")
    return payload[3:_EPOCH_END], seq


def signing_kid(batch: bytes) -> bytes:
    """Return the id of the key that a batch names in its header; nothing is verified.

    Raises:
        WireError: these bytes are not a batch.
    """
    return cose.read_header(cose.parse1(batch).protected).kid
