"""A sink that keeps what the sources say, and a clock that a test moves by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.modbus_builders import RecordingSink


@dataclass
class CollectingSink(RecordingSink):
    """Keeps rows as `RecordingSink` does, and events too."""

    events: list[tuple[int, int, int, Mapping[int, object]]] = field(default_factory=list)

    def event(self, kind: int, mono_ms: int, channel: int, body: Mapping[int, object]) -> None:
        self.events.append((kind, mono_ms, channel, body))


@dataclass
class HandClock:
    """Stands still until a test moves it."""

    now_ms: int = 1_000_000
    wall_offset_ms: int = 1_700_000_000_000
    synced: int = 1
    boot: int = 1

    def wall_ms(self) -> int:
        return self.now_ms + self.wall_offset_ms

    def mono_ms(self) -> int:
        return self.now_ms

    def sync(self) -> tuple[int, int]:
        return self.synced, 10
