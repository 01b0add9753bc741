"""Unsigned histories of one gateway for tests of the chain: verified heads, made in no time."""

import hashlib
from dataclasses import replace
from typing import Any

from evidence.batch import NO_PREV, Body
from evidence.chain import BatchHead
from tests.support.batches import PERIOD_MS, make_body


def head_of(body: Body, salt: bytes = b"") -> BatchHead:
    """Return the head of `body`; another `salt` is another batch with the same place."""
    text = repr((salt, body.epoch, body.seq, body.prev, body.t0, body.readings_total))
    return BatchHead(body, hashlib.sha256(text.encode()).digest())


class Gateway:
    """A key that seals one batch a period, restarts, and keeps everything in its outbox."""

    def __init__(self, readings: int = 0) -> None:
        self.readings = readings
        self.sealed: list[BatchHead] = []
        self.lowest_held: tuple[bytes, int] | None = None
        self._epoch = b""
        self._restarted = True
        self._epochs = 0

    def seal(self, **fields: Any) -> BatchHead:  # noqa: ANN401 - fields of a body
        """Return the next batch."""
        if self._restarted:
            self._epochs += 1
            self._epoch = fields.get("epoch", b"epoch%03d" % self._epochs)
        last = self.sealed[-1] if self.sealed else None
        at_ms = len(self.sealed) * PERIOD_MS
        body = make_body(
            seq=0 if self._restarted or last is None else last.body.seq + 1,
            epoch=self._epoch,
            prev=last.sha256 if last is not None else NO_PREV,
            parent=(last.body.epoch, last.body.seq) if last and self._restarted else None,
            lowest_held=self.lowest_held
            or (self.sealed[0].body.epoch if last else self._epoch, 0),
            readings=self.readings,
        )
        body = replace(body, t0=body.t0 % PERIOD_MS + 10**12 + at_ms, mono_ms=at_ms)
        head = head_of(replace(body, **fields))
        self._restarted = False
        self.sealed.append(head)
        return head

    def restart(self) -> None:
        """Let the next batch open a new epoch."""
        self._restarted = True

    def copy(self) -> "Gateway":
        """Return a clone: the same key, card and history."""
        clone = Gateway(self.readings)
        clone.sealed = list(self.sealed)
        clone.lowest_held = self.lowest_held
        clone._epoch, clone._restarted = self._epoch, self._restarted
        clone._epochs = self._epochs + 100
        return clone
