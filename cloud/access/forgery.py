"""Against forged requests: a form must prove that it came from a page of this session.

Every request that changes something and comes with a session cookie needs the session's CSRF
token: in the header `X-CSRF-Token`, or in the body's first field. Requests that a browser says
come from another site are refused whatever they carry. Acts on ASGI messages; the part of the
body that was read is handed on.
"""

from typing import Final

from starlette.requests import Request
from starlette.types import Message, Receive

from domain.web_address import parts_of

HEADER: Final = "x-csrf-token"
HEAD_BYTES: Final = 4096
"""How much of a body is looked at: the field is the form's first."""


def is_foreign(request: Request) -> bool:
    """Say whether a browser tells that another site made this request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("origin")
    return origin is not None and parts_of(origin).netloc != request.headers.get("host")


class Body:
    """A request's body of which the beginning was read already."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read: list[Message] = []

    async def brings(self, token: str) -> bool:
        """Say whether the beginning of the body holds `token`, which nobody else can know."""
        head = b""
        while len(head) < HEAD_BYTES:
            message = await self._receive()
            self._read.append(message)
            head += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return token.encode() in head[:HEAD_BYTES]

    async def receive(self) -> Message:
        """Give the body again from its beginning."""
        return self._read.pop(0) if self._read else await self._receive()
