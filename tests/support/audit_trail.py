"""Audit entries as the registry's log records, without a registry."""

from evidence import cbor
from evidence.audit_record import FIRST_PREV_HASH, audit_hash


def audit_entry(seq: int, prev_hash: bytes, **more: object) -> bytes:
    """Return one entry; `more` replaces fields by their numbers, as `_10="{}"`."""
    fields: dict[int, object] = {
        1: seq,
        2: 1_763_800_000_000 + seq,
        3: "li",
        4: "quality_head",
        5: "web",
        6: "",
        7: "point",
        8: f"chs-001-{seq:02d}",
        9: "put",
        10: None,
        11: '{"name_en":"fridge"}',
        12: "set up",
        13: prev_hash,
    }
    return cbor.encode(fields | {int(name[1:]): value for name, value in more.items()})


def audit_trail(count: int) -> list[bytes]:
    """Return the first `count` entries of an honest trail."""
    entries: list[bytes] = []
    for seq in range(1, count + 1):
        before = audit_hash(entries[-1]) if entries else FIRST_PREV_HASH
        entries.append(audit_entry(seq, before))
    return entries
