"""A sink that can be shut: what a source says before its turn comes is not recorded."""

from collections.abc import Mapping, Sequence

from domain.frame import Frame
from edge.sink import Sink


class Gate:
    """Passes everything on to `sink` while `is_open`; see `edge.sink.Sink`."""

    __slots__ = ("_sink", "is_open")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.is_open = True

    def row(
        self,
        frame: Frame,
        mono_ms: int,
        values: Sequence[int],
        quality: Sequence[int] | None,
    ) -> None:
        """Pass on a row."""
        if self.is_open:
            self._sink.row(frame, mono_ms, values, quality)

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        """Pass on an event."""
        if self.is_open:
            self._sink.event(kind, mono_ms, channel, body)
