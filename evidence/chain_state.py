"""What is archived of one key's batches, kept as runs: the memory of `evidence.chain`.

Only `apply` and `know` change it. Size follows epochs and gaps, never batches: of each run of
consecutive sequence numbers the first and the last batch are remembered.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from evidence.batch import Body

NOTHING_KNOWN: Final = -1
EVERYTHING: Final = 1 << 60
"""As a floor: the outbox has moved past the whole epoch."""


class Link(NamedTuple):
    """What the neighbours of a batch must agree with."""

    prev: bytes
    sha256: bytes
    t0: int
    mono_ms: int
    boot: int
    sync: int
    readings_before: int
    readings_after: int
    dropped: int


class BatchHead:
    """A batch whose signature is verified, and the SHA-256 of its envelope."""

    __slots__ = ("body", "link", "sha256")

    def __init__(self, body: Body, sha256: bytes) -> None:
        self.body = body
        self.sha256 = sha256
        self.link = Link(
            body.prev,
            sha256,
            body.t0,
            body.mono_ms,
            body.boot,
            body.sync,
            body.readings_total - body.count,
            body.readings_total,
            body.dropped_total,
        )


@dataclass(slots=True)
class Run:
    """Archived batches `lo` to `hi`; `proof_lo` is the first of them in the log now open."""

    lo: int
    hi: int
    proof_lo: int
    first: Link
    last: Link


class Gap(NamedTuple):
    """Sequence numbers that exist and are not archived; `lost` when no outbox holds them."""

    epoch: bytes
    lo: int
    hi: int
    lost: bool


@dataclass(slots=True)
class EpochState:
    """One epoch of a key."""

    epoch: bytes
    runs: list[Run] = field(default_factory=list)
    known_hi: int = NOTHING_KNOWN
    """Highest seq that is known to exist, archived or only named by another batch."""
    floor: int | None = None
    """Below it nothing is in the outbox; None until the outbox was seen to reach here."""
    parent: tuple[bytes, int] | None = None
    children: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    """Seq to (epoch, prev) of the first later epoch that continues from it."""

    def run_at(self, seq: int) -> Run | None:
        """Return the run that ends at or holds `seq`, else None."""
        at = bisect_right(self.runs, seq, key=_lo) - 1
        return self.runs[at] if at >= 0 and seq <= self.runs[at].hi else None

    def run_from(self, seq: int) -> Run | None:
        """Return the run that starts at `seq`, else None."""
        run = self.run_at(seq)
        return run if run is not None and run.lo == seq else None

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield the ranges known to exist and not archived."""
        at = 0
        for run in self.runs:
            if at < run.lo:
                yield at, run.lo - 1
            at = run.hi + 1
        if at <= self.known_hi:
            yield at, self.known_hi


def _lo(run: Run) -> int:
    return run.lo


@dataclass(slots=True)
class ChainState:
    """All epochs of one key."""

    epochs: dict[bytes, EpochState] = field(default_factory=dict)
    lowest_held: tuple[bytes, int] | None = None
    """As the last applied batch said it."""
    root: bytes | None = None
    """The first archived epoch that has no parent."""
    holed: set[bytes] = field(default_factory=set)
    """Epochs with a gap."""

    def holds(self, epoch: bytes, seq: int) -> bool:
        """Return whether a batch with this epoch and seq is archived."""
        state = self.epochs.get(epoch)
        return state is not None and state.run_at(seq) is not None

    def gaps(self) -> tuple[Gap, ...]:
        """Return everything missing; a range is split where the lost part ends."""
        return tuple(
            gap
            for epoch in sorted(self.holed)
            for lo, hi in self.epochs[epoch].missing()
            for gap in _split(self.epochs[epoch], lo, hi)
        )

    def start_new_log(self) -> None:
        """Let the runs of what comes next start anew, because another log is open now."""
        for state in self.epochs.values():
            for run in state.runs:
                run.proof_lo = run.hi + 1

    def ancestors(self, parent: tuple[bytes, int] | None) -> Iterator[EpochState]:
        """Yield the epochs from `parent` back, as far as the outbox may still hold them."""
        seen = set()
        while parent is not None and parent[0] not in seen:  # a signed circle ends here
            seen.add(parent[0])
            state = self.epochs.get(parent[0])
            if state is None or state.floor == EVERYTHING:
                return
            yield state
            parent = state.parent


def _split(state: EpochState, lo: int, hi: int) -> Iterator[Gap]:
    floor = state.floor or 0
    if lo < floor:
        yield Gap(state.epoch, lo, min(hi, floor - 1), lost=True)
    if hi >= floor:
        yield Gap(state.epoch, max(lo, floor), hi, lost=False)


def apply(chain: ChainState, head: BatchHead) -> None:
    """Enter a batch that `evidence.chain.judge` said to store."""
    body = head.body
    state = _epoch(chain, body.epoch)
    link = head.link
    run = state.runs[-1] if state.runs else None
    if run is not None and run.hi + 1 == body.seq:
        run.hi, run.last = body.seq, link
    else:
        _insert(state, body.seq, link)
        run = None
    if run is not None and run.hi == state.known_hi + 1:
        state.known_hi = run.hi  # the next of all: no gap opens or closes
    else:
        know(chain, state, body.seq)
    if body.seq == 0:
        _enter_parent(chain, state, body)
    if body.lowest_held != chain.lowest_held:
        _raise_floors(chain, body.lowest_held)


def _epoch(chain: ChainState, epoch: bytes) -> EpochState:
    state = chain.epochs.get(epoch)
    if state is None:
        state = chain.epochs[epoch] = EpochState(epoch)
    return state


def _insert(state: EpochState, seq: int, link: Link) -> None:
    """Enter a batch anywhere but after the last run."""
    at = bisect_right(state.runs, seq, key=_lo)
    left = state.runs[at - 1] if at and state.runs[at - 1].hi + 1 == seq else None
    right = state.runs[at] if at < len(state.runs) and state.runs[at].lo == seq + 1 else None
    if left is None:
        left = Run(seq, seq, seq, link, link)
        state.runs.insert(at, left)
        at += 1
    left.hi, left.last = seq, link
    if right is not None:
        # Leaves of the right run that lie in an older log cannot be proven by a newer one.
        left.proof_lo = right.proof_lo if right.proof_lo > right.lo else left.proof_lo
        left.hi, left.last = right.hi, right.last
        del state.runs[at]


def know(chain: ChainState, state: EpochState, seq: int) -> None:
    """Note that all of an epoch up to `seq` exists; what of it is not archived is missing."""
    state.known_hi = max(state.known_hi, seq)
    whole = (
        len(state.runs) == 1 and state.runs[0].lo == 0 and state.runs[0].hi == state.known_hi
    )
    if whole:
        chain.holed.discard(state.epoch)
    else:
        chain.holed.add(state.epoch)


def _enter_parent(chain: ChainState, state: EpochState, body: Body) -> None:
    state.parent = body.parent
    if body.parent is None:
        chain.root = chain.root or body.epoch
        return
    epoch, seq = body.parent
    before = _epoch(chain, epoch)
    before.children.setdefault(seq, (body.epoch, body.prev))
    know(chain, before, seq)
    if state.floor is not None:
        _pass(chain, body.parent)


def _raise_floors(chain: ChainState, lowest_held: tuple[bytes, int]) -> None:
    chain.lowest_held = lowest_held
    epoch, seq = lowest_held
    state = _epoch(chain, epoch)
    know(chain, state, seq)
    state.floor = max(state.floor or 0, seq)
    _pass(chain, state.parent)


def _pass(chain: ChainState, parent: tuple[bytes, int] | None) -> None:
    for before in chain.ancestors(parent):
        before.floor = EVERYTHING
