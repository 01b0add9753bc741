"""What is changed beside the audit trail is found: in the rows, in the trail, in the log."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from cloud.registry_log.archived import logged_changes
from cloud.registry_log.comparing import compare_log, compare_rows, compare_trail
from tests.support.postgres import postgres
from tests.support.registered import SETUP, LoggedRegistry, logged_registry
from tests.support.signing import SigningGateway

LOOSEN = "UPDATE point SET rule_packs = '[\"CN_COLD_0_30@1\"]' WHERE id = 'gw-0001-p1'"
LOOSENED = "point gw-0001-p1: rule_packs is ['CN_COLD_0_30@1'], change"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LoggedRegistry]:
    gateways = [SigningGateway(f"gw-{n:04d}", n + 1) for n in range(3)]
    with logged_registry(tmp_path, gateways) as made:
        made.settle()
        with made.store.change(SETUP, "new version", made.cloud.hands.wall_ms()) as change:
            change.put("point", "gw-0001-p1", rule_packs=["CN_COLD_2_8@2"])
        with made.store.change(SETUP, "sold", made.cloud.hands.wall_ms()) as change:
            change.end("point", "gw-0002-p1")
        with made.store.change(SETUP, "bought back", made.cloud.hands.wall_ms()) as change:
            change.put("point", "gw-0002-p1", **_point("gw-0002"), rule_packs=None)
        made.settle()
        yield made


def _point(gateway: str) -> dict[str, object]:
    return {
        "site": "chs-001",
        "gateway": gateway,
        "channel": 1,
        "name_zh": "冷藏柜",
        "name_en": "fridge",
        "quantity": "temperature",
        "unit": "Cel",
        "point_class": "compliance",
        "state": "in_service",
    }


def _found(world: LoggedRegistry) -> list[str]:
    store = world.store
    logged = logged_changes(world.cloud.archive)
    found = (*compare_rows(store), *compare_trail(store), *compare_log(store, logged))
    return [str(difference) for difference in found]


def _tamper(world: LoggedRegistry, statement: str) -> None:
    with closing(sqlite3.connect(world.cloud.folder / "registry.db")) as connection:
        connection.execute(statement)
        connection.commit()


def test_an_honest_registry_agrees_with_its_trail_and_its_log(world: LoggedRegistry) -> None:
    assert _found(world) == []


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (f"{LOOSEN} AND valid_to_ms IS NULL", LOOSENED),
        (f"{LOOSEN} AND valid_to_ms IS NOT NULL", LOOSENED),
        (
            "UPDATE gateway SET heartbeat_s = 86400 WHERE id = 'gw-0000'",
            "gateway gw-0000: heartbeat_s is 86400, change",
        ),
        (
            "DELETE FROM point WHERE id = 'gw-0000-p1'",
            "point gw-0000-p1: has 0 versions, the audit trail made 1",
        ),
        (
            "UPDATE point SET id = 'gw-9' WHERE id = 'gw-0000-p1'",
            "point gw-9: has 1 versions, the audit trail made 0",
        ),
        (
            "UPDATE point SET valid_to_ms = 1 WHERE id = 'gw-0000-p1'",
            "point gw-0000-p1: is not current",
        ),
        (
            "UPDATE point SET valid_from_ms = 1 WHERE id = 'gw-0000-p1'",
            "point gw-0000-p1: is valid from before change",
        ),
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 2", "change 2: was altered"),
        ("DELETE FROM audit WHERE seq = 1", "change 2: does not follow change 0"),
    ],
)
def test_a_change_beside_the_trail_is_found_and_named(
    world: LoggedRegistry, statement: str, told: str
) -> None:
    _tamper(world, statement)
    assert any(line.startswith(told) for line in _found(world)), _found(world)


def test_a_trail_that_was_rewritten_whole_is_not_that_of_the_log(
    world: LoggedRegistry, tmp_path: Path
) -> None:
    """Whoever owns the database can make a trail that agrees with itself."""
    gateways = [SigningGateway(f"gw-{n:04d}", n + 1) for n in range(3)]
    with logged_registry(tmp_path / "other", gateways) as other:
        with other.store.change(SETUP, "looser", 1) as change:
            change.put("point", "gw-0001-p1", rule_packs=["CN_AMBIENT_10_30@1"])
        assert [*compare_rows(other.store), *compare_trail(other.store)] == []
        logged = logged_changes(world.cloud.archive)
        found = list(compare_log(other.store, logged))
    assert found
    assert "the registry has another one" in str(found[0])


def test_postgresql_is_shipped_and_compared_alike(tmp_path: Path) -> None:
    gateways = [SigningGateway(f"gw-{n:04d}", n + 1) for n in range(3)]
    with logged_registry(tmp_path, gateways, postgres().registry()) as world:
        world.settle()
        assert _found(world) == []
        with world.store.engine.begin() as connection:
            connection.execute(text(f"{LOOSEN} AND valid_to_ms IS NULL"))
        (told,) = _found(world)
        assert told.startswith(LOOSENED)
