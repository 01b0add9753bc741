"""What a batch means for the chain of its key: store it, answer it again, or keep it as a fork.

Pure; the cloud's sequencer and the offline verifier both ask `judge`, then tell `apply`. The
findings are defined in SPEC.md section 7. Whatever order honest batches arrive in, the chain
ends the same and every gap that opened is closed.
"""

from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from evidence.batch import Body
from evidence.chain_gaps import gap_changes
from evidence.chain_state import (
    BatchHead,
    ChainState,
    EpochState,
    Gap,
    Link,
    Run,
    apply,
)
from evidence.finding import Finding, FindingDetail

__all__ = [
    "Action",
    "BatchHead",
    "ChainState",
    "Finding",
    "FindingDetail",
    "Gap",
    "Verdict",
    "apply",
    "judge",
]

DRIFT_MS: Final = 5_000
"""Wall clock against monotonic clock between neighbours."""
FUTURE_MS: Final = 120_000


class Action(Enum):
    """What to do with the batch."""

    STORE = auto()
    DUPLICATE = auto()
    """It is archived already: answer with the outcome it has."""
    FORK = auto()
    """Keep it as evidence outside the chain; refuse it, the gateway opens a new epoch."""


class Verdict(NamedTuple):
    """What `judge` says; `run_lo` is the `lo` of the leaf of a batch to be stored."""

    action: Action
    run_lo: int
    findings: tuple[FindingDetail, ...] = ()


def judge(
    chain: ChainState, head: BatchHead, known_hash: bytes | None, recv_ms: int
) -> Verdict:
    """Return what to do with a verified batch of this key; nothing is changed.

    Args:
        chain: everything archived of the key.
        head: the batch.
        known_hash: hash of the archived batch with this epoch and seq; needed only when
            `chain.holds` it.
        recv_ms: when it was received, Unix ms; decides FUTURE.
    """
    body = head.body
    state = chain.epochs.get(body.epoch)
    if state is not None and state.runs:
        run = state.runs[-1]
        if run.hi + 1 == body.seq and _is_plain(chain, state, run, body):
            if body.t0 <= recv_ms + FUTURE_MS and _is_smooth(run.last, head.link):
                return Verdict(Action.STORE, run.proof_lo)
            findings = (*_between(body, run.last, head.link), *_future(body, recv_ms))
            return Verdict(Action.STORE, run.proof_lo, findings)
        held = state.run_at(body.seq)
        if held is not None:
            return _again(head, held, known_hash)
    return _judge_place(chain, state or EpochState(body.epoch), head, recv_ms)


def _is_plain(chain: ChainState, state: EpochState, run: Run, body: Body) -> bool:
    """Return whether nothing but the clock and the count can be said of the next batch."""
    return (
        body.prev == run.last.sha256
        and state.known_hi == run.hi
        and not state.children
        and (
            body.lowest_held == chain.lowest_held
            or (not chain.holed and body.lowest_held[0] == body.epoch)
        )
    )


def _is_smooth(a: Link, b: Link) -> bool:
    """Return whether `_between` certainly says nothing of neighbours: nearly always."""
    passed_ms = b.mono_ms - a.mono_ms
    return (
        a.readings_after == b.readings_before
        and a.dropped <= b.dropped
        and a.boot == b.boot
        and passed_ms >= 0
        and -DRIFT_MS <= b.t0 - a.t0 - passed_ms <= DRIFT_MS
    )


def _again(head: BatchHead, held: Run, known_hash: bytes | None) -> Verdict:
    body = head.body
    if known_hash is None:
        ends = {held.lo: held.first.sha256, held.hi: held.last.sha256}
        known_hash = ends.get(body.seq)
        if known_hash is None:
            raise ValueError(f"the hash archived for seq {body.seq} is needed")
    if known_hash == head.sha256:
        return Verdict(Action.DUPLICATE, held.lo, (_about(Finding.DUPLICATE, body),))
    return _fork(body, body.seq, known_hash)


def _fork(body: Body, seq: int, other: bytes) -> Verdict:
    detail = FindingDetail(finding=Finding.FORK, epoch=body.epoch, lo=seq, hi=seq, other=other)
    return Verdict(Action.FORK, body.seq, (detail,))


def _about(finding: Finding, body: Body, amount: int = 0, other: bytes = b"") -> FindingDetail:
    return FindingDetail(
        finding=finding, epoch=body.epoch, lo=body.seq, hi=body.seq, amount=amount, other=other
    )


def _judge_place(
    chain: ChainState, state: EpochState, head: BatchHead, recv_ms: int
) -> Verdict:
    """Judge a batch that is not archived, wherever in its epoch it stands."""
    body, link = head.body, head.link
    left, right = state.run_at(body.seq - 1), state.run_from(body.seq + 1)
    if left is not None and link.prev != left.last.sha256:
        return _fork(body, body.seq - 1, left.last.sha256)
    if right is not None and link.sha256 != right.first.prev:
        return _fork(body, body.seq, right.first.prev)
    findings = [
        *(_start(chain, head, link) if body.seq == 0 else ()),
        *_continued(chain, state, head, link),
        *gap_changes(chain, state, body),
        *(_between(body, left.last, link) if left is not None else ()),
        *(_between(body, link, right.first) if right is not None else ()),
        *_future(body, recv_ms),
    ]
    run_lo = left.proof_lo if left is not None else body.seq
    return Verdict(Action.STORE, run_lo, tuple(findings))


def _start(chain: ChainState, head: BatchHead, link: Link) -> Iterator[FindingDetail]:
    """Judge seq 0 against what it continues from."""
    body = head.body
    if link.readings_before != 0:
        yield _about(Finding.COUNT, body, link.readings_before)
    if body.parent is None:
        if chain.root is not None:
            yield _about(Finding.BRANCH, body, other=chain.root)
        return
    epoch, seq = body.parent
    parent = chain.epochs.get(epoch)
    if parent is None:
        return
    sibling = parent.children.get(seq)
    if sibling is not None:
        yield _about(Finding.BRANCH, body, other=sibling[0])
    if parent.known_hi > seq:
        yield _about(Finding.BRANCH, body, other=epoch)
    run = parent.run_at(seq)
    if run is not None and run.hi == seq:
        if run.last.sha256 != body.prev:
            yield FindingDetail(
                finding=Finding.FORK, epoch=epoch, lo=seq, hi=seq, other=body.prev
            )
        yield from _clock(body, run.last, link)


def _continued(
    chain: ChainState, state: EpochState, head: BatchHead, link: Link
) -> Iterator[FindingDetail]:
    """Judge a batch against later epochs that were archived before it."""
    body = head.body
    child = state.children.get(body.seq)
    if child is not None:
        if child[1] != head.sha256:
            yield _about(Finding.FORK, body, other=child[1])
        start = chain.epochs[child[0]].run_from(0)
        if start is not None:
            yield from _clock(body, link, start.first)
    for epoch, seq in ((body.epoch, body.seq), body.lowest_held, body.parent or (b"", 0)):
        yield from _overtaken(chain.epochs.get(epoch), seq)


def _overtaken(state: EpochState | None, seq: int) -> Iterator[FindingDetail]:
    """An epoch goes on to `seq` although another one continued from where it had ended."""
    if state is not None and seq > state.known_hi and state.known_hi in state.children:
        child, _ = state.children[state.known_hi]
        yield FindingDetail(finding=Finding.BRANCH, epoch=child, lo=0, hi=0, other=state.epoch)


def _between(body: Body, a: Link, b: Link) -> Iterator[FindingDetail]:
    """Compare neighbours in one epoch; the finding is about `body`, one of them."""
    if a.readings_after != b.readings_before:
        yield _about(Finding.COUNT, body, b.readings_before - a.readings_after)
    elif b.dropped < a.dropped:
        yield _about(Finding.COUNT, body, b.dropped - a.dropped)
    yield from _clock(body, a, b)


def _clock(body: Body, a: Link, b: Link) -> Iterator[FindingDetail]:
    """Compare the clocks of a batch and the next, SPEC.md section 7.3."""
    if a.boot == b.boot and b.mono_ms < a.mono_ms:
        yield _about(Finding.CLOCK_BACK, body, b.mono_ms - a.mono_ms)
        return
    if b.boot < a.boot:
        yield _about(Finding.CLOCK_BACK, body, b.t0 - a.t0)
        return
    if a.sync == 0 and b.sync != 0:
        return  # the first synchronisation corrects the clock; that is its purpose
    drift_ms = b.t0 - a.t0
    if a.boot == b.boot:
        drift_ms -= b.mono_ms - a.mono_ms
        if drift_ms > DRIFT_MS:
            yield _about(Finding.CLOCK_JUMP, body, drift_ms)
    if drift_ms < -DRIFT_MS:
        yield _about(Finding.CLOCK_BACK, body, drift_ms)


def _future(body: Body, recv_ms: int) -> Iterator[FindingDetail]:
    if body.t0 > recv_ms + FUTURE_MS:
        yield _about(Finding.FUTURE, body, body.t0 - recv_ms)
