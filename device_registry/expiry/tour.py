"""The daily tour: warnings become tasks, licences change state, renewals close tasks.

What was told is the task itself: written in the same transaction as its audit entry, which is
what goes out to people. Killed half-way and run again, each step is told once. Work is done in
portions, so that no change holds the registry for long.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final, TypeVar

from device_registry.expiry.ladder import Told, Warn, step_of, warnings
from device_registry.expiry.locks import is_over
from device_registry.expiry.reading import expiring, site_for
from device_registry.expiry.term import Term, TermKind
from device_registry.store.audit import Actor
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from domain.gsp.phrases import Phrases

T = TypeVar("T")

TASK_KIND: Final = "expiry"
PORTION: Final = 500
WHY: Final = "expiry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tour:
    """What a tour did."""

    warned: tuple[Warn, ...]
    """Told now for the first time; `device_registry.expiry.chasing` sends these."""
    sites: Mapping[str, str]
    """Whose people are asked, by `Term.key` of each warning."""
    homeless: tuple[Term, ...]
    """Due, but the organisation has no site where somebody could be asked."""
    renewed: int
    """Tasks closed because the term was renewed or is gone."""


def make_tour(store: RegistryStore, actor: Actor, today: date, at_ms: int) -> Tour:
    """Warn of what is due today, once per step, and close what was renewed."""
    terms = {term.key: term for term in expiring(store, today)}
    due = warnings(terms.values(), _told(store, terms.values(), today), today)
    sites = {warn.term.key: site_for(store, warn.term) for warn in due}
    housed = [warn for warn in due if sites[warn.term.key]]
    for portion in _portions(housed):
        with store.change(actor, WHY, at_ms) as change:
            change.put_many("task", [_task(warn, sites[warn.term.key]) for warn in portion])
    renewed = _close_renewed(store, actor, terms, at_ms)
    _age_licences(store, actor, terms.values(), today, at_ms)
    return Tour(
        warned=tuple(housed),
        sites={warn.term.key: sites[warn.term.key] for warn in housed},
        homeless=tuple(warn.term for warn in due if not sites[warn.term.key]),
        renewed=renewed,
    )


def _told(store: RegistryStore, terms: Iterable[Term], today: date) -> Mapping[str, Told]:
    """Return the last warning of each term; a task that was ticked off counts as told."""
    ids = {task_id(t): t.key for t in terms if step_of(t, today) is not None}
    return {
        ids[row.id]: told_by(row)
        for portion in _portions(list(ids))
        for row in store.find("task", where={"id": portion}, limit=PORTION)
    }


def told_by(task: Row) -> Told:
    """Return the warning that a task stands for."""
    return Told(until=date.fromisoformat(task.text("due")), step=int(task.text("reason")))


def task_id(term: Term) -> str:
    """Return the id of the task for this term and this last day."""
    named = f"{term.key}@{term.until.isoformat()}".encode()
    return f"expiry-{hashlib.sha256(named).hexdigest()[:24]}"


def _task(warn: Warn, site: str) -> Mapping[str, object]:
    return {
        "id": task_id(warn.term),
        "site": site,
        "task_kind": TASK_KIND,
        "title_zh": told(warn, "zh-CN"),
        "title_en": told(warn, "en"),
        "due": warn.term.until.isoformat(),
        "state": "open",
        "about": warn.term.key,
        "reason": str(warn.step),
    }


def told(warn: Warn, lang: str) -> str:
    """Return a warning as a sentence, for tasks and messages."""
    phrases = Phrases("device_registry.expiry")
    return phrases.say(
        "expiry.last_day" if warn.step == 0 else "expiry.soon",
        lang,
        what=phrases.words(f"term.{warn.term.kind}"),
        name=warn.term.name,
        until=warn.term.until.isoformat(),
    )


def _close_renewed(
    store: RegistryStore,
    actor: Actor,
    terms: Mapping[str, Term],
    at_ms: int,
) -> int:
    open_tasks = store.each("task", where={"task_kind": TASK_KIND, "state": "open"})
    done = [row.id for row in open_tasks if not _still_due(row, terms)]
    for portion in _portions(done):
        with store.change(actor, "renewed", at_ms) as change:
            change.put_many("task", [{"id": id_, "state": "done"} for id_ in portion])
    return len(done)


def _still_due(task: Row, terms: Mapping[str, Term]) -> bool:
    term = terms.get(task.text("about"))
    return term is not None and term.until.isoformat() == task.text("due")


def _age_licences(
    store: RegistryStore, actor: Actor, terms: Iterable[Term], today: date, at_ms: int
) -> None:
    """Bring the state of licences up to the day: expiring within the horizon, expired after."""
    wanted = {
        term.id: "expired" if is_over(term, today) else "expiring"
        for term in terms
        if term.kind is TermKind.LICENCE
    }
    aged = list(store.each("licence", where={"state": ["expiring", "expired"]}))
    wanted |= {row.id: "valid" for row in aged if row.id not in wanted}
    for portion in _portions(list(wanted)):
        rows = store.find("licence", where={"id": portion}, limit=PORTION)
        moves = [
            {"id": row.id, "state": state}
            for row in rows
            for state in _path(row.text("state"), wanted[row.id])
        ]
        if moves:
            with store.change(actor, WHY, at_ms) as change:
                change.put_many("licence", moves)


def _path(state: str, wanted: str) -> tuple[str, ...]:
    """Return the states on the way; an expired licence that was renewed is valid first."""
    if state in {wanted, "revoked"}:
        return ()
    return ("valid", wanted) if (state, wanted) == ("expired", "expiring") else (wanted,)


def _portions(things: Sequence[T]) -> Iterable[list[T]]:
    it = iter(things)
    while portion := list(islice(it, PORTION)):
        yield portion
