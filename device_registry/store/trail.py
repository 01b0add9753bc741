"""Writes and reads the audit table: entries numbered without a gap, each bound to the last."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import Connection, Row, Select, insert, select

from device_registry.access.scope import Subject
from device_registry.kinds.field import Kind
from device_registry.store.audit import (
    FIRST_PREV_HASH,
    Actor,
    AuditEntry,
    leaf_hash,
    leaf_of,
    parsed,
    shown,
)
from device_registry.store.row import canonical_json, scope_values, subject_of
from device_registry.store.tables import AUDIT, SCOPE_COLUMNS


class Trail:
    """The entries of one transaction, behind those that are there."""

    def __init__(self, connection: Connection, actor: Actor, why: str, at_ms: int) -> None:
        """Go on from the last entry; the caller keeps other writers out."""
        self.seqs: list[int] = []
        self._connection = connection
        self._pending: list[dict[str, object]] = []
        self._given: dict[str, object] = {
            "at_ms": at_ms,
            "actor": actor.account,
            "role": actor.role,
            "via": actor.via,
            "device": actor.device,
            "why": why,
        }
        query = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)
        last = connection.execute(query).first()
        self._seq: int = last.seq if last else 0
        self._hash: bytes = bytes(last.hash) if last else FIRST_PREV_HASH

    def add(
        self,
        kind: Kind,
        id_: str,
        old: Mapping[str, object] | None,
        changed: Mapping[str, object] | None,
        subject: Subject | None,
    ) -> None:
        """Add an entry: `changed` are the new values, None for a row that ends."""
        if old is not None:
            names = old if changed is None else changed
            old = {name: old[name] for name in names if changed or old[name] is not None}
        self._seq += 1
        columns = self._given | {
            "seq": self._seq,
            "kind": kind.name,
            "id": id_,
            "action": "end" if changed is None else "put",
            "old": None if old is None else canonical_json(shown(kind, old)),
            "new": None if changed is None else canonical_json(shown(kind, changed)),
            "prev_hash": self._hash,
        }
        self._hash = leaf_hash(leaf_of(columns))
        self._pending.append({**columns, "hash": self._hash, **scope_values(subject)})

    def write(self) -> list[int]:
        """Write what was added and return its numbers, in order."""
        self._connection.execute(insert(AUDIT), self._pending)
        seqs = [cast("int", columns["seq"]) for columns in self._pending]
        self._pending.clear()
        self.seqs += seqs
        return seqs


def entries(kind: str, id_: str) -> Select[*tuple[Any, ...]]:
    """Select the audit entries of a kind and id, "" for any."""
    query = select(AUDIT)
    if kind:
        query = query.where(AUDIT.c.kind == kind)
    if id_:
        query = query.where(AUDIT.c.id == id_)
    return query


def entry_of(row: Row[*tuple[Any, ...]]) -> AuditEntry:
    """Return the entry that a row of the audit table holds."""
    c = row._mapping  # noqa: SLF001 - SQLAlchemy's documented name
    return AuditEntry(
        seq=c["seq"],
        at_ms=c["at_ms"],
        actor=c["actor"],
        role=c["role"],
        via=c["via"],
        device=c["device"],
        kind=c["kind"],
        id=c["id"],
        action=c["action"],
        old=parsed(c["old"]),
        new=parsed(c["new"]),
        why=c["why"],
        prev_hash=bytes(c["prev_hash"]),
        hash=bytes(c["hash"]),
        log_index=c["log_index"],
        subject=subject_of([c[name] for name in SCOPE_COLUMNS]),
    )
