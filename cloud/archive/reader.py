"""The archive as projections read it when they are behind, or are rebuilt.

Every call opens nothing and holds nothing: a reader may be called from any thread while the
sequencer writes. Who signed a batch is taken from its own header, which was compared with the
registry when it came in, so that a key that was removed since still has its past.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from cloud.archive.stream import Stream
from cloud.projections.feed import CommittedRecord
from evidence import cose
from evidence.batch import Body, decode_body
from evidence.record import Record, RecordKind

HEADERS_MAX = 100_000


class StreamReader:
    """A `cloud.projections.feed.ArchiveReader` over a stream."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._gateways: dict[bytes, str] = {}

    @property
    def next_index(self) -> int:
        """Return the index that the next record will get: everything below is durable."""
        return self._stream.next_index

    def read_records(self, from_index: int, limit: int) -> Sequence[CommittedRecord]:
        """Return at most `limit` committed records from `from_index` on; none at the end."""
        return list(islice(self.read(from_index), limit))

    def read(self, from_index: int) -> Iterator[CommittedRecord]:
        """Yield the committed records from `from_index` on."""
        for index, record in self._stream.records(from_index):
            gateway, body = self._batch(record)
            yield CommittedRecord(
                index=index,
                kind=record.kind,
                recv_ms=record.recv_ms,
                gateway=gateway,
                body=body,
                raw=record.data,
            )

    def _batch(self, record: Record) -> tuple[str | None, Body | None]:
        if record.kind != RecordKind.BATCH:
            return None, None
        envelope = cose.parse1(record.data)
        gateway = self._gateways.get(envelope.protected)
        if gateway is None:
            gateway = cose.read_header(envelope.protected).iss
            if len(self._gateways) < HEADERS_MAX:
                self._gateways[envelope.protected] = gateway
        return gateway, decode_body(envelope.payload)
