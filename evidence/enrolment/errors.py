"""What can go wrong in this package besides `evidence.errors.WireError`."""

from evidence.errors import EvidenceError


class ClaimError(EvidenceError):
    """A claim text cannot be used as it is; the message carries the remedy."""


class AnchorsError(EvidenceError):
    """What the server pins is not what the claim says; somebody may sit in between."""
