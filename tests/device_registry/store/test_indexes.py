"""What is asked often is found through an index, however many rows there are.

SQLite tells how it would answer; PostgreSQL has the same indexes, and scans so small a table
anyway.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from device_registry.access.scope import Scope
from device_registry.store.narrow import FEW
from device_registry.store.store import RegistryStore
from device_registry.store.tables import METADATA
from tests.support.registry_world import POINT, build_world, changing, kid

Question = Callable[[RegistryStore], object]
CHS = [Scope(organisation="chs")]
QUESTIONS: dict[str, Question] = {
    "a key by its id": lambda s: s.get("key", kid("gw-chs-001")),
    "a key nobody has": lambda s: s.get("key", "00" * 8),
    "as of then": lambda s: s.as_of("point", "chs-001-t", 1_500),
    "history": lambda s: s.history("point", "chs-001-t"),
    "points of a gateway": lambda s: s.find("point", where={"gateway": "gw-chs-001"}),
    "points of a site within": lambda s: s.find("point", where={"site": "x"}, within=CHS),
    "points of a firm": lambda s: s.find("point", within=CHS),
    "points of a county": lambda s: s.find("point", within=[Scope(region="510502")]),
    "sites of two": lambda s: s.find("site", within=[*CHS, Scope(organisation="mpa")]),
    "calibrations that end": lambda s: s.find(
        "calibration", where={"valid_until": "2027-01-04"}
    ),
    "how many points of a firm": lambda s: s.count("point", within=CHS),
    "the trail of a row": lambda s: s.audit(kind="point", id="chs-001-t"),
    "the trail of a firm": lambda s: s.latest(within=CHS),
    "what the log lacks": lambda s: s.audit(after_seq=s.last_logged()),
    "the newest change": lambda s: s.revision(),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    store = RegistryStore.open(f"sqlite:///{tmp_path}/registry.db", now_ms=lambda: 0)
    with changing(store, 1_000) as change:
        build_world(change)
    yield store
    store.close()


def plans(store: RegistryStore, question: Question) -> list[str]:
    """Return how SQLite answers each statement of a question."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    question(store)
    event.remove(store.engine, "before_cursor_execute", note)
    told = []
    with store.engine.connect() as connection:
        for statement, parameters in asked:
            if statement.startswith("SELECT"):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                told += [row[3] for row in rows]
    return told


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_what_is_asked_often_scans_no_table(store: RegistryStore, question: Question) -> None:
    told = plans(store, question)
    assert told
    scans = [line.split() for line in told if line.startswith("SCAN")]
    assert not [scan for scan in scans if scan[1] in METADATA.tables and len(scan) == 2], told


def test_counting_reads_no_rows(store: RegistryStore) -> None:
    for within in (CHS, [Scope(region="51")]):
        told = plans(store, lambda s, within=within: s.count("point", within=within))
        assert all("COVERING" in line for line in told if line.startswith("SEARCH")), told


def test_many_rows_are_walked_in_order_and_few_are_sorted(store: RegistryStore) -> None:
    few = plans(store, lambda s: s.find("point", within=CHS))
    assert any("point_by_org_path" in line for line in few)
    with changing(store, 2_000) as change:
        rows = [
            {
                "id": f"p{n}",
                "site": "chs-001",
                "gateway": "gw-chs-001",
                "channel": 9 + n,
                **POINT,
            }
            for n in range(FEW)
        ]
        change.put_many("point", rows)
    for within in (CHS, [Scope(region="51")]):
        many = plans(store, lambda s, within=within: s.find("point", within=within))
        assert any("USING INDEX point_current" in line for line in many), many
    found = [row.id for row in store.find("point", within=CHS, limit=FEW * 2)]
    assert found == sorted(["chs-001-t", "chs-002-t", *(f"p{n}" for n in range(FEW))])
    assert store.count("point", within=CHS) == FEW + 2
    assert [row.id for row in store.find("point", within=[Scope(organisation="ynk")])] == [
        "ynk-dc-t"
    ]
