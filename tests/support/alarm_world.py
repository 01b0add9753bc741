"""The alarm projection over an archive in memory, with the sequencer's part played."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud.projections.alarms.engine import AlarmPolicy
from cloud.projections.alarms.event import decode_document
from cloud.projections.alarms.projection import AlarmProjection
from cloud.projections.feed import CommittedRecord
from cloud.projections.series import SeriesIndex
from device_registry.registry import Registry
from device_registry.serving.stored import StoredRegistry
from tests.support.feeds import other_record, split
from tests.support.registries import registry_of


@dataclass(slots=True)
class AlarmWorld:
    """`records` is the archive; what the projection records waits in `queued`."""

    folder: Path
    records: list[CommittedRecord]
    registry: Registry
    live_from: int
    queued: list[tuple[int, bytes]] = field(default_factory=list)
    projection: AlarmProjection = field(init=False)

    def __post_init__(self) -> None:
        series = SeriesIndex(self.registry)
        if isinstance(self.registry, StoredRegistry):
            self.registry.listeners.append(series.forget)
        self.projection = AlarmProjection(
            self.folder / "alarms.db",
            series,
            lambda kind, data: self.queued.append((kind, data)),
            self.live_from,
            AlarmPolicy(),
        )

    def apply(self, sizes: Sequence[int] = ()) -> None:
        """Apply what is in the archive, in groups of these sizes, the rest as one."""
        for group in split(self.records[self.projection.cursor :], sizes):
            self.projection.apply(group)

    def archive_queued(self) -> list[dict[str, Any]]:
        """Put what was recorded into the archive; return the documents."""
        documents = []
        recv_ms = self.records[-1].recv_ms if self.records else 0
        for kind, data in self.queued:
            record = other_record(len(self.records), kind, data, recv_ms=recv_ms)
            self.records.append(record)
            documents.append(decode_document(data))
        self.queued.clear()
        return documents

    def settle(self) -> list[dict[str, Any]]:
        """Apply and archive until nothing more comes; return the documents."""
        told: list[dict[str, Any]] = []
        while True:
            self.apply()
            if not self.queued:
                return told
            told += self.archive_queued()

    def exported(self) -> list[dict[str, Any]]:
        """Return the export, parsed."""
        return [json.loads(line) for line in self.projection.export()]


@contextmanager
def alarm_world(
    folder: Path,
    records: list[CommittedRecord],
    *,
    registry: Registry | None = None,
    live_from: int | None = None,
) -> Iterator[AlarmWorld]:
    """Open the projection as a process would whose archive ends at `live_from` (the end)."""
    known = registry if registry is not None else registry_of(channels=range(1, 4))
    start = len(records) if live_from is None else live_from
    world = AlarmWorld(folder, records, known, start)
    try:
        yield world
    finally:
        world.projection.close()
