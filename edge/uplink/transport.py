"""What the uplink needs of a way to the cloud; `mqtt` and `https` are the two there are."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn, Protocol

from edge.errors import EdgeError

CONNECT_TIMEOUT_S = 4.0  # with the ceiling of `window.Policy`, back within 5 s of the link


class UnreachedError(EdgeError):
    """No answer from the other end: tried again within seconds."""


class RefusedError(EdgeError):
    """The other end answered, and it was no: tried again within minutes."""


Connected = Callable[[], Awaitable[None]]
Inbox = Callable[[bytes], Awaitable[None]]
"""Takes one down message; awaiting it is the back-pressure."""


class Transport(Protocol):
    """One way to the cloud. Everything is called on the event loop."""

    @property
    def name(self) -> str:
        """Return what people call it."""

    async def run(self, connected: Connected, inbox: Inbox) -> NoReturn:
        """Connect, await `connected` once batches are taken, then pass on what comes down.

        Ends only by cancellation, which closes everything at once, or by raising.

        Raises:
            UnreachedError: no link, or no link any more.
            RefusedError: reached, and refused.
        """

    def send(self, batches: Sequence[bytes]) -> None:
        """Queue batches of a connected link; returns at once. The window bounds how many."""

    def expect(self, *, answers: bool) -> None:
        """Note whether outcomes are owed; a transport that must ask for them then does."""
