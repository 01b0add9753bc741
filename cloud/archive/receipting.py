"""Which receipts a checkpoint owes to whom: one per key, naming the runs, and where to send it.

Pure; filled by the sequencer as batches are stored or found to be duplicates, emptied when a
checkpoint covers them. A leaf proves the whole run up to it, so of batches that follow each
other only the last is proven.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cloud.archive.ledger import Placed
from cloud.ingest.delivery import Route
from evidence.receipt import Run, SignedRoot

RUNS_PER_RECEIPT = 32  # of 21 hashes each: 24 KiB, well below the cap on a receipt


class _Proof(NamedTuple):
    """One leaf to prove: it covers `lo..hi` of the epoch."""

    epoch: bytes
    lo: int
    hi: int
    leaf_index: int


@dataclass(slots=True)
class Owed:
    """What one key is owed by the next checkpoint; how many batches each route waits for."""

    proofs: list[_Proof] = field(default_factory=list)
    routes: dict[Route, int] = field(default_factory=dict)

    def runs(self) -> list[tuple[bytes, int, int]]:
        """Return (epoch, lo, hi) of everything owed."""
        return [(p.epoch, p.lo, p.hi) for p in _needed(self.proofs)]


class Receipting:
    """The receipts owed by one log."""

    def __init__(self) -> None:
        self._owed: dict[bytes, Owed] = {}

    def __len__(self) -> int:
        return len(self._owed)

    def add(self, placed: Placed) -> None:
        """Note that the sender of this batch waits for its receipt."""
        checked = placed.checked
        owed = self._owed.get(checked.key.kid)
        if owed is None:
            owed = self._owed[checked.key.kid] = Owed()
        body, route = checked.body, checked.delivery.route
        proof = _Proof(body.epoch, placed.lo, body.seq, placed.leaf_index)
        proofs = owed.proofs
        if proofs and _covers(proof, proofs[-1]):
            proofs[-1] = proof
        else:
            proofs.append(proof)
        owed.routes[route] = owed.routes.get(route, 0) + 1

    def take(self) -> dict[bytes, Owed]:
        """Return everything owed, by key id, and start afresh."""
        owed, self._owed = self._owed, {}
        return owed


def receipts(
    owed: Owed, signed: SignedRoot, path: Callable[[int], Sequence[bytes]]
) -> Iterator[bytes]:
    """Yield the receipts of one key; `path(index)` is a leaf's audit path in that tree."""
    proofs = _needed(owed.proofs)
    for start in range(0, len(proofs), RUNS_PER_RECEIPT):
        part = proofs[start : start + RUNS_PER_RECEIPT]
        yield signed.receipt([Run(*proof, path(proof.leaf_index)) for proof in part])


def _needed(proofs: list[_Proof]) -> list[_Proof]:
    """Drop what another proof covers."""
    if len(proofs) == 1:
        return proofs
    kept: list[_Proof] = []
    for proof in sorted(proofs, key=lambda p: (p.epoch, -p.hi, p.lo)):
        if not kept or not _covers(kept[-1], proof):
            kept.append(proof)
    return kept


def _covers(new: _Proof, old: _Proof) -> bool:
    return new.epoch == old.epoch and new.lo <= old.lo and old.hi <= new.hi
