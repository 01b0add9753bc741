"""The audit trail: who changed what, in which role, when and why, each entry bound to the last.

Pure. `audit_leaf` is what becomes a record of the log; `hash` is its SHA-256, and the next
entry contains it, so that an entry cannot be changed, dropped or put in between unseen even
before the log has it. Secrets are never in an entry, and a long text is there by its hash.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from device_registry.access.scope import Subject
from device_registry.kinds.field import Kind
from device_registry.store.row import canonical_json
from evidence import cbor

MASK: Final = "•"
"""Stands for a secret, set or changed."""
MAX_VALUE_CHARS: Final = 256
"""A longer value is told by its hash: an entry with 40 fields must fit a record of 64 KiB."""
FIRST_PREV_HASH: Final = bytes(32)
Via = Literal["cli", "web", "enrolment", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who makes a change."""

    account: str
    role: str = ""
    """The role that allowed it."""
    via: Via = "cli"
    device: str = ""
    """The shared station or gateway it was made at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change of one row."""

    seq: int
    at_ms: int
    actor: str
    role: str
    via: str
    device: str
    kind: str
    id: str
    action: Literal["put", "end"]
    old: Mapping[str, object] | None
    """What the changed fields were; None for a new row."""
    new: Mapping[str, object] | None
    """What the changed fields are now; None for a row that ended."""
    why: str
    prev_hash: bytes
    hash: bytes
    log_index: int | None
    """Where the log has it; None until then."""
    subject: Subject | None
    """Where the row belonged; not part of the leaf."""


def audit_leaf(entry: AuditEntry) -> bytes:
    """Return the canonical CBOR of an entry, as the log gets it.

    Keys: 1 seq, 2 at_ms, 3 actor, 4 role, 5 via, 6 device, 7 kind, 8 id, 9 action, 10 old,
    11 new (canonical JSON texts or null), 12 why, 13 hash of the entry before.
    """
    return leaf_of(
        {
            "seq": entry.seq,
            "at_ms": entry.at_ms,
            "actor": entry.actor,
            "role": entry.role,
            "via": entry.via,
            "device": entry.device,
            "kind": entry.kind,
            "id": entry.id,
            "action": entry.action,
            "old": None if entry.old is None else canonical_json(entry.old),
            "new": None if entry.new is None else canonical_json(entry.new),
            "why": entry.why,
            "prev_hash": entry.prev_hash,
        }
    )


LEAF_COLUMNS: Final = (
    "seq",
    "at_ms",
    "actor",
    "role",
    "via",
    "device",
    "kind",
    "id",
    "action",
    "old",
    "new",
    "why",
    "prev_hash",
)


def leaf_of(columns: Mapping[str, object]) -> bytes:
    """Return the leaf of an entry by its columns, `old` and `new` being canonical JSON."""
    # Keys 1 to 13 are in canonical order as they stand, so nothing has to be sorted.
    parts = [cbor.head(cbor.MAP, len(LEAF_COLUMNS))]
    for key, name in enumerate(LEAF_COLUMNS, start=1):
        parts += (cbor.uint(key), cbor.encode(columns[name]))
    return b"".join(parts)


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash by which the next entry refers to this one (32 bytes)."""
    return hashlib.sha256(leaf).digest()


def shown(kind: Kind, values: Mapping[str, object]) -> dict[str, object]:
    """Return `values` as an entry tells them: no secrets, long ones by their hash."""
    return {name: _shown(kind, name, value) for name, value in values.items()}


def parsed(text: str | None) -> Mapping[str, object] | None:
    """Return the values that an entry's stored `old` or `new` spells."""
    if text is None:
        return None
    values: dict[str, object] = json.loads(text)
    return values


def _shown(kind: Kind, name: str, value: object) -> object:
    if value is None:
        return None
    if kind.by_name[name].secret:
        return MASK
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) else canonical_json(value)
    if len(text) <= MAX_VALUE_CHARS:
        return value
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
