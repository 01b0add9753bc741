"""Counts are asked of the database again only when they may be others."""

from pathlib import Path

from cloud.registry_pages.region_counts import KEPT_MS, RegionCounts
from device_registry.access.scope import EVERYWHERE, Scope
from tests.support.registry_site import SITE, pages


def test_counts_follow_the_registry(tmp_path: Path) -> None:
    with pages(tmp_path) as world:
        counted = RegionCounts(world.store)
        assert counted.of((EVERYWHERE,), 0)["gateway"] == {"510502": 1, "440300": 1}
        assert counted.of((Scope(region="51"),), 0)["gateway"] == {"510502": 1}
        world.change(lambda c: c.put("gateway", "gw-new-1", site=SITE, state="ordered"))
        assert counted.of((EVERYWHERE,), 0)["gateway"]["510502"] == 2


def test_counts_are_kept_while_nothing_changes_and_for_a_minute_only(tmp_path: Path) -> None:
    with pages(tmp_path) as world:
        counted = RegionCounts(world.store)
        first = counted.of((EVERYWHERE,), 0)
        assert counted.of((EVERYWHERE,), KEPT_MS - 1) is first
        assert counted.of((EVERYWHERE,), KEPT_MS) is not first
