"""Builds the list of what has expired or soon will, the most urgent first."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from cloud.registry_pages.cells import name_of
from cloud.registry_pages.viewing import Viewing
from dashboards.models import Name
from dashboards.registry.models import NOTHING, Cell, ExpiryPage, ExpiryRow
from device_registry.access.action import Action
from device_registry.expiry.ladder import step_of
from device_registry.expiry.locks import lock_names
from device_registry.expiry.reading import expiring
from device_registry.expiry.term import STEPS, Term, TermKind, term_rules
from domain.gsp.phrases import Phrases

ROWS: Final = 100
"""Terms on the page; the counts above it are of all."""
PEOPLE: Final = frozenset({TermKind.STAFF_CERTIFICATE, TermKind.PHONE})
"""Seen only by who may see people."""
_FOLDERS: Final[Mapping[str, str]] = {
    "organisation": "organisations",
    "site": "sites",
    "place": "places",
    "sensor": "sensors",
    "gateway": "gateways",
}
_EXPIRED: Final = -1


def expiry_page(viewing: Viewing, days: int) -> ExpiryPage:
    """Return the list of what ends within `days`; 0 for what is over."""
    today = datetime.fromtimestamp(viewing.now_ms / 1000, UTC).date()
    terms = sorted(_terms(viewing, today), key=lambda term: (term.until, term.key))
    within = days if days in STEPS else STEPS[0]
    shown = [term for term in terms if _is_within(term, today, within)]
    phrases = Phrases("device_registry.expiry")
    return ExpiryPage(
        now_ms=viewing.now_ms,
        within_days=within,
        counts=tuple(
            (step, sum(_is_within(term, today, step) for term in terms))
            for step in reversed(STEPS)
        ),
        rows=tuple(_row(viewing, phrases, term, today) for term in shown[:ROWS]),
        hidden=max(len(shown) - ROWS, 0),
        import_href="/registry/certificates" if viewing.access.scopes_of(Action.IMPORT) else "",
        query=f"days={within}&",
    )


def _is_within(term: Term, today: date, step: int) -> bool:
    return term.days_left(today) <= (step or _EXPIRED)


def _terms(viewing: Viewing, today: date) -> Iterable[Term]:
    store = viewing.sources.store
    for term in expiring(store, today, within=viewing.scopes):
        # One that renews itself is no news while there is time for it.
        if term.kind not in PEOPLE and step_of(term, today) is not None:
            yield term
    people = viewing.access.scopes_of(Action.VIEW_PEOPLE)
    if people:
        found = expiring(store, today, within=people)
        yield from (t for t in found if t.kind in PEOPLE and step_of(t, today) is not None)


def _row(viewing: Viewing, phrases: Phrases, term: Term, today: date) -> ExpiryRow:
    folder = _FOLDERS.get(term.about_kind, "")
    return ExpiryRow(
        what=_said(phrases, f"term.{term.kind}"),
        about=Cell(
            name=Name(zh=term.name.zh or term.id, en=term.name.en or term.id),
            href=f"/registry/{folder}/{term.about}" if folder else "",
        ),
        where=_where(viewing, term),
        until=term.until.isoformat(),
        left_days=term.days_left(today),
        end=_end(phrases, term),
    )


def _where(viewing: Viewing, term: Term) -> Cell:
    if term.site:
        row = viewing.maybe("site", term.site)
        return Cell(name=name_of(row, term.site), href=f"/registry/sites/{term.site}")
    id_ = term.organisation.rpartition("/")[2]
    return Cell(name=name_of(viewing.maybe("organisation", id_), id_))


def _end(phrases: Phrases, term: Term) -> Cell:
    """Return what happens at the end: what is locked, or how the thing is flagged."""
    flag = term_rules()[term.kind].flag
    keys = [f"lock.{name}" for name in lock_names(term.kind)]
    keys += [f"flag.{flag}"] if flag else []
    if not keys:
        return NOTHING
    words = [phrases.words(key) for key in keys]
    return Cell(name=Name(zh="、".join(w.zh for w in words), en=", ".join(w.en for w in words)))


def _said(phrases: Phrases, key: str) -> Cell:
    words = phrases.words(key)
    return Cell(name=Name(zh=words.zh, en=words.en))
