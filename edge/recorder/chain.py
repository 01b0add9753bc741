"""Where the next batch stands in its chain, and the body it gets.

Pure. Used by `edge.recorder.writer`. An epoch begins at every process start, so that a restored
or copied card can never sign a second batch under a place that is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.outbox.records import Head
from edge.sealer.draft import Draft
from evidence.batch import NO_PREV, Body, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """What the next batch builds on; the totals are those of the epoch so far."""

    epoch: bytes
    seq: int
    prev: bytes
    parent: tuple[bytes, int] | None
    readings: int = 0
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a batch says about its gateway at the moment it is signed."""

    checkpoint: tuple[int, bytes] | None
    lowest_held: tuple[bytes, int] | None
    config: bytes


def begin(epoch: bytes, head: Head | None) -> Chain:
    """Return the chain at the start of an epoch; `head` is the last batch on this disk."""
    if head is None:
        return Chain(epoch=epoch, seq=0, prev=NO_PREV, parent=None)
    return Chain(epoch=epoch, seq=0, prev=head.sha256, parent=(head.epoch, head.seq))


def with_loss(chain: Chain, readings: int) -> Chain:
    """Return the chain after readings that no batch will hold."""
    return replace(chain, dropped=chain.dropped + readings)


def body_of(chain: Chain, draft: Draft, extra: Sequence[Event], facts: Facts) -> Body:
    """Return the body of the next batch; `extra` events are put before the draft's."""
    clock = draft.clock
    return Body(
        epoch=chain.epoch,
        seq=chain.seq,
        prev=chain.prev,
        t0=clock.wall_ms,
        mono_ms=clock.mono_ms,
        boot=clock.boot,
        sync=clock.sync,
        err_ms=clock.err_ms,
        columns=draft.columns,
        events=(*extra, *draft.events),
        readings_total=chain.readings + draft.readings,
        dropped_total=chain.dropped,
        checkpoint=facts.checkpoint,
        lowest_held=facts.lowest_held or (chain.epoch, chain.seq),
        config=facts.config,
        parent=chain.parent if chain.seq == 0 else None,
    )


def after(chain: Chain, body: Body, sha256: bytes) -> Chain:
    """Return the chain after `body` became durable in the batch with this hash."""
    return replace(
        chain, seq=chain.seq + 1, prev=sha256, parent=None, readings=body.readings_total
    )
