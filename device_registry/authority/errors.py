"""What can go wrong in this package, by who must react."""

from device_registry.errors import RegistryError


class AuthorityError(RegistryError):
    """The authority's files cannot be used or made; the message carries the remedy."""


class CsrError(RegistryError):
    """A certificate request that cannot be answered; the message carries the remedy."""
