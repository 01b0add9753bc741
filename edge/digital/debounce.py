"""Which of a contact's many changes is a change, and when a look at it is due again.

Used by `edge.digital.source`. Pure: a contact chatters for some milliseconds whenever it moves.
A level counts once every look at it, for `settle_ms`, showed the same.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contact:
    """One contact: its settled level (None before the first), and one that may become it."""

    settle_ms: int
    level: bool | None = None
    candidate: bool | None = None
    since_ms: int = 0

    def settles_at_ms(self) -> int | None:
        """Return when the candidate counts, if there is one."""
        return None if self.candidate is None else self.since_ms + self.settle_ms


@dataclass(frozen=True, slots=True)
class Change:
    """The contact moved to `level`; the move began at `at_ms`."""

    level: bool
    at_ms: int


def looked(contact: Contact, at_ms: int, *, level: bool) -> tuple[Contact, Change | None]:
    """Return the contact after a look that showed `level`, and the change it settles."""
    settle_ms = contact.settle_ms
    if level == contact.level:
        return Contact(settle_ms, contact.level), None
    since_ms = contact.since_ms if contact.candidate == level else at_ms
    if at_ms - since_ms >= settle_ms:
        return Contact(settle_ms, level), Change(level, since_ms)
    return Contact(settle_ms, contact.level, level, since_ms), None


def bounced(contact: Contact) -> Contact:
    """Return the contact after it moved unseen: whatever was settling begins anew."""
    return Contact(contact.settle_ms, contact.level)
