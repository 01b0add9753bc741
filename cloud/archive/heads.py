"""Checks the checkpoints that gateways repeat against what this server has published.

The fleet gossips: a head that we never published is evidence, of a restored server or of a
second log under our name. It is archived as it was said (record kind 7) with a finding, once
an hour for each key, and that key gets no receipt until its heads are ours again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cloud.archive.finding import UNKNOWN_HEAD, FindingRecord, encode_finding
from cloud.archive.ledger import Placed
from cloud.archive.notary import Notary
from cloud.archive.stream import Stream
from evidence import cbor
from evidence.record import RecordKind

REPEAT_MS = 3_600_000
Head = tuple[int, bytes]


@dataclass(slots=True)
class Strange:
    """What a group brought: objects for the archive, and (gateway, head) newer than ours."""

    objects: list[tuple[int, bytes]] = field(default_factory=list)
    newer: list[tuple[str, Head]] = field(default_factory=list)


class Heads:
    """See the module. Belongs to the sequencer's thread."""

    def __init__(self, stream: Stream, notary: Notary) -> None:
        self._stream = stream
        self._notary = notary
        self._reported: dict[bytes, int] = {}

    def check(self, stored: Sequence[Placed], now_ms: int) -> Strange | None:
        """Return what is strange about the heads in these batches, None when nothing is."""
        known, strange = self._notary.heads, None
        for placed in stored:
            head = placed.checked.body.checkpoint
            if head is not None and known.get(head[0]) != head[1]:
                strange = strange or Strange()
                self._look(placed, head, strange, now_ms)
        return strange

    def _look(self, placed: Placed, head: Head, strange: Strange, now_ms: int) -> None:
        key = placed.checked.key
        if self._stream.knows_head(*head):
            known = self._notary.heads
            known.setdefault(*head)
            self._notary.withheld.discard(key.kid)
            return
        if self._stream.is_lost(head[0]):
            return  # of the log that we lost; its gateways learn of the new one by a receipt
        self._notary.withheld.add(key.kid)
        if head[0] > self._stream.current.size:
            strange.newer.append((key.gateway, head))
        if now_ms - self._reported.get(key.kid, -REPEAT_MS) >= REPEAT_MS:
            self._reported[key.kid] = now_ms
            strange.objects += _evidence(placed, head, now_ms)


def _evidence(placed: Placed, head: Head, now_ms: int) -> list[tuple[int, bytes]]:
    key, body = placed.checked.key, placed.checked.body
    size, root = head
    echoed = cbor.encode({1: key.gateway, 2: key.kid, 3: size, 4: root})
    finding = FindingRecord(
        kind=UNKNOWN_HEAD,
        gateway=key.gateway,
        kid=key.kid,
        epoch=body.epoch,
        lo=body.seq,
        hi=body.seq,
        detail=f"verified a checkpoint of size {size} with root {root.hex()}, not one of ours",
        at_ms=now_ms,
    )
    return [
        (RecordKind.ECHOED_HEAD, echoed),
        (RecordKind.FINDING, encode_finding(finding)),
    ]
