"""From archive records to what happens to alarms; in memory, without a clock or a file.

What comes out depends on the records and their order only, never on how they were grouped.
Silence alone is found live, by the server's time, and read from its recorded alarms otherwise
(see `cloud.projections.alarms.silence`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from cloud.archive.finding import decode_finding
from cloud.projections.alarms.event import AlarmEvent, AlarmKind, decode_document, event_of
from cloud.projections.alarms.happenings import finding_event, silence_event
from cloud.projections.alarms.point_state import Packs
from cloud.projections.alarms.points import PointWatch
from cloud.projections.alarms.silence import SilenceChange, SilenceWatch
from cloud.projections.feed import CommitGroup, CommittedRecord
from cloud.projections.runs import Runs
from cloud.projections.series import SeriesIndex
from cloud.projections.timeline import Place, Timelines
from domain.alarms.state import TransitionKind
from evidence.errors import WireError
from evidence.record import RecordKind

BACKUP: Final = "!backup"  # no gateway can be called so
BACKUP_GRACE_MS: Final = 3_600_000
HOUR_MS: Final = 3_600_000
UNKNOWN_HEARTBEAT_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPolicy:
    """What an operator may set."""

    silent_periods: int = 2
    """A gateway is silent after so many of its seal periods."""
    backup_every_h: int = 24


class Happening(NamedTuple):
    """Something for the book. A named tuple: it is only carried to it."""

    event: AlarmEvent
    at_index: int
    """The archive record that it came with."""
    is_recorded: bool
    """It is that record: it was told to people when it was archived."""


class AlarmEngine:
    """Takes groups in archive order; `happenings` collects what the book must be told.

    Records from index `live_from` on are news; silence is searched for from there on.
    """

    def __init__(
        self, series: SeriesIndex, packs: Packs, policy: AlarmPolicy, live_from: int
    ) -> None:
        self._series = series
        self._registry = series.registry
        self._policy = policy
        self._live_from = live_from
        self._timelines = Timelines()
        self._silence = SilenceWatch()
        self._index = 0  # of the record being applied
        self.points = PointWatch(series, packs, self._derived)
        self.happenings: list[Happening] = []
        self.unreadable = 0
        """Documents that could not be decoded: of a later version, or a mistake."""

    def apply(self, group: CommitGroup) -> None:
        """Judge the records of `group`."""
        runs = Runs.of(group.records, self._series)
        places = [
            self._place(r, span) for r, span in zip(group.records, runs.spans, strict=True)
        ]
        self.points.look_at(runs, group.records, places)
        for position, record in enumerate(group.records):
            self._index = record.index
            if record.index >= self._live_from:
                self._silence.begin(record.recv_ms)
                self._find_silence(record.recv_ms)
            if record.gateway is not None:
                self._heard(record.gateway, self._limit_ms(record.gateway), record)
                self.points.batch(position, record)
            else:
                self._other(record)
        self._index = group.next_index

    def tick(self, as_of_ms: int) -> None:
        """Let time pass; everything received before `as_of_ms` has been applied."""
        self._silence.begin(as_of_ms)
        self._find_silence(as_of_ms)
        for change in self._silence.released(as_of_ms, self._is_expected):
            self._tell_silence(change)
        self.points.release(as_of_ms)

    def last_heard_ms(self, gateway: str) -> int | None:
        """Return when a gateway's last batch came."""
        return self._silence.last_heard_ms(gateway)

    def is_silent(self, gateway: str) -> bool:
        """Return whether a gateway is silent now."""
        return self._silence.is_silent(gateway)

    def snapshot(self) -> dict[str, Any]:
        """Return what is remembered besides the points, as values that JSON can carry."""
        return {
            "timelines": self._timelines.snapshot(),
            "silence": self._silence.snapshot(),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._timelines.restore(saved["timelines"])
        self._silence.restore(saved["silence"])

    def _place(self, record: CommittedRecord, span_ms: tuple[int, int]) -> Place | None:
        if record.gateway is None or record.body is None:
            return None
        return self._timelines.place(record.gateway, record.body, span_ms, record.recv_ms)

    def _other(self, record: CommittedRecord) -> None:
        try:
            match record.kind:
                case RecordKind.FINDING:
                    self._finding(record)
                case RecordKind.ALARM:
                    self._recorded(record)
                case RecordKind.BACKUP:
                    self._heard(BACKUP, self._limit_ms(BACKUP), record)
                case RecordKind.GENESIS if self._silence.last_heard_ms(BACKUP) is None:
                    self._heard(BACKUP, self._limit_ms(BACKUP), record)
                case _:
                    pass
        except WireError:
            self.unreadable += 1

    def _finding(self, record: CommittedRecord) -> None:
        finding = decode_finding(record.raw)
        gateway = self._registry.gateway(finding.gateway)
        event = finding_event(finding, gateway.site if gateway else "", record)
        if event is not None:
            self._derived(event)

    def _recorded(self, record: CommittedRecord) -> None:
        event = event_of(decode_document(record.raw))
        self.happenings.append(Happening(event, record.index, is_recorded=True))
        if event.event is TransitionKind.ACKNOWLEDGED and event.kind is AlarmKind.LIMIT:
            point = self._registry.point_by_id(event.point)
            if point is not None:
                self.points.acknowledge(point.gateway, point.channel, event.at_ms, event.who)
        if (
            event.kind in {AlarmKind.SILENT, AlarmKind.BACKUP}
            and record.index < self._live_from
        ):
            key = BACKUP if event.kind is AlarmKind.BACKUP else event.gateway
            began = event.event is TransitionKind.RAISED
            if began or event.event is TransitionKind.RETURNED:
                change = SilenceChange(key, began, event.since_ms, event.at_ms)
                self._silence.mark(key, self._limit_ms(key), change)

    def _heard(self, key: str, limit_ms: int, record: CommittedRecord) -> None:
        change = self._silence.heard(key, limit_ms, record.recv_ms)
        if change is not None and record.index >= self._live_from:
            self._tell_silence(change)

    def _find_silence(self, now_ms: int) -> None:
        for change in self._silence.due(now_ms, self._is_expected):
            self._tell_silence(change)

    def _is_expected(self, key: str) -> bool:
        """Return whether silence is an alarm; that of the backup (no gateway) always is."""
        gateway = self._registry.gateway(key)
        return gateway is None or gateway.is_expected

    def _tell_silence(self, change: SilenceChange) -> None:
        kind = AlarmKind.BACKUP if change.key == BACKUP else AlarmKind.SILENT
        name = "" if change.key == BACKUP else change.key
        gateway = self._registry.gateway(name)
        event = TransitionKind.RAISED if change.began else TransitionKind.RETURNED
        times = (change.since_ms, change.at_ms)
        site = gateway.site if gateway is not None else ""
        self._derived(silence_event(kind, name, site, event, times))

    def _limit_ms(self, key: str) -> int:
        if key == BACKUP:
            return self._policy.backup_every_h * HOUR_MS + BACKUP_GRACE_MS
        gateway = self._registry.gateway(key)
        heartbeat_s = UNKNOWN_HEARTBEAT_S if gateway is None else gateway.heartbeat_s
        return self._policy.silent_periods * heartbeat_s * 1000

    def _derived(self, event: AlarmEvent) -> None:
        self.happenings.append(Happening(event, self._index, is_recorded=False))
