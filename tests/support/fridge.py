"""Batches of one gateway's fridges with values that a test chooses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cloud.projections.feed import CommittedRecord
from evidence.batch import Body
from tests.support.batches import START_MS, make_body, one_frame
from tests.support.feeds import batch_record
from tests.support.registries import gateway_name

PERIOD_MS = 10_000
ROWS = 6
SEAL_MS = PERIOD_MS * ROWS
LATENCY_MS = 500
MONO_MS = 5_000_000


@dataclass(slots=True)
class Fridges:
    """Makes a gateway's batches one after the other: a minute each, six rows.

    `records` collects what would be in the archive; a batch that is `held` is only returned,
    for `arrive` to deliver it late.
    """

    records: list[CommittedRecord]
    gateway: str = gateway_name(0)
    width: int = 1
    start_ms: int = START_MS
    boot: int = 7
    epoch: bytes = b"epoch--1"
    seq: int = 0
    mono_ms: int = MONO_MS
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        """The gateway's wall clock: when the next batch begins."""
        return self.start_ms + self.seq * SEAL_MS

    def seal(self, values: int | Sequence[int], **fields: Any) -> Body:  # noqa: ANN401
        """Return the next batch; every fridge shows the same, or row by row `values`."""
        rows = [values] * ROWS if isinstance(values, int) else list(values)
        columns = one_frame([[v] * self.width for v in rows], period_ms=PERIOD_MS)
        body = make_body(
            **{
                "epoch": self.epoch,
                "seq": self.seq,
                "t0": self.now_ms,
                "mono_ms": self.mono_ms + self.seq * SEAL_MS,
                "boot": self.boot,
                "columns": columns,
                **self.fields,
                **fields,
            }
        )
        self.seq += 1
        return body

    def arrive(self, body: Body, *, recv_ms: int | None = None) -> CommittedRecord:
        """Put a batch into the archive; by default just after its minute, by true time."""
        true_ms = START_MS + body.mono_ms - MONO_MS + SEAL_MS + LATENCY_MS
        at_ms = true_ms if recv_ms is None else recv_ms
        last_ms = self.records[-1].recv_ms if self.records else 0
        record = batch_record(
            len(self.records), self.gateway, body, recv_ms=max(at_ms, last_ms)
        )
        self.records.append(record)
        return record

    def send(self, values: int | Sequence[int], **fields: Any) -> CommittedRecord:  # noqa: ANN401
        """Seal the next batch and let it arrive."""
        return self.arrive(self.seal(values, **fields))
