"""Why a gateway, or a technician, is told no; every message carries the remedy."""

from enum import StrEnum

from device_registry.errors import RegistryError


class Reason(StrEnum):
    """What stands in the way, one word per reaction of whoever asks."""

    UNKNOWN = "unknown"
    """No such claim or key, or the wrong secret: told alike, so that nothing can be guessed."""
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    OTHER_KEY = "other-key"
    """The claim, or the key id, belongs to another key already."""
    OTHER_GATEWAY = "other-gateway"
    NOT_YET = "not-yet"
    """A step before this one is missing."""
    REVOKED = "revoked"
    RETIRED = "retired"
    MISMATCH = "mismatch"
    """Two things that must belong together do not."""


class EnrolmentRefusedError(RegistryError):
    """A step that is not taken; `reason` says which reaction is right."""

    def __init__(self, reason: Reason, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.reason = reason
        self.what = what
        self.remedy = remedy


class ClaimRefusedError(RegistryError):
    """A claim that cannot be made so; the message carries the remedy."""
