"""Brings the evidence of a reading out of the archive and its log.

Reads what is durable and published, from any thread, beside the sequencer. The checkpoint is
the published one; a receipt is made for exactly the batch that is asked for.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from cloud.archive.log_store import LogStore
from cloud.archive.stream import Stream
from cloud.errors import LogRefusedError, UnavailableError
from cloud.pages.batch_times import BatchTimes
from cloud.pages.proofs import Pinned, ProofEvidence
from device_registry.registry import Registry
from domain.quality import has_value
from evidence.archive_files import LOG
from evidence.batch import Body, decode_body, expand
from evidence.checkpoint import open_note
from evidence.cose import Signer, parse1
from evidence.errors import CorruptError, StorageFaultError
from evidence.keys import PublicKey
from evidence.receipt import ReceiptSigner, Run
from evidence.record import Record, RecordKind, run_of
from evidence.tile_layout import CHECKPOINT


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """The log key, for receipts of trees that are published already."""

    signer: Signer
    public: PublicKey
    now_s: Callable[[], int]
    """What time a receipt is issued at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A batch in the archive; `index` counts over all logs."""

    index: int
    record: Record
    body: Body
    shift_ms: int


class ArchiveEvidence:
    """An `EvidenceFinder` over a stream; safe from several threads."""

    def __init__(
        self, stream: Stream, times: BatchTimes, registry: Registry, key: LogKey
    ) -> None:
        self._stream = stream
        self._times = times
        self._registry = registry
        self._key = key

    def find(
        self, gateway: str, channel: int, t_ms: int
    ) -> tuple[ProofEvidence, Pinned] | None:
        """Return the batch with the newest reading up to `t_ms`; see `EvidenceFinder`."""
        try:
            batches = list(self._batches(gateway, t_ms))
            holder = _holder(batches, channel, t_ms)
            return None if holder is None else self._evidence(gateway, holder, batches)
        except (CorruptError, StorageFaultError, LogRefusedError, OSError) as error:
            raise UnavailableError(f"the archive cannot be read now: {error}") from error

    def _batches(self, gateway: str, t_ms: int) -> Iterator[_Found]:
        for near in self._times.near(gateway, t_ms):
            found = next(self._stream.records(near.record), None)
            if found is None or found[0] != near.record or found[1].kind != RecordKind.BATCH:
                continue
            body = decode_body(parse1(found[1].data).payload)
            yield _Found(
                index=found[0], record=found[1], body=body, shift_ms=near.t0_ms - body.t0
            )

    def _evidence(
        self, gateway: str, holder: _Found, batches: Sequence[_Found]
    ) -> tuple[ProofEvidence, Pinned] | None:
        kid, epoch, seq, lo = run_of(holder.record)
        known = self._registry.gateway_by_kid(kid)
        log = self._log_of(holder.index)
        leaf_index = holder.index - log.manifest.first_index
        note = (log.folder / LOG / CHECKPOINT).read_bytes()
        tree = open_note(note, {log.manifest.origin: self._key.public})
        if known is None or tree.size <= leaf_index:
            return None
        path = log.path(leaf_index, tree.size)
        signer = ReceiptSigner(log.manifest.origin, self._key.signer)
        signed = signer.checkpoint(tree.size, tree.root, self._key.now_s())
        evidence = ProofEvidence(
            batch=holder.record.data,
            previous=_previous(holder.body, batches),
            received_ms=holder.record.recv_ms,
            run_lo=lo,
            leaf_index=leaf_index,
            path=path,
            checkpoint=note,
            receipt=signed.receipt([Run(epoch, lo, seq, leaf_index, path)]),
            shift_ms=holder.shift_ms,
        )
        pinned = Pinned(
            gateway=gateway,
            gateway_key=known[1],
            log_origin=log.manifest.origin,
            log_key=self._key.public,
        )
        return evidence, pinned

    def _log_of(self, index: int) -> LogStore:
        logs = self._stream.logs
        starts = [log.manifest.first_index for log in logs]
        return logs[max(bisect_right(starts, index) - 1, 0)]


def _holder(batches: Sequence[_Found], channel: int, t_ms: int) -> _Found | None:
    """Return the batch with the newest reading of the channel at or before `t_ms`."""
    best: tuple[int, _Found] | None = None
    for batch in batches:
        newest_ms = max(
            (
                at_ms + batch.shift_ms
                for number, _, at_ms, _, quality in expand(batch.body)
                if number == channel and has_value(quality) and at_ms + batch.shift_ms <= t_ms
            ),
            default=None,
        )
        if newest_ms is not None and (best is None or newest_ms > best[0]):
            best = newest_ms, batch
    return best[1] if best else None


def _previous(body: Body, batches: Sequence[_Found]) -> bytes | None:
    """Return the batch before `body` in its epoch, which lies near it in time."""
    for batch in batches:
        if (batch.body.epoch, batch.body.seq + 1) == (body.epoch, body.seq):
            return batch.record.data
    return None
