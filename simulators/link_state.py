"""How a failing link is at the moment, and what that means for the next message.

Used by `simulators.link` and `simulators.link_pipe`. Pure but for the counters it keeps.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from simulators.errors import UsageError
from simulators.link_frames import REPEATABLE, SPLITTERS, may_be_repeated


class Mode(StrEnum):
    """What the link does with what it is given."""

    UP = "up"
    CUT = "cut"
    STALLED = "stalled"
    HELD = "held"


class Direction(StrEnum):
    """`UP` is from who connected towards the server."""

    UP = "up"
    DOWN = "down"


class Fault(StrEnum):
    """What may be done to the next messages of one direction."""

    LOSE = "lose"
    REPEAT = "repeat"
    SWAP = "swap"


@dataclass(slots=True)
class Counts:
    """What the link has done so far."""

    connections: int = 0
    messages: dict[Direction, int] = field(default_factory=lambda: dict.fromkeys(Direction, 0))
    swallowed_bytes: int = 0
    faults: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))


class LinkState:
    """The mode, the faults still to be done, the delays, and the counts of one link."""

    def __init__(self, protocol: str) -> None:
        self.mode = Mode.UP
        self.delay_s = dict.fromkeys(Direction, 0.0)
        self.counts = Counts()
        self._protocol = protocol
        self._split = SPLITTERS[protocol]
        self._pending = {fault: dict.fromkeys(Direction, 0) for fault in Fault}

    def order(self, fault: Fault, direction: Direction, count: int) -> None:
        """Let the next `count` messages that go `direction` suffer `fault`."""
        if fault is not Fault.LOSE and self._protocol not in REPEATABLE:
            raise UsageError(
                f"a link of protocol {self._protocol} cannot {fault} messages; "
                f"use one of: {', '.join(sorted(REPEATABLE))}"
            )
        self._pending[fault][direction] += count

    def messages_of(self, buffer: bytearray) -> list[bytes]:
        """Take the complete messages out of `buffer`."""
        messages = []
        while size := self._split(bytes(buffer)):
            messages.append(bytes(buffer[:size]))
            del buffer[:size]
        return messages

    def suffered(self, direction: Direction, message: bytes) -> Fault | None:
        """Return what happens to `message`, and count it."""
        self.counts.messages[direction] += 1
        for fault, left in self._pending.items():
            allowed = fault is Fault.LOSE or may_be_repeated(self._protocol, message)
            if left[direction] and allowed:
                left[direction] -= 1
                self.counts.faults[fault] += 1
                return fault
        return None
