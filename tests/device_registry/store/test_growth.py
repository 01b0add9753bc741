"""PostgreSQL is told how a table grows that an import fills."""

import pytest

from device_registry.store.growth import FIRST_ROWS
from device_registry.store.store import RegistryStore
from tests.support.postgres import postgres
from tests.support.registry_world import build_places, changing

pytestmark = pytest.mark.engine


def test_the_planner_knows_a_table_before_the_import_is_committed() -> None:
    store = RegistryStore.open(postgres().registry(), now_ms=lambda: 0)
    query = "SELECT reltuples FROM pg_class WHERE relname = 'staff'"
    with changing(store, 1_000) as change:
        build_places(change)
        rows = [
            {"id": f"s{n}", "organisation": "chs", "name": "王伟", "post": "keeper"}
            for n in range(FIRST_ROWS)
        ]
        change.put_many("staff", rows[:-1])
        before = change._connection.exec_driver_sql(query).scalar_one()
        change.put_many("staff", rows[-1:])
        after = change._connection.exec_driver_sql(query).scalar_one()
    assert (before, after) == (-1, FIRST_ROWS)
    store.close()
