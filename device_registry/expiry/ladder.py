"""The ladder of warnings: which step a term is on, and whether it was told already.

Pure. What was told is kept by the caller with the term's last day: after a renewal the ladder
starts again, and a server that was off for a month tells only the step that holds now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from device_registry.expiry.term import STEPS, Term, term_rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The last warning about a term."""

    until: date
    step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Warn:
    """A warning to give now."""

    term: Term
    step: int
    """The step of the ladder; 0 from the last day on."""


def step_of(term: Term, today: date) -> int | None:
    """Return the lowest step that has been reached, or nothing while there is time.

    Step 0 is reached on the last day itself.
    """
    left = max(term.days_left(today), 0)
    reached = [step for step in steps_for(term) if left <= step]
    return min(reached, default=None)


def steps_for(term: Term) -> tuple[int, ...]:
    """Return the steps that count for this term; the last day always does."""
    share = term_rules()[term.kind].warn_from
    if share is None or term.starts is None:
        return STEPS
    life_days = (term.until - term.starts).days
    return tuple(step for step in STEPS if step == 0 or step < life_days * share)


def warnings(terms: Iterable[Term], told: Mapping[str, Told], today: date) -> tuple[Warn, ...]:
    """Return the warnings that are due and were not given yet, the most urgent first."""
    due = []
    for term in terms:
        step = step_of(term, today)
        if step is not None and is_news(term, step, told.get(term.key)):
            due.append(Warn(term=term, step=step))
    return tuple(sorted(due, key=lambda w: (w.term.until, w.term.key)))


def is_news(term: Term, step: int, last: Told | None) -> bool:
    """Return whether this step was not told for this very last day."""
    return last is None or last.until != term.until or step < last.step
