"""Audit entries as the log gets them."""

from dataclasses import replace

import pytest

from device_registry.kinds.catalogue import KINDS
from device_registry.kinds.field import Field, FieldType, Kind
from device_registry.store.audit import AuditEntry, audit_leaf, leaf_hash, shown
from evidence import cbor

ENTRY = AuditEntry(
    seq=7,
    at_ms=1_790_000_000_000,
    actor="wang",
    role="technician",
    via="web",
    device="station-3",
    kind="site",
    id="chs-001",
    action="put",
    old={"area_m2": None},
    new={"area_m2": 301.5, "name_zh": "店"},
    why="测量",
    prev_hash=bytes(32),
    hash=b"",
    log_index=None,
    subject=None,
)
LONGEST = {
    FieldType.TEXT: "店" * 256,
    FieldType.DATE: "2026-01-01",
    FieldType.JSON: ["店" * 250],
    FieldType.REAL: -123456.789012345,
    FieldType.BOOL: False,
    FieldType.INT: 2**63 - 1,
    FieldType.MS: 2**63 - 1,
}
MAX_RECORD_BYTES = 65_536


def longest(field: Field) -> object:
    return LONGEST[field.type]


def test_a_leaf_is_canonical_and_tells_everything() -> None:
    leaf = audit_leaf(ENTRY)
    read = cbor.decode(leaf)
    assert cbor.encode(read) == leaf
    assert read == {
        1: 7,
        2: 1_790_000_000_000,
        3: "wang",
        4: "technician",
        5: "web",
        6: "station-3",
        7: "site",
        8: "chs-001",
        9: "put",
        10: '{"area_m2":null}',
        11: '{"area_m2":301.5,"name_zh":"店"}',
        12: "测量",
        13: bytes(32),
    }


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 8},
        {"at_ms": 0},
        {"actor": "li"},
        {"role": "auditor"},
        {"via": "cli"},
        {"device": ""},
        {"kind": "place"},
        {"id": "chs-002"},
        {"action": "end"},
        {"old": {"area_m2": 1.0}},
        {"old": None},
        {"new": {"area_m2": 301.25, "name_zh": "店"}},
        {"new": None},
        {"why": ""},
        {"prev_hash": bytes(31) + b"\1"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_nothing_in_an_entry_changes_unseen(change: dict[str, object]) -> None:
    altered: AuditEntry = replace(ENTRY, **change)  # type: ignore[arg-type]
    assert leaf_hash(audit_leaf(altered)) != leaf_hash(audit_leaf(ENTRY))


def test_where_the_log_has_it_is_no_part_of_the_leaf() -> None:
    assert audit_leaf(replace(ENTRY, log_index=9)) == audit_leaf(ENTRY)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_longest_entry_of_a_kind_fits_a_record(kind: Kind) -> None:
    values = shown(kind, {field.name: longest(field) for field in kind.fields})
    leaf = audit_leaf(replace(ENTRY, old=values, new=values, why="因" * 1000))
    assert len(leaf) < MAX_RECORD_BYTES - 1024
