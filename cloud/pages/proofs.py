"""The proof of one reading: gathers what proves it and checks every step once more.

Pure. Used by `cloud.pages.projected`, which brings the batch from the archive. The checks are
those of `coldwarden-verify`, run on exactly the bytes that the page shows; a viewer repeats the
last one in the browser.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from dashboards.models import CheckView, ProofView
from domain.quality import has_value
from evidence.batch import Body, decode_body, expand
from evidence.checkpoint import Checkpoint, open_note
from evidence.cose import parse1, read_header, verify1
from evidence.errors import WireError
from evidence.keys import PublicKey
from evidence.leaf import batch_leaf
from evidence.merkle import leaf_hash, verify_inclusion
from evidence.receipt import verify_receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """The keys that a proof rests on."""

    gateway: str
    gateway_key: PublicKey
    log_origin: str
    log_key: PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofEvidence:
    """A batch as archived, and what the log says of it."""

    batch: bytes
    previous: bytes | None
    """The batch before it in its epoch; None for the first."""
    received_ms: int
    run_lo: int
    leaf_index: int
    path: Sequence[bytes]
    checkpoint: bytes
    """The signed note of the tree that `path` is of."""
    receipt: bytes
    shift_ms: int = 0
    """By how much the readings were moved when their clock was set right later."""


def proof_view(
    evidence: ProofEvidence, pinned: Pinned, channel: int, t_ms: int
) -> ProofView | None:
    """Return the proof of the newest reading of `channel` at or before `t_ms` in the batch.

    None when the batch has no such reading. What does not check is shown as failed.

    Raises:
        WireError: the batch itself cannot be read.
    """
    body = decode_body(parse1(evidence.batch).payload)
    reading = _reading(body, channel, t_ms - evidence.shift_ms)
    if reading is None:
        return None
    steps = _Steps(evidence, pinned, body)
    tree = steps.tree_or_none()
    return ProofView(
        gateway=pinned.gateway,
        kid=pinned.gateway_key.kid.hex(),
        epoch=body.epoch.hex(),
        seq=body.seq,
        run_lo=evidence.run_lo,
        run_hi=body.seq,
        batch_sha256=steps.digest.hex(),
        leaf_batch_sha256=steps.digest.hex(),
        batch_bytes=len(evidence.batch),
        received_ms=evidence.received_ms,
        reading_ms=reading[0] + evidence.shift_ms,
        value=reading[1],
        log_origin=pinned.log_origin,
        leaf_index=evidence.leaf_index,
        leaf_hash=steps.leaf.hex(),
        path=tuple(hashed.hex() for hashed in evidence.path),
        tree_size=tree.size if tree else 0,
        root=tree.root.hex() if tree else "",
        checkpoint=evidence.checkpoint.decode(errors="replace"),
        receipt=evidence.receipt.hex(),
        checks=tuple(_check(name, step) for name, step in steps.in_order()),
    )


def _reading(body: Body, channel: int, t_ms: int) -> tuple[int, float] | None:
    found = [
        (at_ms, v / 10**-exp if exp < 0 else v * 10.0**exp)
        for number, exp, at_ms, v, quality in expand(body)
        if number == channel and at_ms <= t_ms and has_value(quality)
    ]
    return max(found, default=None)


def _check(name: str, step: Callable[[], str]) -> CheckView:
    try:
        return CheckView(name=name, ok=True, detail=step())
    except WireError as error:
        return CheckView(name=name, ok=False, detail=str(error))


class _Steps:
    """The checks; each returns what it found in a few words, or raises WireError."""

    def __init__(self, evidence: ProofEvidence, pinned: Pinned, body: Body) -> None:
        self._evidence = evidence
        self._pinned = pinned
        self._body = body
        self._kid = pinned.gateway_key.kid
        self.digest = sha256(evidence.batch).digest()
        run = (self._kid, body.epoch, body.seq, evidence.run_lo)
        self.leaf = leaf_hash(batch_leaf(run, self.digest))

    def in_order(self) -> tuple[tuple[str, Callable[[], str]], ...]:
        return (
            ("signature", self._signature),
            ("chain", self._chain),
            ("inclusion", self._inclusion),
            ("receipt", self._receipt),
            ("checkpoint", self._checkpoint),
        )

    def tree_or_none(self) -> Checkpoint | None:
        try:
            return self._tree()
        except WireError:
            return None

    def _signature(self) -> str:
        envelope = parse1(self._evidence.batch)
        verify1(envelope, self._pinned.gateway_key)
        header = read_header(envelope.protected)
        if (header.kid, header.iss) != (self._kid, self._pinned.gateway):
            raise WireError("field", f"the batch is signed as {header.iss!r}")
        return f"{self._pinned.gateway} · {self._kid.hex()}"

    def _chain(self) -> str:
        seq, previous = self._body.seq, self._evidence.previous
        if seq == 0:
            return "0"
        if previous is None:
            raise WireError("field", f"batch {seq - 1} is not here")
        if sha256(previous).digest() != self._body.prev:
            raise WireError("field", f"batch {seq} does not follow this batch {seq - 1}")
        return f"{seq - 1} → {seq}"

    def _tree(self) -> Checkpoint:
        log_keys = {self._pinned.log_origin: self._pinned.log_key}
        return open_note(self._evidence.checkpoint, log_keys)

    def _inclusion(self) -> str:
        tree, index = self._tree(), self._evidence.leaf_index
        verify_inclusion(self.leaf, index, tree.size, self._evidence.path, tree.root)
        return f"{index} / {tree.size}"

    def _receipt(self) -> str:
        found = verify_receipt(
            self._evidence.receipt,
            self._pinned.log_key,
            self._pinned.log_origin,
            self._kid,
            self._hash_of,
        )
        return ", ".join(f"{run.lo} – {run.hi}" for run in found.runs)

    def _checkpoint(self) -> str:
        tree = self._tree()
        return f"{tree.origin} · {tree.size}"

    def _hash_of(self, epoch: bytes, seq: int) -> bytes | None:
        mine = (self._body.epoch, self._body.seq)
        return self.digest if (epoch, seq) == mine else None
