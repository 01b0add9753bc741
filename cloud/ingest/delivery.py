"""One batch on its way in, and where its answers go.

Made by a transport, carried through the checks to the sequencer. Not frozen: one of each is
made per batch on the hot path, where a frozen dataclass costs three times as much to build.
Nobody changes them after they are made.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cloud.ingest.keyring import KnownKey
from evidence.batch import Body

VIA_HTTPS = "https"
VIA_MQTT = "mqtt"
VIA_CARD = "card"
VIA_LOCAL = "local"


class Route(Protocol):
    """Where the answers to one sender go. Safe from any thread; never blocks, never raises."""

    @property
    def gateway(self) -> str:
        """Return the gateway that the topic or URL names: the one that reads the answers."""

    def answer(self, message: bytes, settled: int) -> None:
        """Send a signed down message that is the outcome of `settled` batches of this route."""


def nothing_to_do() -> None:
    """Be the `committed` of a transport that needs no acknowledgement of its own."""


@dataclass(slots=True)
class Delivery:
    """The bytes of one batch as they came.

    `committed` is called once the batch is on disk, or refused, or its gateway was told to send
    it again: a broker's acknowledgement belongs there, so that a crash before it costs a
    duplicate, not a loss.
    """

    data: bytes
    via: str
    route: Route
    committed: Callable[[], None] = nothing_to_do


@dataclass(slots=True)
class Checked:
    """A batch that passed every check that needs no memory of other batches."""

    delivery: Delivery
    key: KnownKey
    body: Body
    sha256: bytes


@dataclass(slots=True)
class Rejected:
    """A batch that failed one; `kid` is empty when not even a header could be read.

    `known` says whether the key is one of the registry's: of others nothing is kept.
    """

    delivery: Delivery
    code: str
    message: str
    kid: bytes = b""
    known: KnownKey | None = None
    payload: bytes = b""
