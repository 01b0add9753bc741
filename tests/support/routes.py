"""A route that remembers what it was told, in the place of a transport."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class RecordingRoute:
    """A `cloud.ingest.delivery.Route` for tests."""

    gateway: str = "gw-demo-01"
    messages: list[bytes] = field(default_factory=list)
    settled: int = 0
    acknowledged: int = 0

    def answer(self, message: bytes, settled: int) -> None:
        self.messages.append(message)
        self.settled += settled

    def committed(self) -> None:
        self.acknowledged += 1

    def take(self) -> list[bytes]:
        """Return the messages since the last call."""
        taken, self.messages = self.messages, []
        return taken
