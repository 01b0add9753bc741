"""What becomes of each publication: a row, a change of presence, or a number in the counts.

Used by `edge.mqtt_source.source`, which owns the connection. No I/O and no clock: the caller
gives the time of arrival, and that is what a row is stamped with. Never a row:

- a retained message: it is as old as it likes, and only says where things stood;
- a repeat: the device's own time stamp and every value are those of its last message;
- a report that Zigbee2MQTT kept from before (`last_seen` long ago by a clock that is set);
- anything malformed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.frame import Frame
from domain.quality import Quality
from edge.errors import BadAnswerError
from edge.mqtt_source.config import MqttDevice
from edge.mqtt_source.messages import decode_message, decode_presence, topics_of
from edge.mqtt_source.report import Report
from edge.mqtt_source.scaling import Scaled
from edge.sink import Sink

MAX_AGE_MS: Final = 120_000
"""A report measured longer ago was kept by somebody; the clocks may differ by a part of it."""


@dataclass(slots=True)
class Counts:
    """What came in, by what became of it."""

    rows: int = 0
    malformed: int = 0
    empty: int = 0
    retained: int = 0
    repeated: int = 0
    stale: int = 0
    no_value: int = 0
    missed: int = 0
    unknown_topic: int = 0
    overflowed: int = 0
    refused_topics: int = 0
    connections: int = 0
    last_malformed: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a message arrived; `wall_ms` is None while the clock is not set."""

    mono_ms: int
    wall_ms: int | None = None


@dataclass(slots=True)
class _Device:
    """One sensor between two messages; only the intake touches it."""

    config: MqttDevice
    whole: Frame
    singles: tuple[Frame, ...]
    present: bool | None = None
    heard_ms: int | None = None
    silent_after_ms: int = 0
    last: Report | None = None
    row_ms: int = -1


class Intake:
    """All devices behind one broker."""

    def __init__(self, devices: Sequence[MqttDevice], sink: Sink) -> None:
        self.counts = Counts()
        self._sink = sink
        self._devices = [_of(config) for config in devices]
        self._readings: dict[str, list[_Device]] = {}
        self._presence: dict[str, list[_Device]] = {}
        for device in self._devices:
            topics = topics_of(device.config)
            self._readings.setdefault(topics.readings, []).append(device)
            for topic in topics.presence:
                self._presence.setdefault(topic, []).append(device)

    @property
    def topics(self) -> tuple[str, ...]:
        """Return every topic to subscribe to, each once."""
        return tuple(sorted(self._readings.keys() | self._presence.keys()))

    def message(self, topic: str, payload: bytes, arrival: Arrival, *, retained: bool) -> None:
        """Take one publication; never raises."""
        devices = self._readings.get(topic, ())
        watchers = self._presence.get(topic, ())
        if not devices and not watchers:
            self.counts.unknown_topic += 1
        for device in watchers:
            self._presence_of(device, arrival, present=decode_presence(payload))
        if devices and retained:
            self.counts.retained += 1
            return
        for device in devices:
            try:
                self._report(device, decode_message(device.config, payload), arrival)
            except BadAnswerError as exc:
                self.counts.malformed += 1
                self.counts.last_malformed = str(exc)

    def tick(self, mono_ms: int) -> None:
        """Give a row without values for every device that has been silent too long."""
        for device in self._devices:
            if device.heard_ms is None:
                device.heard_ms = mono_ms
            span_ms = device.silent_after_ms
            if span_ms and mono_ms - device.heard_ms >= span_ms:
                device.heard_ms = mono_ms
                self._miss(device, mono_ms)

    def _presence_of(self, device: _Device, arrival: Arrival, *, present: bool | None) -> None:
        if present is None:
            self.counts.malformed += 1
            self.counts.last_malformed = f"{device.config.name}: neither online nor offline"
            return
        gone = present is False and device.present is not False
        device.present = present
        if gone:
            self._miss(device, arrival.mono_ms)

    def _report(self, device: _Device, report: Report, arrival: Arrival) -> None:
        if report.wake_s and not device.config.silent_after_s:
            device.silent_after_ms = 2 * report.wake_s * 1000  # one lost message is no silence
        if report.is_empty:
            self.counts.empty += 1
        elif _is_repeat(device.last, report):
            self.counts.repeated += 1
        elif _is_stale(report, arrival):
            self.counts.stale += 1
        else:
            device.last = report
            device.heard_ms = arrival.mono_ms
            self._rows(device, report.values, arrival.mono_ms)

    def _rows(self, device: _Device, values: tuple[Scaled | None, ...], mono_ms: int) -> None:
        # Two messages may come in one millisecond; readings of a point are told apart by it.
        device.row_ms = at_ms = max(mono_ms, device.row_ms + 1)
        told = [value for value in values if value is not None]
        if len(told) == len(values):
            self._row(device.whole, told, at_ms)
            return
        for frame, value in zip(device.singles, values, strict=True):
            if value is not None:
                self._row(frame, [value], at_ms)

    def _miss(self, device: _Device, mono_ms: int) -> None:
        self.counts.missed += 1
        self._rows(device, ((0, Quality.TIMEOUT),) * device.whole.width, mono_ms)

    def _row(self, frame: Frame, told: list[Scaled], at_ms: int) -> None:
        quality = [int(q) for _, q in told]
        self.counts.rows += 1
        self.counts.no_value += sum(q >= Quality.TIMEOUT for q in quality)
        self._sink.row(frame, at_ms, [v for v, _ in told], quality if any(quality) else None)


def _of(config: MqttDevice) -> _Device:
    points = config.points
    whole = _frame(tuple(p.channel for p in points), tuple(p.exp for p in points))
    singles = tuple(_frame((point.channel,), (point.exp,)) for point in points)
    silent_after_ms = config.silent_after_s * 1000
    return _Device(config, whole, singles, silent_after_ms=silent_after_ms)


def _frame(channels: tuple[int, ...], exps: tuple[int, ...]) -> Frame:
    return Frame(channels=channels, exps=exps, period_ms=0)


def _is_repeat(last: Report | None, report: Report) -> bool:
    if last is None or not report.stamp:
        return False
    return (report.stamp, report.values) == (last.stamp, last.values)


def _is_stale(report: Report, arrival: Arrival) -> bool:
    if report.measured_ms is None or arrival.wall_ms is None:
        return False
    return arrival.wall_ms - report.measured_ms > MAX_AGE_MS
