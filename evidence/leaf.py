"""The bytes of a transparency log's leaves (SPEC.md section 8.1).

Pure. A batch's leaf can be made from the batch and the position of its run alone; whatever
else is archived appears only as a salted hash, so that nothing personal is in what cannot be
deleted.
"""

from hashlib import sha256

from evidence import cbor

GENESIS = 0
BATCH = 1
SALT_BYTES = 16


def genesis_leaf(origin: str) -> bytes:
    """Return the first leaf of the log `origin`: no receipt is ever of a tree of one leaf."""
    return cbor.encode([GENESIS, origin])


def batch_leaf(run: tuple[bytes, bytes, int, int], batch_sha256: bytes) -> bytes:
    """Return the leaf of a batch.

    Args:
        run: key id (8 bytes), epoch (8 bytes), seq, and `lo`: the first seq of the unbroken
            run of this epoch that the log holds up to and with this batch. A proof of this
            leaf therefore proves all of lo..seq, which the chain of hashes binds.
        batch_sha256: of the whole signed batch.
    """
    kid, epoch, seq, lo = run
    return b"".join(
        (
            b"\x86\x01",
            cbor.byte_string(kid),
            cbor.byte_string(epoch),
            cbor.uint(seq),
            cbor.uint(lo),
            cbor.byte_string(batch_sha256),
        )
    )


def salted_leaf(kind: int, salt: bytes, content: bytes) -> bytes:
    """Return the leaf of any other record."""
    return cbor.encode([kind, sha256(salt + content).digest()])
