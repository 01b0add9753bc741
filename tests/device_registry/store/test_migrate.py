"""The tables come up to date from every schema there has been, with what they hold."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine

from device_registry.access.scope import Scope
from device_registry.errors import StoreTooNewError, StoreUnavailableError
from device_registry.store.engine import open_engine, reading, writing
from device_registry.store.migrate import HEAD, migrate, revisions, schema_version
from device_registry.store.store import RegistryStore
from device_registry.store.tables import METADATA
from tests.support.postgres import postgres
from tests.support.registry_world import changing

SAMPLES = Path(__file__).parent / "schemas"
"""Rows as the program of a schema wrote them; never edited, a new schema may add its own."""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    sqlite = request.param == "sqlite"
    engine = open_engine(f"sqlite:///{tmp_path}/r.db" if sqlite else postgres().database())
    yield engine
    engine.dispose()


def url(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def open_store(engine: Engine) -> RegistryStore:
    return RegistryStore.open(url(engine), now_ms=lambda: 0)


def insert_sample(engine: Engine, revision: str) -> None:
    sample = SAMPLES / f"{revision}.sql"
    text = sample.read_text() if sample.exists() else ""
    if engine.dialect.name == "postgresql":
        text = re.sub(r"x('\w+')", r"decode(\1, 'hex')", text)
    with writing(engine) as connection:
        for statement in filter(str.strip, text.split(";\n")):
            connection.exec_driver_sql(statement)


@pytest.mark.parametrize("earlier", revisions())
def test_what_an_earlier_schema_holds_is_there_after_the_migration(
    engine: Engine, earlier: str
) -> None:
    for revision in revisions()[: revisions().index(earlier) + 1]:
        migrate(engine, revision)
        insert_sample(engine, revision)
    assert schema_version(engine) == earlier
    store = open_store(engine)
    assert schema_version(engine) == revisions()[-1]
    point, site = store.get("point", "p1"), store.get("site", "chs-001")
    assert point is not None
    assert site is not None
    assert (point.items("rule_packs"), point.number("channel")) == (["CN_COLD_2_8"], 1)
    assert (site.text("name_zh"), site.real("area_m2")) == ("人民路店", 301.5)
    assert [g.text("state") for g in store.history("gateway", "gw-1x")] == [
        "ordered",
        "claimed",
    ]
    (entry,) = store.audit()
    assert (entry.why, entry.log_index, entry.new) == ("初始", 7, {"name_zh": "江阳区"})
    with changing(store, 3_000) as change:
        change.put("organisation", "chs", region="510502", name_en="Chunhetang")
        change.put("gateway", "gw-1x", state="enrolled")
    assert [p.id for p in store.find("point", within=[Scope(organisation="chs")])] == ["p1"]
    assert store.revision() == 3
    store.close()


def test_the_migrations_make_the_tables_that_the_kinds_ask_for(engine: Engine) -> None:
    open_store(engine).close()
    with reading(engine) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or name in METADATA.tables
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_opening_again_changes_nothing(engine: Engine) -> None:
    first = open_store(engine)
    insert_sample(engine, "0001")
    second = open_store(engine)
    assert second.revision() == first.revision() == 1
    first.close()
    second.close()


def test_tables_of_a_later_program_are_left_alone(engine: Engine) -> None:
    open_store(engine).close()
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreTooNewError, match=r"schema 9999.*install the version"):
        open_store(engine)
    assert schema_version(engine) == "9999"


def test_two_programs_that_open_an_empty_database_both_find_the_tables(engine: Engine) -> None:
    faults: list[BaseException] = []

    def work() -> None:
        try:
            store = open_store(engine)
            store.find("site")
            store.close()
        except BaseException as error:  # noqa: BLE001 - told by the main thread
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []


def test_a_migration_that_fails_leaves_the_schema_it_found(engine: Engine) -> None:
    migrate(engine, "0001")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE station (id TEXT)")
    with pytest.raises(Exception, match="station"):
        migrate(engine, HEAD)
    assert schema_version(engine) == "0001"
    with reading(engine) as connection:
        names = connection.dialect.get_table_names(connection)
    assert "login_session" not in names, "nothing of a step that failed half-way stays"


def test_a_file_that_is_no_database_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "r.db").write_text("not a database at all, but long enough to be read as one")
    with pytest.raises(StoreUnavailableError, match="not a database"):
        RegistryStore.open(f"sqlite:///{tmp_path}/r.db", now_ms=lambda: 0)
