"""The registry answers what its readers ask."""

import pytest

from device_registry.fixed import FixedRegistry
from tests.support.small_registry import GATEWAY_KEY, OTHER_KEY, REGISTRY


@pytest.fixture
def registry() -> FixedRegistry:
    return REGISTRY


def test_a_key_id_finds_its_gateway_and_no_other(registry: FixedRegistry) -> None:
    for key, gateway in ((GATEWAY_KEY, "gw-chs-001"), (OTHER_KEY, "gw-chs-002")):
        found = registry.gateway_by_kid(key.kid)
        assert found is not None
        assert (found[0].id, found[1]) == (gateway, key.public)
    assert registry.gateway_by_kid(bytes(8)) is None


def test_points_are_found_by_channel_by_id_by_site_and_by_gateway(
    registry: FixedRegistry,
) -> None:
    point = registry.point("gw-chs-001", 2)
    assert point is not None
    assert registry.point_by_id("fridge-1-compressor") is point
    assert [p.id for p in registry.points("chs-001")] == ["fridge-1-t", "fridge-1-compressor"]
    assert registry.points_of("gw-chs-001") == registry.points("chs-001")
    assert registry.points_of("gw-chs-002") == ()


def test_what_does_not_exist_is_none(registry: FixedRegistry) -> None:
    assert registry.point("gw-chs-001", 3) is None
    assert registry.point_by_id("x") is None
    assert registry.gateway("x") is None
    assert registry.site("x") is None
    assert registry.tenant("x") is None


def test_a_site_knows_its_gateways(registry: FixedRegistry) -> None:
    assert [g.id for g in registry.gateways_of("chs-001")] == ["gw-chs-001", "gw-chs-002"]
    assert registry.gateways_of("x") == ()
    tenant = registry.tenant("chs")
    assert tenant is not None
    assert tenant.name_en == "Chunhetang Pharmacy"
