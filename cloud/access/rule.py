"""What one route asks of whoever comes. `cloud.access.rules` is the table of all of them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from device_registry.access.action import Action


class Open(StrEnum):
    """What a route asks when it asks for no right."""

    PUBLIC = "public"
    """Nothing: the same for everybody."""
    SIGNED_IN = "signed_in"
    """A person's session; it concerns that person only."""
    OWN = "own"
    """It proves its caller itself: by a gateway's signature, a claim, a certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where a route names a thing of the registry that must lie within the asker's scope."""

    kind: str
    """The registry's kind."""
    param: str
    where: Literal["path", "query"] = "path"
    """One in the query may be absent or empty; one in the path may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteRule:
    """One route: `needs` at everything in `about`.

    With an empty `about` any scope will do, and the handler confines what it shows to
    `request.state.access.scopes`.
    """

    method: str
    path: str
    needs: Action | Open
    about: tuple[About, ...] = ()
    is_installation: bool = False
    """It concerns the server as a whole, which takes an unlimited scope."""
    answers: Literal["page", "data"] = "page"
    """How it is refused: with a page or a redirection, or with JSON."""
    per_minute: int = 0
    """How often one person or address may call it; 0 for no limit."""
    note: str = ""

    @property
    def key(self) -> str:
        """The name of the rule, e.g. `GET /sites/{site}`."""
        return f"{self.method} {self.path}"


SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def in_path(kind: str, param: str = "") -> About:
    """Say that the path names a thing of `kind`, by default in a parameter of the same name."""
    return About(kind=kind, param=param or kind)


def in_query(kind: str, param: str = "") -> About:
    """Say that the query may name a thing of `kind`."""
    return About(kind=kind, param=param or kind, where="query")
