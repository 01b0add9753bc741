"""Signs drafts and makes them durable, in the disk thread.

Used by `edge.recorder.recorder`. The chain moves only when a batch is durable: what could not
be stored leaves no hole in the sequence; its readings are counted in the next batch that can.

A full outbox gets summaries: batches with their events and the count of what was dropped, but
without readings; without an event at most one every `SUMMARY_PERIOD_MS`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from edge.outbox.outbox import Outbox
from edge.outbox.records import Gap
from edge.recorder.chain import Chain, Facts, after, begin, body_of, with_loss
from edge.sealer.draft import Draft
from evidence.batch import MAX_BATCH_BYTES, Body, Event, EventKind, encode_body, expected_header
from evidence.cose import Signer, sign1
from evidence.errors import OutboxFullError, StorageFaultError
from evidence.keys import PublicKey

SUMMARY_PERIOD_MS = 600_000
EPOCH_BYTES = 8
FULL = "outbox_full"
FAULT = "storage_fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signs: the gateway, its site, and the hash of its point table."""

    gateway: str
    site: str
    config: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of a draft.

    `number` is None when nothing was stored. For `reason`, which is empty when all was stored,
    `dropped` readings and `events_dropped` events were lost.
    """

    number: int | None
    alarm: bool
    readings: int
    dropped: int = 0
    events_dropped: int = 0
    reason: str = ""


class BatchWriter:
    """One chain of batches; belongs to the disk thread."""

    def __init__(
        self,
        outbox: Outbox,
        signer: Signer,
        public: PublicKey,
        identity: Identity,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._outbox = outbox
        self._signer = signer
        self._config = identity.config
        self._header = expected_header(identity.gateway, identity.site, public)
        self._random_bytes = random_bytes
        self._gaps: tuple[Gap, ...] = ()
        self._summary_ms: int | None = None
        self._chain = self._begin()

    @property
    def chain(self) -> Chain:
        """Return where the next batch stands."""
        return self._chain

    def write(self, draft: Draft) -> Written:
        """Sign a draft and make it durable, or a summary of it, or count it as dropped."""
        self._config = draft.config or self._config
        if draft.opens_epoch:
            self._chain = self._begin()
        self._chain = with_loss(self._chain, draft.dropped)
        try:
            return self._stored(draft, summary=False)
        except OutboxFullError:
            return self._summary(draft)
        except StorageFaultError:
            return self._lost(draft, FAULT)

    def _begin(self) -> Chain:
        return begin(self._random_bytes(EPOCH_BYTES), self._outbox.head)

    def _summary(self, draft: Draft) -> Written:
        now_ms = draft.clock.mono_ms
        recent = self._summary_ms is not None and now_ms - self._summary_ms < SUMMARY_PERIOD_MS
        if recent and not draft.events:
            return self._lost(draft, FULL)
        before = self._chain
        self._chain = with_loss(before, draft.readings)
        bare = replace(draft, columns=None, readings=0)
        try:
            written = self._stored(bare, summary=True)
        except (OutboxFullError, StorageFaultError):
            self._chain = before
            return self._lost(draft, FULL)
        self._summary_ms = now_ms
        return replace(written, dropped=draft.readings, reason=FULL)

    def _lost(self, draft: Draft, reason: str) -> Written:
        self._chain = with_loss(self._chain, draft.readings)
        return Written(
            number=None,
            alarm=draft.alarm,
            readings=0,
            dropped=draft.readings,
            events_dropped=len(draft.events),
            reason=reason,
        )

    def _stored(self, draft: Draft, *, summary: bool) -> Written:
        self._gaps += self._outbox.take_gaps()
        facts = Facts(
            checkpoint=self._outbox.checkpoint,
            lowest_held=self._outbox.lowest_held,
            config=self._config,
        )
        extra = [_declared(gap, self._chain) for gap in self._gaps]
        body = body_of(self._chain, draft, extra, facts)
        number = self._append(body, summary=summary)
        self._gaps = ()
        return Written(number=number, alarm=draft.alarm, readings=draft.readings)

    def _append(self, body: Body, *, summary: bool) -> int:
        batch = sign1(self._header, encode_body(body), self._signer)
        if len(batch) > MAX_BATCH_BYTES:
            raise AssertionError(f"a sealed batch of {len(batch)} bytes")
        number = self._outbox.append(batch, body.epoch, body.seq, summary=summary)
        head = self._outbox.head
        if head is None:
            raise AssertionError("an outbox that took a batch has a head")
        self._chain = after(self._chain, body, head.sha256)
        return number


def _declared(gap: Gap, chain: Chain) -> Event:
    """Return the event that says what rotted away; key 4 names its epoch when it is another."""
    body: dict[int, object] = {1: gap.from_seq, 2: gap.to_seq, 3: gap.reason}
    if gap.epoch != chain.epoch:
        body[4] = gap.epoch
    return Event(t_off=0, kind=EventKind.DECLARED_GAP, body=body)
