"""Receipts: a COSE Receipt (RFC 9942) that proves runs of batches to be in the log.

The cloud makes them, a gateway verifies one before it frees anything, an auditor verifies it
again years later. The signature covers the root alone, so every receipt of one checkpoint
carries the same signature, and a verifier recomputes the root from its own batches. RFC 9942
leaves the size of the tree unsigned; here it is signed too, because a gateway repeats the
checkpoint it verified in its next batch, and nobody between may choose what it repeats.

    receipt = 18([<<{1: alg, 4: kid, 15: {1: origin, 6: iat}, 395: 1, -70002: size}>>,
                  {396: {-1: [<<[size, index, [hash, ...]]>>, ...]},
                   -70001: [[epoch, lo, hi], ...]},      one run for each proof, in order
                  null, signature])
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from evidence import cbor
from evidence.cose import SIGNATURE_BYTES, Signer, to_be_signed
from evidence.errors import WireError
from evidence.keys import PublicKey
from evidence.leaf import batch_leaf
from evidence.merkle import leaf_hash, root_from_inclusion

MAX_RECEIPT_BYTES = 65536
ID_BYTES = 8
PROOFS, INCLUSION, RUNS, SIZE = 396, -1, -70001, -70002
_VDS, _RFC9162_SHA256 = 395, 1
_HASH_HEAD = b"\x58\x20"
_START = b"\xd2\x84"
_END = b"\xf6\x58\x40"  # null payload, head of the signature
_UNPROTECTED_START = b"".join((b"\xa2", cbor.uint(PROOFS), b"\xa1", cbor.integer(INCLUSION)))

BatchHash = Callable[[bytes, int], bytes | None]
"""`batch_hash(epoch, seq)`: SHA-256 of the whole batch, None when it is not known."""


class Run(NamedTuple):
    """The batches lo..hi of an epoch, and the place of the leaf of `hi` in the tree."""

    epoch: bytes
    lo: int
    hi: int
    leaf_index: int
    path: Sequence[bytes]


class ProvenRun(NamedTuple):
    """The batches lo..hi of an epoch."""

    epoch: bytes
    lo: int
    hi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """What a receipt proved: its tree, when it was issued, and the runs in it."""

    size: int
    root: bytes
    iat_s: int
    runs: tuple[ProvenRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRoot:
    """A root signed once; makes any number of receipts by joining bytes."""

    size: int
    root: bytes
    iat_s: int
    protected: bytes
    signature: bytes

    def receipt(self, runs: Sequence[Run]) -> bytes:
        """Return the receipt of at least one run; the paths are of this tree."""
        size = cbor.uint(self.size)
        proofs = [_proof(size, run) for run in runs]
        return b"".join(
            (
                _START,
                cbor.byte_string(self.protected),
                _UNPROTECTED_START,
                cbor.head(cbor.ARRAY, len(runs)),
                *proofs,
                cbor.integer(RUNS),
                cbor.head(cbor.ARRAY, len(runs)),
                *(_run(run) for run in runs),
                _END,
                self.signature,
            )
        )


class ReceiptSigner:
    """Signs roots of the log `origin` with the log key."""

    def __init__(self, origin: str, signer: Signer) -> None:
        self._origin = origin
        self._signer = signer

    def checkpoint(self, size: int, root: bytes, iat_s: int) -> SignedRoot:
        """Return the signed root of the tree of `size` leaves; `iat_s` is Unix time."""
        key = (self._signer.alg, self._signer.kid)
        protected = _protected(key, self._origin, iat_s, size)
        return SignedRoot(
            size=size,
            root=root,
            iat_s=iat_s,
            protected=protected,
            signature=self._signer.sign(to_be_signed(protected, root)),
        )


def verify_receipt(
    data: bytes, log_key: PublicKey, origin: str, kid: bytes, batch_hash: BatchHash
) -> VerifiedReceipt:
    """Return what a receipt proves of the batches of the key `kid`.

    Args:
        data: the receipt.
        log_key: the pinned key of the log.
        origin: the pinned name of the log.
        kid: key id of the gateway whose batches are named.
        batch_hash: gives the hash of the last batch of each run, from the verifier's own copy.

    Raises:
        WireError: "signature" when the tree is not signed, "field" when a run is not in it or
            its last batch is unknown here, "profile" or a code of CBOR for other bytes.
    """
    protected, unprotected, signature = _parse(data)
    iat_s, size = _issued(protected, log_key, origin)
    runs, proofs = _runs_and_proofs(unprotected)
    root = b""
    for run, proof in zip(runs, proofs, strict=True):
        proven = _prove(run, proof, kid, batch_hash)
        if proven != (size, root or proven[1]):
            raise WireError("field", "the proofs of a receipt are of different trees")
        root = proven[1]
    if not log_key.verify(to_be_signed(protected, root), signature):
        raise WireError("signature", "signature of the receipt does not verify")
    return VerifiedReceipt(size=size, root=root, iat_s=iat_s, runs=runs)


def _proof(size: bytes, run: Run) -> bytes:
    head = b"".join(
        (b"\x83", size, cbor.uint(run.leaf_index), cbor.head(cbor.ARRAY, len(run.path)))
    )
    return cbor.byte_string(_HASH_HEAD.join((head, *run.path)))


def _run(run: Run) -> bytes:
    return b"\x83" + cbor.byte_string(run.epoch) + cbor.uint(run.lo) + cbor.uint(run.hi)


def _protected(key: tuple[int, bytes], origin: str, iat_s: int, size: int) -> bytes:
    alg, kid = key
    claims = {1: origin, 6: iat_s}
    return cbor.encode({1: alg, 4: kid, 15: claims, _VDS: _RFC9162_SHA256, SIZE: size})


def _parse(data: bytes) -> tuple[bytes, object, bytes]:
    match cbor.decode(data, max_bytes=MAX_RECEIPT_BYTES):
        case cbor.Tag(
            cbor.TAG_SIGN1,
            [bytes() as protected, {396: _, -70001: _, **rest} as headers, None, bytes() as s],
        ) if not rest and len(s) == SIGNATURE_BYTES:
            return protected, headers, s
        case _:
            raise WireError("profile", "not a receipt")


def _issued(protected: bytes, log_key: PublicKey, origin: str) -> tuple[int, int]:
    key = (log_key.alg, log_key.kid)
    match cbor.decode(protected, max_bytes=1024):
        case {15: {6: int() as iat_s}, -70002: int() as size} if _are_counts(
            iat_s, size
        ) and protected == _protected(key, origin, iat_s, size):
            return iat_s, size
        case _:
            raise WireError("profile", f"not a receipt of the log {origin!r} by its pinned key")


def _runs_and_proofs(headers: object) -> tuple[tuple[ProvenRun, ...], list[bytes]]:
    match headers:
        case {396: {-1: list() as proofs, **rest}, -70001: list() as runs} if (
            not rest and proofs and len(proofs) == len(runs)
        ):
            return tuple(map(_read_run, runs)), list(_only_bytes(proofs))
        case _:
            raise WireError("profile", "a receipt has one inclusion proof for each run")


def _only_bytes(items: Iterable[object]) -> Iterable[bytes]:
    for item in items:
        if not isinstance(item, bytes):
            raise WireError("profile", "a proof is not a byte string")
        yield item


def _read_run(item: object) -> ProvenRun:
    match item:
        case [bytes() as epoch, int() as lo, int() as hi] if (
            len(epoch) == ID_BYTES and _are_counts(lo, hi) and lo <= hi
        ):
            return ProvenRun(epoch, lo, hi)
        case _:
            raise WireError("profile", "a run is not [epoch, lo, hi]")


def _prove(
    run: ProvenRun, proof: bytes, kid: bytes, batch_hash: BatchHash
) -> tuple[int, bytes]:
    """Return the size and root of the tree that `proof` puts the run into."""
    match cbor.decode(proof):
        case [int() as size, int() as index, list() as path] if _are_counts(size, index):
            hashes = list(_only_bytes(path))
        case _:
            raise WireError("profile", "a proof is not [size, index, path]")
    known = batch_hash(run.epoch, run.hi)
    if known is None:
        raise WireError("field", f"batch {run.epoch.hex()}/{run.hi} is not known here")
    leaf = leaf_hash(batch_leaf((kid, run.epoch, run.hi, run.lo), known))
    return size, root_from_inclusion(leaf, index, size, hashes)


def _are_counts(*values: int) -> bool:
    # A boolean is an int of Python and no number of the wire.
    return all(type(value) is int and value >= 0 for value in values)


def claimed_origin(data: bytes) -> str:
    """Return the log that a receipt says it is of; nothing of it is verified.

    Raises:
        WireError: as `verify_receipt`, for what is no receipt.
    """
    match cbor.decode(_parse(data)[0], max_bytes=1024):
        case {15: {1: str() as origin}}:
            return origin
        case _:
            raise WireError("profile", "a receipt names its log")


def claimed_runs(data: bytes) -> tuple[ProvenRun, ...]:
    """Return the runs that a receipt says it proves; raises as `claimed_origin`."""
    return _runs_and_proofs(_parse(data)[1])[0]
