"""Which gaps a batch opens, closes or turns into losses (SPEC.md section 7.2).

A part of `evidence.chain`: pure, and says only what `apply` will then enter. A batch proves
that all before it in its epoch exist, that its parent exists with all before it, and that its
`lowest_held` exists; what exists and is not archived is missing. What is missing and older
than `lowest_held` is in no outbox any more: it is lost.
"""

from collections.abc import Iterator

from evidence.batch import Body
from evidence.chain_state import EVERYTHING, NOTHING_KNOWN, ChainState, EpochState
from evidence.finding import Finding, FindingDetail


def gap_changes(chain: ChainState, state: EpochState, body: Body) -> Iterator[FindingDetail]:
    """Yield what storing `body` changes; `state` is its epoch as it is before."""
    if body.seq <= state.known_hi:
        kind = _kind(body.seq, _floor(state))
        yield FindingDetail(
            finding=kind, epoch=body.epoch, lo=body.seq, hi=body.seq, cleared=True
        )
    floors = _floors_after(chain, state, body)
    for epoch, hi in _named(body).items():
        known = chain.epochs.get(epoch)
        lo = known.known_hi + 1 if known is not None else NOTHING_KNOWN + 1
        yield from _missing(epoch, lo, hi, floors.get(epoch, _floor(known)))
    for epoch, floor in floors.items():
        known = chain.epochs.get(epoch)
        if known is not None:
            yield from _newly_lost(known, floor, body)


def _kind(seq: int, floor: int) -> Finding:
    return Finding.LOSS if seq < floor else Finding.BACKLOG


def _floor(state: EpochState | None) -> int:
    return state.floor or 0 if state is not None else 0


def _named(body: Body) -> dict[bytes, int]:
    """Return, by epoch, the highest seq that this batch proves to exist besides itself."""
    named = {body.epoch: body.seq - 1}
    for position in (body.parent, body.lowest_held):
        if position is not None and position[0] != body.epoch:
            named[position[0]] = max(position[1], named.get(position[0], NOTHING_KNOWN))
    return named


def _floors_after(chain: ChainState, state: EpochState, body: Body) -> dict[bytes, int]:
    """Return, by epoch, the floors that change."""
    epoch, seq = body.lowest_held
    floors: dict[bytes, int] = {}
    parent = body.parent if body.seq == 0 else state.parent
    if epoch == body.epoch or state.floor is not None:
        floors.update(_passed(chain, parent))
    if epoch != body.epoch:
        lowest = chain.epochs.get(epoch)
        floors.update(_passed(chain, lowest.parent if lowest is not None else None))
    if seq > _floor(chain.epochs.get(epoch)):
        floors.setdefault(epoch, seq)
    return floors


def _passed(chain: ChainState, parent: tuple[bytes, int] | None) -> Iterator[tuple[bytes, int]]:
    """Yield the epochs from `parent` back, all of which the outbox has left behind."""
    if parent is not None and parent[0] not in chain.epochs:
        yield parent[0], EVERYTHING
    for before in chain.ancestors(parent):
        yield before.epoch, EVERYTHING


def _missing(epoch: bytes, lo: int, hi: int, floor: int) -> Iterator[FindingDetail]:
    if lo <= min(hi, floor - 1):
        yield _range(Finding.LOSS, epoch, lo, min(hi, floor - 1))
    if max(lo, floor) <= hi:
        yield _range(Finding.BACKLOG, epoch, max(lo, floor), hi)


def _newly_lost(state: EpochState, floor: int, body: Body) -> Iterator[FindingDetail]:
    before = _floor(state)
    for gap_lo, gap_hi in state.missing():
        lo, hi = max(gap_lo, before), min(gap_hi, floor - 1)
        if state.epoch == body.epoch and lo <= body.seq <= hi:
            if lo < body.seq:
                yield _range(Finding.LOSS, state.epoch, lo, body.seq - 1)
            lo = body.seq + 1
        if lo <= hi:
            yield _range(Finding.LOSS, state.epoch, lo, hi)


def _range(finding: Finding, epoch: bytes, lo: int, hi: int) -> FindingDetail:
    return FindingDetail(finding=finding, epoch=epoch, lo=lo, hi=hi)
