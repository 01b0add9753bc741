"""VictoriaMetrics as a time series store: a second, unlike engine behind the same port.

Written by influxdb-client as it is; read raw through `/api/v1/export`. It is no system of
record: it stores a repeated (series, time) twice, which is undone here on reading, it loses
about a second when killed, drops bad lines without a word, and shows data after two seconds.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import httpx
import numpy as np

from cloud.errors import UnavailableError
from cloud.projections.timeseries.line_writer import Endpoint, LineWriter
from cloud.projections.timeseries.lines import MEASUREMENT, storable
from cloud.projections.timeseries.reduce import in_buckets
from cloud.projections.timeseries.store import (
    Buckets,
    Float64s,
    Health,
    Int64s,
    Rows,
    SeriesKey,
    Span,
    StoredReading,
    WriteResult,
)

TIMEOUT_S: Final = 10
NO_LIMIT: Final = 1 << 62
LAST_MS: Final = 4_102_444_800_000


class VictoriaStore:
    """A `TimeSeriesStore` in one VictoriaMetrics."""

    def __init__(self, endpoint: Endpoint) -> None:
        auth = (endpoint.user, endpoint.password) if endpoint.user else None
        self._http = httpx.Client(base_url=endpoint.url, auth=auth, timeout=TIMEOUT_S)
        self._writer = LineWriter(endpoint, token=endpoint.password or "-", v1=False)

    def write(self, rows: Rows) -> WriteResult:
        """Store `rows`."""
        return self._writer.write(rows)

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        """Return the first `limit` readings of a series from `t0_ms` on."""
        ts, value = self._export("value", key, t0_ms, t1_ms)
        q_ts, q = self._export("q", key, t0_ms, t1_ms)
        known = dict(zip(q_ts.tolist(), q.tolist(), strict=True))
        quality = [int(known.get(t, 0)) for t in ts[:limit].tolist()]
        return Span(ts=ts[:limit], value=value[:limit], q=np.array(quality, dtype=np.uint8))

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        """Return mean, lowest, highest and count per `step_ms`."""
        return in_buckets(self.range(key, t0_ms, t1_ms, NO_LIMIT), step_ms)

    def latest(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, StoredReading]:
        """Return the newest reading of each series that has one."""
        spans = {key: self.range(key, 0, LAST_MS, NO_LIMIT) for key in keys}
        return {
            key: StoredReading(
                ts=int(span.ts[-1]), value=float(span.value[-1]), q=int(span.q[-1])
            )
            for key, span in spans.items()
            if len(span)
        }

    def health(self) -> Health:
        """Return whether the server answers."""
        try:
            answer = self._http.get("/health")
            answer.raise_for_status()
        except httpx.HTTPError as e:
            return Health(reachable=False, flavour="victoria", detail=str(e))
        return Health(reachable=True, flavour="victoria", detail=answer.text)

    def close(self) -> None:
        """Wait for requests under way, then end the connections."""
        self._writer.close()
        self._http.close()

    def _export(
        self, field: str, key: SeriesKey, t0_ms: int, t1_ms: int
    ) -> tuple[Int64s, Float64s]:
        tags = ",".join(
            f"{tag}={json.dumps(storable(text), ensure_ascii=False)}"
            for tag, text in zip(key._fields, key, strict=True)
        )
        asked = {
            "match[]": f"{MEASUREMENT}_{field}{{{tags}}}",
            "start": f"{t0_ms / 1000:.3f}",
            "end": f"{(t1_ms - 1) / 1000:.3f}",
        }
        try:
            answer = self._http.post("/api/v1/export", data=asked)
            answer.raise_for_status()
        except httpx.HTTPError as e:
            raise UnavailableError(f"{self._http.base_url}: {e}") from e
        return _each_time_once([json.loads(line) for line in answer.text.splitlines()])


def _each_time_once(exported: Sequence[Mapping[str, list[float]]]) -> tuple[Int64s, Float64s]:
    ts = np.array([t for part in exported for t in part["timestamps"]], dtype=np.int64)
    value = np.array([v for part in exported for v in part["values"]], dtype=np.float64)
    distinct, last = np.unique(ts[::-1], return_index=True)
    return distinct, value[::-1][last]
