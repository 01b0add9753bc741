"""What an expired term locks, and how the thing is flagged; the rules are data.

Pure. Used wherever somebody is about to do what a term permits: receive goods, hold a post, use
a cold room. A calibration locks nothing; its points carry the flag 校准过期.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from device_registry.expiry.term import Term, TermKind, term_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One thing that may not be done any more, and why."""

    function: str
    """What is locked: `goods_in`, `hold_post`, …"""
    about_kind: str
    about: str
    term: Term


def is_over(term: Term, today: date) -> bool:
    """Return whether the last day has passed; the last day itself still counts."""
    return term.days_left(today) < 0


def locks(terms: Iterable[Term], today: date) -> tuple[Lock, ...]:
    """Return everything that the expired ones of these terms lock."""
    return tuple(
        Lock(function=function, about_kind=term.about_kind, about=term.about, term=term)
        for term in terms
        if is_over(term, today)
        for function in term_rules()[term.kind].locks
    )


def locking(terms: Iterable[Term], today: date, function: str, about: str) -> tuple[Lock, ...]:
    """Return what stands against doing `function` with `about`; empty when nothing does."""
    return tuple(
        lock for lock in locks(terms, today) if (lock.function, lock.about) == (function, about)
    )


def flag_of(term: Term, today: date) -> str:
    """Return how the thing is flagged, "" while it is in date or locked instead."""
    return term_rules()[term.kind].flag if is_over(term, today) else ""


def lock_names(kind: TermKind) -> tuple[str, ...]:
    """Return what the end of such a term will lock, for lists."""
    return term_rules()[kind].locks
