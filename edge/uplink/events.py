"""What the uplink is told (events) and what it must do (actions); `edge.uplink.window` decides.

Plain values. `at_ms` is monotonic time; `draw` is uniform in [0, 1), drawn by the caller.
"""

from dataclasses import dataclass

from edge.runs import Runs
from edge.uplink.backoff import Loss
from evidence.configuration import ConfigurationDocument
from evidence.outcome import Retry


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch was made durable in the outbox."""

    at_ms: int
    number: int
    alarm: bool


@dataclass(frozen=True, slots=True)
class Connected:
    """The cloud, or its broker, takes batches now."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no link, or no link any more."""

    at_ms: int
    loss: Loss
    draw: float


@dataclass(frozen=True, slots=True)
class OwnLinkUp:
    """This gateway's own network interface came up."""

    at_ms: int
    draw: float


@dataclass(frozen=True, slots=True)
class Receipted:
    """A verified receipt proves these batches."""

    at_ms: int
    numbers: Runs


@dataclass(frozen=True, slots=True)
class ArchivedSoFar:
    """The cloud holds these batches and owes a receipt."""

    at_ms: int
    numbers: Runs


@dataclass(frozen=True, slots=True)
class Refused:
    """The cloud refuses one batch."""

    at_ms: int
    number: int
    retry: Retry
    draw: float
    code: str = ""
    epoch: bytes = b""


@dataclass(frozen=True, slots=True)
class SlowDown:
    """The cloud asks for a smaller window and a pause."""

    at_ms: int
    window: int
    pause_s: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """The cloud asks for these batches again."""

    at_ms: int
    numbers: Runs


@dataclass(frozen=True, slots=True)
class Heard:
    """Any other signed answer."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class Configured:
    """The cloud says what is to be measured from now on."""

    at_ms: int
    document: ConfigurationDocument


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""

    at_ms: int
    draw: float


Answer = Receipted | ArchivedSoFar | Refused | SlowDown | Wanted | Configured | Heard
Event = Sealed | Connected | Lost | OwnLinkUp | Tick | Answer


@dataclass(frozen=True, slots=True)
class Connect:
    """Try to reach the cloud; answer with `Connected` or `Lost`."""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """The link is dead without saying so: drop it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Send these batches, in this order, with the very bytes of the outbox."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Move a refused batch to the evidence folder."""

    number: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """Continue in a new epoch if `epoch` is the present one: the cloud takes no more of it."""

    epoch: bytes = b""


Action = Connect | Disconnect | Send | SetAside | OpenEpoch
