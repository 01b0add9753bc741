"""Buckets out of single readings, for stores that do not aggregate themselves.

Pure. The buckets are aligned to the epoch, as InfluxDB's `GROUP BY time()` aligns them.
"""

import numpy as np

from cloud.projections.timeseries.store import Buckets, Span


def in_buckets(span: Span, step_ms: int) -> Buckets:
    """Return mean, lowest, highest and count per `step_ms` of readings in time order."""
    slot = span.ts // step_ms
    first = np.flatnonzero(np.diff(slot, prepend=slot[:1] - 1))
    count = np.diff(first, append=len(slot))
    if not len(first):
        none = np.empty(0)
        return Buckets(start_ms=span.ts[:0], mean=none, low=none, high=none, count=count)
    return Buckets(
        start_ms=slot[first] * step_ms,
        mean=np.add.reduceat(span.value, first) / count,
        low=np.minimum.reduceat(span.value, first),
        high=np.maximum.reduceat(span.value, first),
        count=count,
    )
