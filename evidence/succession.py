"""What a batch says of batches that an earlier key of its gateway signed (SPEC.md section 7.4).

A part of the judgement of chains, beside `evidence.chain`, which knows one key. After a
rotation the new key's first batch continues from the old key's last one, and names the oldest
batch of an outbox that still holds the old key's. Those are no gaps in the new key's chain:
`as_own` leaves them out of it, and `hear` tells the old key's chain that its batch exists.
"""

from collections.abc import Iterable
from dataclasses import replace

from evidence.batch import Body
from evidence.chain_state import ChainState, know
from evidence.finding import Finding, FindingDetail

Position = tuple[bytes, int]


def names_only_own(chain: ChainState, body: Body) -> bool:
    """Return whether every batch that `body` names is in an epoch that its key is known for."""
    epochs = chain.epochs
    lowest = body.lowest_held[0]
    if lowest != body.epoch and lowest not in epochs:
        return False
    return body.parent is None or body.parent[0] in epochs


def as_own(chain: ChainState, body: Body, former: Iterable[ChainState]) -> Body:
    """Return `body` as the chain of its own key judges it.

    Args:
        chain: everything archived of the key.
        body: of a batch of the key.
        former: the chains of the other keys of its gateway, and of no other gateway.
    """
    signed = {epoch for other in former for epoch in _named(chain, body) & other.epochs.keys()}
    if not signed:
        return body
    parent = None if body.parent and body.parent[0] in signed else body.parent
    lowest = body.lowest_held
    if lowest[0] in signed:
        lowest = (chain.root or body.epoch, 0)
    return replace(body, parent=parent, lowest_held=lowest)


def hear(body: Body, former: Iterable[ChainState]) -> FindingDetail | None:
    """Enter into the chain it belongs to that the batch exists from which `body` continues.

    Returns a backlog when that, or something before it, is not archived.
    """
    if body.parent is None:
        return None
    epoch, seq = body.parent
    for chain in former:
        state = chain.epochs.get(epoch)
        if state is not None and state.known_hi < seq:
            lo = state.known_hi + 1
            know(chain, state, seq)
            return FindingDetail(finding=Finding.BACKLOG, epoch=epoch, lo=lo, hi=seq)
    return None


def _named(chain: ChainState, body: Body) -> set[bytes]:
    """Return the epochs that `body` names and its key is not known for."""
    named = {body.lowest_held[0]}
    if body.parent is not None:
        named.add(body.parent[0])
    return named - chain.epochs.keys() - {body.epoch}
