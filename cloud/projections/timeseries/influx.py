"""InfluxDB as a time series store: 1.6, 1.7 by `/write`, 1.8 and later by `/api/v2/write`.

What the server is, is asked when it first answers, so that it may be down when we start.
Writing the same (series, time) again overwrites: InfluxDB is idempotent by itself.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from cloud.errors import UnavailableError
from cloud.projections.timeseries.influxql import InfluxQl, Version, identifier, of_series
from cloud.projections.timeseries.line_writer import Endpoint, LineWriter
from cloud.projections.timeseries.store import (
    Buckets,
    Health,
    Rows,
    SeriesKey,
    Span,
    StoredReading,
    WriteResult,
)

KEYS_PER_QUERY: Final = 100
NO_LIMIT: Final = 1 << 31  # more than InfluxQL takes as a LIMIT; then none is set


class InfluxStore:
    """A `TimeSeriesStore` in one InfluxDB database (bucket)."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._ql = InfluxQl(endpoint)
        self._connecting = threading.Lock()
        self._writer: LineWriter | None = None  # set once, under `_connecting`

    def write(self, rows: Rows) -> WriteResult:
        """Store `rows`; lines that InfluxDB refuses are returned with its words."""
        return self._connected().write(rows)

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        """Return the first `limit` readings of a series from `t0_ms` on."""
        most = f" LIMIT {limit}" if limit < NO_LIMIT else ""
        asked = f"SELECT value, q {of_series(key)} AND {_between(t0_ms, t1_ms)}{most}"
        (rows,) = self._ql.ask([asked])
        ts, value, q = zip(*rows, strict=True) if rows else ((), (), ())
        return Span(
            ts=np.array(ts, dtype=np.int64),
            value=np.array(value, dtype=np.float64),
            q=np.array(q, dtype=np.uint8),
        )

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        """Return mean, lowest, highest and count per `step_ms`, computed by InfluxDB."""
        asked = (
            f"SELECT mean(value), min(value), max(value), count(value) {of_series(key)}"
            f" AND {_between(t0_ms, t1_ms)} GROUP BY time({step_ms}ms) fill(none)"
        )
        (rows,) = self._ql.ask([asked])
        start_ms, mean, low, high, count = zip(*rows, strict=True) if rows else ((),) * 5
        return Buckets(
            start_ms=np.array(start_ms, dtype=np.int64),
            mean=np.array(mean, dtype=np.float64),
            low=np.array(low, dtype=np.float64),
            high=np.array(high, dtype=np.float64),
            count=np.array(count, dtype=np.int64),
        )

    def latest(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, StoredReading]:
        """Return the newest reading of each series that has one."""
        found: dict[SeriesKey, StoredReading] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            asked = keys[start : start + KEYS_PER_QUERY]
            answers = self._ql.ask(
                [
                    f"SELECT value, q {of_series(key)} ORDER BY time DESC LIMIT 1"
                    for key in asked
                ]
            )
            for key, rows in zip(asked, answers, strict=True):
                if rows:
                    found[key] = _stored(rows[0])
        return found

    def health(self) -> Health:
        """Return what the server says it is."""
        try:
            version = self._ql.version()
        except UnavailableError as e:
            return Health(reachable=False, flavour="influx", detail=str(e))
        return Health(reachable=True, flavour="influx", version=version.text)

    def close(self) -> None:
        """Wait for requests under way, then end the connections."""
        if self._writer is not None:
            self._writer.close()
        self._ql.close()

    def _connected(self) -> LineWriter:
        with self._connecting:
            if self._writer is None:
                version = self._ql.version()
                if version.major == 1:
                    self._ql.ask([f"CREATE DATABASE {identifier(self._endpoint.database)}"])
                token = _token(self._endpoint, version)
                v1 = version[:2] < (1, 8)
                self._writer = LineWriter(self._endpoint, token=token, v1=v1)
            return self._writer


def _token(endpoint: Endpoint, version: Version) -> str:
    """1.8 takes `user:password` for a token; from 2 on the password is the token."""
    if version.major == 1 and endpoint.user:
        return f"{endpoint.user}:{endpoint.password}"
    return endpoint.password or "-"


def _between(t0_ms: int, t1_ms: int) -> str:
    return f"time >= {t0_ms}ms AND time < {t1_ms}ms"


def _stored(row: Sequence[Any]) -> StoredReading:
    ts, value, q = row
    return StoredReading(ts=int(ts), value=float(value), q=int(q))
