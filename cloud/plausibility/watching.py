"""Looks at every climate point once a day: is what it says what a probe would say?

One thread at leisure, a bounded number of points an hour; what it misses one day it looks at on
the next. What it finds becomes a finding in the archive, and so an alarm that people see.
"""

import datetime as dt
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from cloud.archive.finding import IMPLAUSIBLE, FindingRecord
from cloud.errors import UnavailableError
from cloud.plausibility.judging import Implausible, judge
from cloud.projections.timeseries.store import SeriesKey, TimeSeriesStore
from device_registry.errors import StoreUnavailableError
from device_registry.records import PointRecord
from device_registry.registry import Registry
from domain.quantity import Quantity

ROUND_S: Final = 3600.0
POINTS_A_ROUND: Final = 5_000  # a tenth of a second each: a small part of one core
DAY_MS: Final = 86_400_000
DAYS_BEFORE: Final = 7
MAX_READINGS: Final = 100_000  # of a point that reports every second
WATCHED: Final = frozenset({Quantity.TEMPERATURE, Quantity.HUMIDITY})

_log = logging.getLogger(__name__)


class PlausibilityWatch:
    """See the module."""

    def __init__(
        self,
        registry: Registry,
        store: TimeSeriesStore,
        report: Callable[[FindingRecord], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._registry = registry
        self._store = store
        self._report = report
        self._now_ms = now_ms
        self._day = 0
        self._sites: deque[str] = deque()
        self._points: deque[PointRecord] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="plausibility", daemon=True)

    def start(self) -> None:
        """Begin; the first round is an hour away."""
        self._thread.start()

    def stop(self) -> None:
        """End before the next point."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> int:
        """Do one round and return how many points were looked at.

        Raises:
            UnavailableError: the time series cannot be read now.
            StoreUnavailableError: the registry cannot. The next round goes on where this ended.
        """
        today = self._now_ms() // DAY_MS
        if today != self._day:
            self._sites = deque(site.id for site in self._registry.sites)
            self._points.clear()
            self._day = today
        looked = 0
        while looked < POINTS_A_ROUND and self._has_next() and not self._stopping.is_set():
            self._look_at(self._points[0], today * DAY_MS)
            self._points.popleft()
            looked += 1
        return looked

    def _has_next(self) -> bool:
        """Return whether `_points` has one to look at, fetching those of the next sites."""
        while not self._points and self._sites:
            found = self._registry.points(self._sites[0])
            self._points.extend(point for point in found if point.quantity in WATCHED)
            self._sites.popleft()
        return bool(self._points)

    def _look_at(self, point: PointRecord, until_ms: int) -> None:
        """Judge the whole day before `until_ms` (UTC) of one point."""
        key = SeriesKey(point.site, point.id, point.quantity.value)
        from_ms = until_ms - DAY_MS
        day = self._store.range(key, from_ms, until_ms, MAX_READINGS)
        if len(day) == 0:
            return
        first_ms = from_ms - DAYS_BEFORE * DAY_MS
        before = self._store.range(key, first_ms, from_ms, DAYS_BEFORE * MAX_READINGS)
        found = judge(day, before)
        if found is not None:
            self._report(_finding(point, found, until_ms))

    def _run(self) -> None:
        while not self._stopping.wait(ROUND_S):
            try:
                self.look()
            except (UnavailableError, StoreUnavailableError) as error:
                _log.warning("the day's readings are looked at later: %s", error)


def _finding(point: PointRecord, found: Implausible, at_ms: int) -> FindingRecord:
    told = f"{point.id} is {found.reason} from {_time(found.from_ms)} to {_time(found.to_ms)}"
    if found.before_ms is not None:
        told += f", as it was from {_time(found.before_ms)} on"
    return FindingRecord(
        kind=IMPLAUSIBLE,
        gateway=point.gateway,
        kid=b"",
        epoch=b"",
        lo=0,
        hi=0,
        detail=told,
        at_ms=at_ms,
    )


def _time(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
