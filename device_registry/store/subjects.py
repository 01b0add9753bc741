"""Where the rows of one transaction belong: asked of the database once, then remembered.

Used by `Change`. Only one transaction writes at a time, so what it has seen stays true until
it changes it itself.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final, cast

from sqlalchemy import Connection, select

from device_registry.access.scope import Subject
from device_registry.codes.region import lineage
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import Kind
from device_registry.store.row import subject_of
from device_registry.store.tables import SCOPE_COLUMNS, TABLES

CHINA: Final = dt.timezone(dt.timedelta(hours=8))
"""Authorities change at midnight in Beijing."""
_AT_ONCE: Final = 500


class Subjects:
    """The current rows that a transaction refers to, and where they belong."""

    def __init__(self, connection: Connection, at_ms: int) -> None:
        """Read through `connection`; authorities are those of the day of `at_ms`."""
        self._connection = connection
        self._day = day_of(at_ms)
        self._known: dict[str, dict[str, Subject | None]] = {}
        self._asked: dict[str, set[str]] = {}
        self._authorities: dict[tuple[str, str], str] = {}

    def look_up(self, kind: str, ids: Iterable[str]) -> None:
        """Learn which of these rows are current, with one query per few hundred."""
        asked, known = self._asked.setdefault(kind, set()), self._known.setdefault(kind, {})
        wanted = sorted(set(ids) - asked)
        table = TABLES[kind]
        columns = [table.c[name] for name in SCOPE_COLUMNS] if KINDS[kind].is_scoped else []
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            query = select(table.c.id, *columns).where(
                table.c.id.in_(part), table.c.valid_to_ms.is_(None)
            )
            for id_, *scope in self._connection.execute(query):
                known[id_] = subject_of(scope) if scope else None
            asked.update(part)

    def exists(self, kind: str, id_: str) -> bool:
        """Say whether a row is current."""
        if id_ not in self._asked.get(kind, ()):
            self.look_up(kind, [id_])
        return id_ in self._known[kind]

    def written(self, kind: str, id_: str, subject: Subject | None) -> None:
        """Note that a row is current now, and where it belongs."""
        self._asked.setdefault(kind, set()).add(id_)
        self._known.setdefault(kind, {})[id_] = subject

    def ended(self, kind: str, id_: str) -> None:
        """Note that a row is not current any more."""
        self._known.get(kind, {}).pop(id_, None)

    def forget(self) -> None:
        """Ask again from now on: what rows belong to has changed."""
        self._known.clear()
        self._asked.clear()
        self._authorities.clear()

    def of_row(self, kind: Kind, id_: str, values: Mapping[str, object]) -> Subject | None:
        """Return where a row with these values belongs; its references are current."""
        match kind.name:
            case "organisation":
                return self._organisation(id_, values)
            case "site":
                return self._own(self.path_of(str(values["organisation"])), values)
            case _:
                owner = values.get(kind.owner)
                if not kind.owner or owner is None:
                    return None
                return self._of(kind.owner_kind, str(owner))

    def authority(self, region: str, subject_class: str) -> str:
        """Return the path of the authority competent for a class in a region, "" if none is.

        The nearest region counts: a county's before its city's before its province's.
        """
        key = (region, subject_class)
        if key not in self._authorities:
            self._authorities[key] = self._competent(region, subject_class)
        return self._authorities[key]

    def path_of(self, organisation: str) -> str:
        """Return the path of a current organisation, "" if it is not."""
        subject = self._of("organisation", organisation)
        return "" if subject is None else subject.org_path

    def _organisation(self, id_: str, values: Mapping[str, object]) -> Subject:
        parent = values["parent"]
        return self._own(
            id_ if parent is None else f"{self.path_of(str(parent))}/{id_}", values
        )

    def _own(self, path: str, values: Mapping[str, object]) -> Subject:
        region, subject_class = str(values["region"]), str(values["subject_class"])
        return Subject(
            org_path=path,
            authority_path=self.authority(region, subject_class),
            region=region,
            subject_class=subject_class,
        )

    def _of(self, kind: str, id_: str) -> Subject | None:
        return self._known[kind][id_] if self.exists(kind, id_) else None

    def _competent(self, region: str, subject_class: str) -> str:
        table = TABLES["authority"]
        around = lineage(region)
        query = select(
            table.c.region, table.c.org_path, table.c.valid_from, table.c.valid_until
        ).where(
            table.c.region.in_(around),
            table.c.subject_class == subject_class,
            table.c.valid_to_ms.is_(None),
        )
        paths = {
            row.region: row.org_path
            for row in self._connection.execute(query.order_by(table.c.id))
            if (row.valid_from or "") <= self._day <= (row.valid_until or "9999")
        }
        return next((cast("str", paths[code]) for code in around if code in paths), "")


def day_of(at_ms: int) -> str:
    """Return the day in China of an instant, `YYYY-MM-DD`."""
    return dt.datetime.fromtimestamp(at_ms / 1000, CHINA).date().isoformat()
