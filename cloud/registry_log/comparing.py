"""Compares the registry with its audit trail, and the trail with itself and with the log.

Whoever changes a threshold, a key or a right directly in the database leaves rows that no audit
entry made, or an entry that the log does not know. Everything is read a page at a time, and
nothing is changed. Used by `doctor`; it may run beside a server.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import select

from cloud.registry_log.archived import Logged
from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import Kind
from device_registry.store.audit import AuditEntry, audit_leaf, leaf_hash, shown
from device_registry.store.engine import reading
from device_registry.store.query import versions
from device_registry.store.row import Row, row_of
from device_registry.store.store import RegistryStore
from device_registry.store.tables import AUDIT, TABLES
from device_registry.store.trail import entry_of
from evidence.audit_record import FIRST_PREV_HASH

PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Something that two of the three do not agree on; `where` names it."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def compare_rows(store: RegistryStore) -> Iterator[Difference]:
    """Yield what the rows of the registry, past and present, hold and no entry made."""
    for kind in KINDS.values():
        after = ""
        while ids := _ids(store, kind, after):
            yield from _compare_page(store, kind, ids)
            after = ids[-1]


def compare_trail(store: RegistryStore) -> Iterator[Difference]:
    """Yield where the audit trail does not follow from itself."""
    seq, last = 0, FIRST_PREV_HASH
    while page := store.audit(after_seq=seq, limit=PAGE):
        for entry in page:
            where = f"change {entry.seq}"
            if entry.seq != seq + 1 or entry.prev_hash != last:
                yield Difference(where=where, what=f"does not follow change {seq}")
            elif leaf_hash(audit_leaf(entry)) != entry.hash:
                yield Difference(where=where, what="was altered in the database")
            seq, last = entry.seq, entry.hash


def compare_log(store: RegistryStore, logged: Iterable[Logged]) -> Iterator[Difference]:
    """Yield where the log has another change than the registry, or has them out of order."""
    page: dict[int, bytes] = {}
    seq = 0
    for one in logged:
        where = f"change {one.seq}, record {one.record} of {one.file}"
        if one.seq != seq + 1:
            yield Difference(where=where, what=f"the log has it after change {seq}")
        seq = one.seq
        if seq not in page:
            page = {e.seq: e.hash for e in store.audit(after_seq=seq - 1, limit=PAGE)}
        if page.get(seq) != one.hash:
            yield Difference(where=where, what="the registry has another one, or none")


def _ids(store: RegistryStore, kind: Kind, after: str) -> list[str]:
    """Return the next ids that the rows or the trail of a kind know, in order."""
    rows = TABLES[kind.name].c.id
    of_rows = select(rows).distinct().where(rows > after).order_by(rows).limit(PAGE)
    of_trail = select(AUDIT.c.id).distinct().where(AUDIT.c.kind == kind.name)
    of_trail = of_trail.where(AUDIT.c.id > after).order_by(AUDIT.c.id).limit(PAGE)
    with reading(store.engine) as connection:
        found = [list(connection.execute(query).scalars()) for query in (of_rows, of_trail)]
    # Where one list was cut off, the other may not be read beyond its end.
    ends = [ids[-1] for ids in found if len(ids) == PAGE]
    return sorted({i for ids in found for i in ids if not ends or i <= min(ends)})


def _compare_page(store: RegistryStore, kind: Kind, ids: Sequence[str]) -> Iterator[Difference]:
    suspects = _wrong(store, kind, ids)
    # Asked twice: a change may have come between the reading of the rows and of the trail.
    found = _wrong(store, kind, list(suspects)) if suspects else {}
    for id_, what in found.items():
        yield Difference(where=f"{kind.name} {id_}", what=what)


def _wrong(store: RegistryStore, kind: Kind, ids: Sequence[str]) -> dict[str, str]:
    """Return the ids whose versions are not what their entries made, and how."""
    table = TABLES[kind.name]
    rows = versions(kind).where(table.c.id.in_(ids)).order_by(table.c.id, table.c.row_id)
    trail = select(AUDIT).where(AUDIT.c.kind == kind.name, AUDIT.c.id.in_(ids))
    trail = trail.order_by(AUDIT.c.id, AUDIT.c.seq)
    with reading(store.engine) as connection:
        had = [row_of(kind, stored) for stored in connection.execute(rows)]
        made = [entry_of(row) for row in connection.execute(trail)]
    histories = {id_: list(group) for id_, group in groupby(had, lambda row: row.id)}
    changes = {id_: list(group) for id_, group in groupby(made, lambda entry: entry.id)}
    found = (
        (id_, compare_history(kind, histories.get(id_, []), changes.get(id_, [])))
        for id_ in ids
    )
    return {id_: what for id_, what in found if what}


def compare_history(kind: Kind, history: Sequence[Row], trail: Sequence[AuditEntry]) -> str:
    """Return how the versions of one row differ from what its entries made, "" if they do not.

    Pure. `history` and `trail` are in order.
    """
    puts = [entry for entry in trail if entry.action == "put"]
    if len(puts) != len(history):
        return f"has {len(history)} versions, the audit trail made {len(puts)}"
    made: dict[str, object] = {}
    for row, entry in zip(history, puts, strict=True):
        made = (made if entry.old is not None else {}) | dict(entry.new or {})
        if found := _difference(shown(kind, row.values), made, entry):
            return found
        if row.valid_from_ms < entry.at_ms:
            return f"is valid from before change {entry.seq}, which made it"
    is_current = [row for row in history if row.valid_to_ms is None]
    is_there = bool(trail) and trail[-1].action == "put"
    if is_current != (list(history[-1:]) if is_there else []):
        return f"is {'not ' if is_there else ''}current, against change {trail[-1].seq}"
    return ""


def _difference(
    held: Mapping[str, object], made: Mapping[str, object], entry: AuditEntry
) -> str:
    for name, value in held.items():
        if value != made.get(name):
            return f"{name} is {value!r}, change {entry.seq} says {made.get(name)!r}"
    return ""
