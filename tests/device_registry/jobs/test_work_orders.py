"""A contractor's access begins with the work order and ends with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry.errors import InvalidFieldsError
from device_registry.jobs.errors import WorkOrderError
from device_registry.jobs.work_orders import (
    WorkOrder,
    close_order,
    close_overdue,
    grant_id,
    open_order,
)
from device_registry.store.store import RegistryStore
from tests.support.job_world import NOON_MS, SITE, job_world
from tests.support.registry_world import ROOT, changing

HOUR_MS = 3_600_000
ORDER = WorkOrder(
    id="wo-1",
    site=SITE,
    account="zhao",
    from_ms=NOON_MS,
    until_ms=NOON_MS + 8 * HOUR_MS,
    what="更换探头",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        with changing(opened, 2_000) as change:
            change.put("account", "zhao", name="赵工", organisation="ynk", state="active")
        yield opened


def access_until(store: RegistryStore) -> int:
    grant = store.get("grant", grant_id("wo-1"))
    assert grant is not None
    assert (grant.text("role"), grant.text("organisation")) == ("technician", "chs")
    return grant.number("until_ms")


def test_access_lasts_as_long_as_the_order_without_anything_running(
    store: RegistryStore,
) -> None:
    open_order(store, ROOT, ORDER, NOON_MS)
    assert access_until(store) == ORDER.until_ms


def test_closing_the_order_ends_the_access_at_once_and_only_once(store: RegistryStore) -> None:
    open_order(store, ROOT, ORDER, NOON_MS)
    at_ms = NOON_MS + HOUR_MS
    assert close_order(store, ROOT, "wo-1", at_ms).text("state") == "closed"
    assert access_until(store) == at_ms
    after = store.revision()
    close_order(store, ROOT, "wo-1", at_ms + HOUR_MS)
    assert access_until(store) == at_ms
    assert store.revision() == after


def test_an_order_whose_time_is_over_is_closed_by_the_tour(store: RegistryStore) -> None:
    open_order(store, ROOT, ORDER, NOON_MS)
    assert close_overdue(store, ROOT, ORDER.until_ms - 1) == ()
    assert close_overdue(store, ROOT, ORDER.until_ms) == ("wo-1",)
    assert access_until(store) == ORDER.until_ms
    assert close_overdue(store, ROOT, ORDER.until_ms + 1) == ()


def test_a_closed_order_is_not_opened_again(store: RegistryStore) -> None:
    open_order(store, ROOT, ORDER, NOON_MS)
    close_order(store, ROOT, "wo-1", NOON_MS)
    with pytest.raises(WorkOrderError, match="closed"):
        open_order(store, ROOT, ORDER, NOON_MS)
    with pytest.raises(WorkOrderError, match="does not exist"):
        close_order(store, ROOT, "wo-2", NOON_MS)


def test_an_order_for_nobody_is_refused_and_gives_no_access(store: RegistryStore) -> None:
    nobody = WorkOrder(
        id="wo-3", site=SITE, account="nobody", from_ms=1, until_ms=2, what="test"
    )
    with pytest.raises(InvalidFieldsError):
        open_order(store, ROOT, nobody, NOON_MS)
    assert store.get("grant", grant_id("wo-3")) is None
