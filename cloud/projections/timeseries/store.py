"""The port to a time series store, and what crosses it.

Used by the time series projection (write) and the pages (everything else). Adapters: `sqlite`
(embedded), `influx` (InfluxDB 1.6 to 3), `victoria` (VictoriaMetrics). One contract suite runs
on all of them. Times are Unix ms; intervals are half open: `t0_ms` is in, `t1_ms` is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]
Bytes8s = NDArray[np.uint8]


class SeriesKey(NamedTuple):
    """What a series is called: the tags of CONTRACT.md section 6.

    A named tuple, because it is looked up once per series and write: a tuple of texts hashes
    ten times faster than a frozen dataclass.
    """

    site: str
    point: str
    quantity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Readings to store, as columns of one length; a reading is `v * 10^exp` at `ts`.

    Every reading carries a value (quality below 8), and no (series, ts) occurs twice.
    """

    keys: Sequence[SeriesKey]
    """What `series` points into; may hold series that do not occur."""
    series: Int64s
    ts: Int64s
    v: Int64s
    exp: Int64s
    q: Bytes8s

    def __len__(self) -> int:
        return len(self.ts)

    def only(self, kept: NDArray[np.bool_]) -> "Rows":
        """Return the rows where `kept` is true."""
        return Rows(
            keys=self.keys,
            series=self.series[kept],
            ts=self.ts[kept],
            v=self.v[kept],
            exp=self.exp[kept],
            q=self.q[kept],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A reading that the store will never take, and why."""

    line: str
    """As line protocol, so that every store's dead letters read alike."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteResult:
    """What became of a write: `accepted` readings are durable in the store."""

    accepted: int
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Stored readings of one series, oldest first, each time once."""

    ts: Int64s
    value: Float64s
    q: Bytes8s

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Buckets:
    """One row per non-empty interval of `step_ms`, aligned to the epoch, oldest first."""

    start_ms: Int64s
    mean: Float64s
    low: Float64s
    high: Float64s
    count: Int64s


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReading:
    """The newest stored reading of a series."""

    ts: int
    value: float
    q: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Whether the store answers, and what it is."""

    reachable: bool
    flavour: str
    version: str = ""
    detail: str = ""


class TimeSeriesStore(Protocol):
    """A place for readings. Every method but `health` may raise `UnavailableError`.

    Writing the same (series, ts) again leaves one reading, the last written. `write` is called
    from one thread; reading is allowed from any.
    """

    def write(self, rows: Rows) -> WriteResult:
        """Store `rows` durably before returning; what can never be stored is returned."""
        ...

    def range(self, key: SeriesKey, t0_ms: int, t1_ms: int, limit: int) -> Span:
        """Return the first `limit` readings of a series from `t0_ms` on."""
        ...

    def buckets(self, key: SeriesKey, t0_ms: int, t1_ms: int, step_ms: int) -> Buckets:
        """Return mean, lowest, highest and count per `step_ms`."""
        ...

    def latest(self, keys: Sequence[SeriesKey]) -> Mapping[SeriesKey, StoredReading]:
        """Return the newest reading of each series that has one."""
        ...

    def health(self) -> Health:
        """Return the state of the store; never raises."""
        ...
