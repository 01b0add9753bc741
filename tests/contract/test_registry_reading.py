"""The registry as its readers see it: from memory, and from both databases, alike."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from device_registry.access.scope import EVERYWHERE, Scope, Subject
from device_registry.errors import StoreUnavailableError
from device_registry.registry import Registry
from device_registry.serving.stored import StoredRegistry
from device_registry.store.audit import Actor
from device_registry.store.store import RegistryStore
from tests.support.fixed_registry import FixedRegistry
from tests.support.postgres import postgres
from tests.support.small_registry import GATEWAY_KEY, OTHER_KEY, REGISTRY

AT_MS = 1_790_000_000_000
TEST = Actor(account="test")
SUBJECT = Subject(org_path="chs", region="510502", subject_class="retail")
PLACED = FixedRegistry(
    tenants=REGISTRY.tenants,
    sites=[replace(site, subject=SUBJECT) for site in REGISTRY.sites],
    gateways=REGISTRY.gateways,
    points=[point for site in REGISTRY.sites for point in REGISTRY.points(site.id)],
)


def fill(store: RegistryStore) -> None:
    """Register what the small registry of the tests says."""
    of = {"region": "510502", "subject_class": "retail"}
    with store.change(TEST, "the small registry", AT_MS) as change:
        change.put("region", "510502", name_zh="区", name_en="County", level="county")
        for tenant in REGISTRY.tenants:
            names = {"name_zh": tenant.name_zh, "name_en": tenant.name_en}
            change.put("organisation", tenant.id, **names, **of)
        for site in REGISTRY.sites:
            names = {"name_zh": site.name_zh, "name_en": site.name_en}
            placed = {"organisation": site.tenant, "timezone": site.timezone}
            change.put("site", site.id, **placed, **names, **of)
        for gateway in REGISTRY.gateways:
            values = {"site": gateway.site, "heartbeat_s": gateway.heartbeat_s}
            change.put("gateway", gateway.id, state="in_service", **values)
            for key in gateway.keys:
                change.put(
                    "key",
                    key.kid.hex(),
                    gateway=gateway.id,
                    public=key.to_text(),
                    key_kind="software",
                    state="active",
                )
            for point in REGISTRY.points_of(gateway.id):
                change.put(
                    "point",
                    point.id,
                    site=point.site,
                    gateway=point.gateway,
                    channel=point.channel,
                    name_zh=point.name_zh,
                    name_en=point.name_en,
                    quantity=point.quantity.value,
                    unit=point.unit,
                    rule_packs=list(point.rule_packs),
                    point_class=point.point_class.value,
                    state="in_service",
                )


POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.engine)


@contextmanager
def opened(engine: str, folder: Path) -> Iterator[StoredRegistry]:
    sqlite = engine == "sqlite"
    url = f"sqlite:///{folder}/registry.db" if sqlite else postgres().registry()
    with closing(RegistryStore.open(url, now_ms=lambda: AT_MS)) as store:
        fill(store)
        yield StoredRegistry(store)


@pytest.fixture(params=["sqlite", POSTGRESQL])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoredRegistry]:
    with opened(request.param, tmp_path) as registry:
        yield registry


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "memory":
        yield PLACED
        return
    with opened(request.param, tmp_path) as registry:
        yield registry


def test_a_key_id_finds_its_gateway_and_no_other(registry: Registry) -> None:
    for key, gateway in ((GATEWAY_KEY, "gw-chs-001"), (OTHER_KEY, "gw-chs-002")):
        found = registry.gateway_by_kid(key.kid)
        assert found is not None
        assert (found[0].id, found[1]) == (gateway, key.public)
    assert registry.gateway_by_kid(bytes(8)) is None


def test_everything_is_found_by_what_it_is_asked_by(registry: Registry) -> None:
    assert list(registry.tenants) == list(PLACED.tenants)
    assert registry.tenant("chs") == PLACED.tenant("chs")
    assert list(registry.sites) == list(PLACED.sites)
    assert registry.site("chs-001") == PLACED.site("chs-001")
    assert list(registry.gateways) == list(PLACED.gateways)
    assert registry.gateway_count == 2
    assert list(registry.gateways_of("chs-001")) == list(PLACED.gateways_of("chs-001"))
    assert registry.gateway("gw-chs-001") == PLACED.gateway("gw-chs-001")
    for point in PLACED.points("chs-001"):
        assert registry.point_by_id(point.id) == point
        assert registry.point(point.gateway, point.channel) == point
    ids = [point.id for point in PLACED.points("chs-001")]
    assert registry.points_by_id([*ids, "x"]) == PLACED.points_by_id(ids)
    assert len(registry.points_by_id(ids * 400)) == len(ids)
    assert registry.points_by_id([]) == {}
    by_id = {point.id: point for point in registry.points("chs-001")}
    assert by_id == {point.id: point for point in registry.points_of("gw-chs-001")}


def test_what_does_not_exist_is_none(registry: Registry) -> None:
    found = (registry.tenant("x"), registry.site("x"), registry.gateway("x"))
    assert found == (None, None, None)
    assert registry.point("gw-chs-001", 9) is None
    assert registry.point_by_id("x") is None
    assert not registry.points("x")


def test_sites_are_confined_to_the_scopes(registry: Registry) -> None:
    def within(*scopes: Scope) -> list[str]:
        return [site.id for site in registry.sites_within(scopes, 10)]

    assert within(EVERYWHERE) == ["chs-001"]
    assert within(Scope(organisation="chs", region="5105")) == ["chs-001"]
    assert within(Scope(region="52"), Scope(subject_class="wholesale")) == []
    assert within() == []
    assert not registry.sites_within((EVERYWHERE,), 0)


def test_a_change_is_noticed_and_told_by_the_gateways_it_is_about(
    stored: StoredRegistry,
) -> None:
    told: list[frozenset[str]] = []
    stored.listeners.append(told.append)
    assert stored.point("gw-chs-002", 1) is None
    stored.refresh()
    assert told == []
    with stored.store.change(TEST, "another point", AT_MS) as change:
        change.put("point", "fridge-1-t", name_en="Renamed")
        change.put(
            "point",
            "fridge-2-t",
            site="chs-001",
            gateway="gw-chs-002",
            channel=1,
            name_zh="二",
            name_en="Two",
            quantity="temperature",
            unit="Cel",
            point_class="equipment",
            state="planned",
        )
    stored.refresh()
    assert told == [frozenset({"gw-chs-001", "gw-chs-002"})]
    new, renamed = stored.point("gw-chs-002", 1), stored.point("gw-chs-001", 1)
    assert new is not None
    assert renamed is not None
    assert (new.id, renamed.name_en) == ("fridge-2-t", "Renamed")
    with stored.store.change(TEST, "the shop moves", AT_MS) as change:
        change.put("site", "chs-001", timezone="Asia/Urumqi")
    stored.refresh()
    assert told[1:] == [frozenset()]
    moved = stored.site("chs-001")
    assert moved is not None
    assert moved.timezone == "Asia/Urumqi"


def test_a_listener_that_failed_is_told_again_with_all_others(stored: StoredRegistry) -> None:
    told: list[frozenset[str]] = []
    fails = [True]

    def once(_: frozenset[str]) -> None:
        if fails and fails.pop():
            raise StoreUnavailableError("postgresql://registry", "no answer", "start it")

    stored.listeners += [once, told.append]
    renamed = stored.point_by_id("fridge-1-t")
    assert renamed is not None
    with stored.store.change(TEST, "another name", AT_MS) as change:
        change.put("point", "fridge-1-t", name_en="Renamed")
    with pytest.raises(StoreUnavailableError):
        stored.refresh()
    assert told == []
    stored.refresh()
    stored.refresh()
    assert told == [frozenset({"gw-chs-001"})]
    renamed = stored.point_by_id("fridge-1-t")
    assert renamed is not None
    assert renamed.name_en == "Renamed"


def test_a_key_that_was_superseded_or_revoked_still_names_its_gateway(
    stored: StoredRegistry,
) -> None:
    kid = GATEWAY_KEY.kid
    for state in ("superseded", "revoked"):
        with stored.store.change(TEST, state, AT_MS) as change:
            change.put("key", kid.hex(), state=state)
        stored.refresh()
        assert stored.gateway_by_kid(kid) is not None, state
        gateway = stored.gateway("gw-chs-001")
        assert gateway is not None
        assert GATEWAY_KEY.public in gateway.keys
