"""The point table as events that fit a batch.

A table of some hundred channels is one event. A larger one is cut into several, in ascending
channel number, in the first batches of the epoch; a channel never changes its meaning, so a
reader adds the rows up, and the hash in every batch is of the whole.
"""

from collections.abc import Iterator, Sequence

from domain.channel import Channel
from evidence import cbor
from evidence.point_table import encode_table

CHUNK_BYTES = 40_960


def table_bodies(channels: Sequence[Channel]) -> Iterator[dict[int, object]]:
    """Yield the bodies of the POINT_TABLE events; one, with no row, for an empty table."""
    rows: list[object] = []
    size = 0
    for row in encode_table(channels):
        row_bytes = len(cbor.encode(row))
        if rows and size + row_bytes > CHUNK_BYTES:
            yield {1: rows}
            rows, size = [], 0
        rows.append(row)
        size += row_bytes
    yield {1: rows}
