"""Passes on what happens to whoever looks at a page now.

Not durable and never behind: it begins at the archive's end and, when nobody looks, does
nothing. Readings are those of synchronised batches, live or late; alarms, findings and
everything else that pages show arrive as "something changed".
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeseries.scaling import to_float
from dashboards.models import ChangedUpdate, LiveUpdate, ReadingUpdate
from domain.quality import NO_VALUE_FROM
from evidence.record import RecordKind

MAX_POINTS: Final = 256
"""More points in one group are told as one change: pages then read what they show."""
TELLING: Final = frozenset({RecordKind.ALARM, RecordKind.FINDING})


class LiveProjection:
    """A `Projection` without memory.

    `publish` takes updates from the projection's thread; `is_watched` says whether anybody
    would see them.
    """

    name = "live"

    def __init__(
        self,
        series: SeriesIndex,
        live_from: int,
        publish: Callable[[LiveUpdate], None],
        is_watched: Callable[[], bool],
    ) -> None:
        self._series = series
        self._cursor = live_from
        self._publish = publish
        self._is_watched = is_watched

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        return self._cursor

    def apply(self, group: CommitGroup) -> None:
        """Publish what `group` brings."""
        if self._is_watched():
            for update in self._updates(group):
                self._publish(update)
        self._cursor = group.next_index

    def tick(self, as_of_ms: int) -> None:
        """Do nothing: pages age what they show themselves."""

    def _updates(self, group: CommitGroup) -> Iterator[LiveUpdate]:
        records = [r for r in group.records if r.body is not None and r.body.sync]
        readings = list(_readings(Runs.of(records, self._series), self._series, records))
        is_many = len(readings) > MAX_POINTS
        if not is_many:
            yield from readings
        if is_many or any(record.kind in TELLING for record in group.records):
            yield ChangedUpdate()


def _readings(
    runs: Runs, series: SeriesIndex, records: Sequence[CommittedRecord]
) -> Iterator[ReadingUpdate]:
    """Yield what is new of each registered point, in order of time."""
    x = runs.x
    number = x.of_runs(x.run_series)
    t0_ms = np.array([r.body.t0 for r in records if r.body is not None], dtype=np.int64)
    ts = x.of_runs(t0_ms[x.run_record]) + x.off
    value = to_float(x.v, x.of_runs(x.run_exp))
    order = np.lexsort((ts, number))
    number, ts, value, has = number[order], ts[order], value[order], x.q[order] < NO_VALUE_FROM
    cuts = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    for begin, end in pairwise(cuts):
        if begin < end and number[begin] >= 0:
            shown = zip(value[begin:end].tolist(), has[begin:end].tolist(), strict=True)
            yield ReadingUpdate(
                point=series.points[int(number[begin])].id,
                times=ts[begin:end].tolist(),
                values=[v if is_known else None for v, is_known in shown],
            )
