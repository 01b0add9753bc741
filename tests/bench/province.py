"""What a large registry costs where it is asked most: 100,000 gateways, 800,000 points.

`key_lookup_hit_us`, `key_lookup_miss_us`: the accept path's question "whose key is this", when
the key has been seen and when it has not. `province_page_ms`: the first page of a province for
who may see all of it, counted, built and rendered, the counts not kept from before. Each on
SQLite and on PostgreSQL; floors: a dict, a bare query by the same key, the bare counts.
"""

import random
import sqlite3
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from time import perf_counter_ns

from sqlalchemy import event, func, select, text

from cloud.core import wall_ms
from cloud.ingest.keyring import Keyring
from cloud.registry_pages.region_counts import RegionCounts
from cloud.registry_pages.regions import Asked, region_page
from dashboards.models import Lang
from dashboards.registry.rendering import render_registry
from device_registry.access.scope import EVERYWHERE
from device_registry.serving.stored import StoredRegistry
from device_registry.store.engine import reading
from device_registry.store.store import RegistryStore
from device_registry.store.tables import TABLES
from tests.bench._province import GATEWAYS, fill, kid_of
from tests.bench.row import Row, paired_ns
from tests.support.postgres import postgres

LOOKUPS = 2_000
HITS = 200_000
PAGES = 15
SEED = 5


def measure() -> list[Row]:
    """Return the figures of both engines."""
    with tempfile.TemporaryDirectory(prefix="coldwarden-bench-") as folder:
        urls = {
            "sqlite": f"sqlite:///{Path(folder) / 'registry.db'}",
            "postgresql": postgres().registry(),
        }
        return [row for name, url in urls.items() for row in _of(name, url)]


def _of(name: str, url: str) -> Iterator[Row]:
    with closing(RegistryStore.open(url, now_ms=wall_ms)) as store:
        if name == "sqlite":
            event.listen(store.engine, "checkout", _hurry)
        fill(store)
        if name == "sqlite":
            with reading(store.engine) as connection:
                connection.execute(text("ANALYZE"))
        yield _hit(name, store)
        yield _miss(name, store)
        yield _page(name, store)


def _hurry(connection: sqlite3.Connection, *_: object) -> None:
    """Spare the flushes: what is filled here is not measured, and nothing of it is kept."""
    connection.execute("PRAGMA synchronous = OFF")


def _hit(name: str, store: RegistryStore) -> Row:
    keyring = Keyring(StoredRegistry(store))
    kid = kid_of(7)
    keyring.find(kid)
    plain = {kid: keyring.find(kid)}
    ours, floor, ratio = paired_ns(
        _repeated(lambda: keyring.find(kid)), _repeated(lambda: plain.get(kid))
    )
    return Row(
        name="key_lookup_hit_us", value=ours / HITS / 1000, unit="us",
        floor=floor / HITS / 1000, ratio=ratio, bar="< 1", note=name,
    )  # fmt: skip


def _repeated(call: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        for _ in range(HITS):
            call()

    return run


def _miss(name: str, store: RegistryStore) -> Row:
    keyring = Keyring(StoredRegistry(store))
    numbers = random.Random(SEED).sample(range(GATEWAYS), LOOKUPS)
    ours, floor = [], []
    query = text("SELECT public FROM key WHERE id = :kid AND valid_to_ms IS NULL")
    for number in numbers:
        kid = kid_of(number)
        began = perf_counter_ns()
        assert keyring.find(kid) is not None
        between = perf_counter_ns()
        with reading(store.engine) as connection:
            connection.execute(query, {"kid": kid.hex()}).all()
        ours.append(between - began)
        floor.append(perf_counter_ns() - between)
    value, bare = statistics.median(ours) / 1000, statistics.median(floor) / 1000
    return Row(
        name="key_lookup_miss_us", value=value, unit="us", floor=bare, ratio=value / bare,
        bar="< 1000", note=f"{name}, median of {LOOKUPS} keys never asked for",
    )  # fmt: skip


def _page(name: str, store: RegistryStore) -> Row:
    asked = Asked(prefix="51", shown="sites", search="", after="")
    tables = [TABLES[kind] for kind in ("organisation", "site", "gateway")]
    ours, floor = [], []
    for _ in range(PAGES):
        counted = RegionCounts(store)  # keeps nothing from the page before
        began = perf_counter_ns()
        model = region_page(counted, (EVERYWHERE,), asked, store.now_ms())
        html = render_registry(model, Lang.ZH, "Asia/Shanghai")
        between = perf_counter_ns()
        assert "四川省" in html
        with reading(store.engine) as connection:
            for table in tables:
                alive = table.c.valid_to_ms.is_(None)
                connection.execute(select(func.count()).select_from(table).where(alive)).all()
        ours.append(between - began)
        floor.append(perf_counter_ns() - between)
    value, bare = statistics.median(ours) / 1e6, statistics.median(floor) / 1e6
    return Row(
        name="province_page_ms", value=value, unit="ms", floor=bare, ratio=value / bare,
        bar="< 200", note=f"{name}, counts made anew for every page",
    )  # fmt: skip
