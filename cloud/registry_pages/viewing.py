"""What one request may read: the registry through the viewer's scopes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from cloud.access.access import Access
from cloud.registry_pages.cells import moment, text
from cloud.registry_pages.sources import Sources
from dashboards.registry.models import Cell, Table
from device_registry.access.action import Action
from device_registry.access.scope import Scope, Subject, is_path_within
from device_registry.store.audit import AuditEntry
from device_registry.store.row import Row

LISTED = 50
"""Rows of a table on a page; the rest is behind its link."""
EVENTS = 15
MOST_SITES = 2000
"""Sites of one firm that an authority sees counted."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the registry, as the store is asked for it."""

    where: Mapping[str, object]
    within: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """The registry as one viewer may see it."""

    sources: Sources
    access: Access

    @property
    def scopes(self) -> tuple[Scope, ...]:
        """Where the viewer may see the registry."""
        return self.access.scopes_of(Action.VIEW_REGISTRY)

    @property
    def now_ms(self) -> int:
        """The time of the request."""
        return self.access.at_ms

    def get(self, kind: str, id_: str) -> Row:
        """Return a row that the gate has let through.

        Raises:
            NotVisibleError: it has gone meanwhile.
        """
        return self.access.see(self._action, kind, id_)

    def maybe(self, kind: str, id_: str) -> Row | None:
        """Return what a row refers to; None where it refers to nothing."""
        return self.sources.store.get(kind, id_) if id_ else None

    def find(
        self, kind: str, where: Mapping[str, object], limit: int = LISTED, after: str = ""
    ) -> list[Row]:
        """Return what the viewer may see of the current rows with these values."""
        return self.sources.store.find(
            kind, where=where, within=self.scopes, limit=limit, after=after
        )

    def within(self, organisation: Row) -> "Part":
        """Return what the viewer may see of what an organisation has at its sites.

        An authority sees a firm's sites one by one, each by the authority of its own region.
        """
        path = organisation.subject.org_path if organisation.subject else ""
        own = [
            s for s in self.scopes if not s.organisation or is_path_within(path, s.organisation)
        ]
        if own:
            return Part({}, tuple(replace(scope, organisation=path) for scope in own))
        sites = self.find("site", {"organisation": organisation.id}, MOST_SITES)
        return Part({"site": [site.id for site in sites]}, self.scopes)

    def at(self, field: str, id_: str) -> "Part":
        """Return what the viewer may see of what refers to `id_` by `field`."""
        return Part({field: id_}, self.scopes)

    def of(
        self, part: "Part", kind: str, more: Mapping[str, object] | None = None
    ) -> list[Row]:
        """Return the first current rows of a part."""
        where = {**part.where, **(more or {})}
        return self.sources.store.find(kind, where=where, within=part.within, limit=LISTED)

    def may(self, action: Action, subject: Subject | None) -> bool:
        """Say whether the viewer may do `action` to something."""
        return subject is not None and self.access.may(action, subject)

    def events(self, subject: Subject | None, kind: str = "", id_: str = "") -> Table | None:
        """Return the latest changes of a thing, or of all that an organisation has.

        None for who may not see the audit trail.
        """
        if subject is None or not self.may(Action.VIEW_AUDIT, subject):
            return None
        scopes = self.access.scopes_of(Action.VIEW_AUDIT)
        within = () if id_ else (Scope(organisation=subject.org_path),)
        entries = self.sources.store.latest(
            kind=kind, id=id_, within=within or None, limit=EVENTS
        )
        seen = [e for e in entries if _is_covered(e, scopes)]
        return Table(
            id="events",
            title="registry.events",
            columns=(
                "registry.column_when",
                "registry.column_what",
                "registry.column_id",
                "registry.column_who",
                "registry.column_why",
            ),
            rows=tuple(_event(entry) for entry in seen),
        )

    @property
    def _action(self) -> Action:
        needs = self.access.rule.needs
        return needs if isinstance(needs, Action) else Action.VIEW_REGISTRY


def _is_covered(entry: AuditEntry, scopes: Sequence[Scope]) -> bool:
    return entry.subject is not None and any(s.covers(entry.subject) for s in scopes)


def _event(entry: AuditEntry) -> tuple[Cell, ...]:
    # A reason that a program gave is in the language of its log.
    why = entry.why if entry.via == "web" else ""
    what = Cell(word=f"registry.kind_{entry.kind}")
    who = text(entry.actor)
    return (moment(entry.at_ms), what, text(entry.id, is_code=True), who, text(why))
