"""What came of an attempt to log in."""

from dataclasses import dataclass
from typing import TypeAlias

from device_registry.accounts.session import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The person is who it says."""

    account: str
    method: Method
    is_strong: bool
    """Whether a second factor was shown."""
    must_change: bool = False
    """Whether the password was made by somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Something was wrong; it is not said what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """Too many wrong attempts: this one was not looked at."""

    until_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeNeeded:
    """The password was right; the account has a second factor."""


Outcome: TypeAlias = Accepted | Refused | Locked | CodeNeeded
"""`LogIns` returns one of these."""
