"""What a gateway says has rotted on its disk: nobody holds it any more, so it is a loss.

Pure; used by the ledger once a batch is entered in its chain. Without this the hole would count
as what is still to come until the gateway has freed that part of its outbox.
"""

from collections.abc import Iterator

from evidence.batch import Body
from evidence.chain_state import ChainState
from evidence.event import EventKind
from evidence.finding import Finding, FindingDetail


def declared_losses(chain: ChainState, body: Body) -> Iterator[FindingDetail]:
    """Yield what `body` declares as damaged and the archive does not hold whole."""
    for event in body.events:
        if event.kind != EventKind.DECLARED_GAP:
            continue
        epoch, lo, hi = event.body.get(4, body.epoch), event.body[1], event.body[2]
        if not (isinstance(epoch, bytes) and isinstance(lo, int) and isinstance(hi, int)):
            continue
        state = chain.epochs.get(epoch)
        run = state.run_at(lo) if state is not None else None
        if 0 <= lo <= hi and (run is None or run.hi < hi):
            yield FindingDetail(finding=Finding.LOSS, epoch=epoch, lo=lo, hi=hi)
