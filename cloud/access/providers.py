"""Others who vouch for people: what each must be able to do."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One log-in that is under way at a provider."""

    provider: str
    state: str
    nonce: str
    verifier: str
    """Secret of PKCE (RFC 7636): only who began can end."""
    redirect_uri: str
    next: str
    began_ms: int
    account: str = ""
    """Who must prove again that it is the one, "" for a new log-in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom a provider vouches for."""

    subject: str
    """Its name for the person, which never changes."""
    is_strong: bool
    """Whether it says that a second factor was shown."""
    account: str = ""
    """Login here, where the operator lets the provider say it; else `external_id` tells."""


class Provider(Protocol):
    """One provider; called from worker threads, and may take seconds."""

    @property
    def id(self) -> str:
        """Its id in addresses and in `external_id`."""
        ...

    @property
    def kind(self) -> str:
        """`oidc`, `wecom` or `dingtalk`."""
        ...

    @property
    def title(self) -> str:
        """What people call it."""
        ...

    def begin(self, flow: Flow) -> str:
        """Return the address at which the browser goes on; may raise ProviderError."""
        ...

    def finish(self, flow: Flow, answered: str, at_ms: int) -> Vouched:
        """Return whom the provider vouches for, by the address it sent the browser to.

        Raises:
            ProviderError: it vouches for nobody.
        """
        ...
