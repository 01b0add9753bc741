"""Region codes: a subtree is a prefix."""

import pytest

from device_registry.codes.region import (
    Level,
    check_region,
    is_within,
    level_of,
    lineage,
    region_prefix,
)
from device_registry.errors import CodeError

SICHUAN, LUZHOU, JIANGYANG, TOWN = "510000", "510500", "510502", "510502001000"


def test_the_code_tells_the_level() -> None:
    assert [level_of(code) for code in (SICHUAN, LUZHOU, JIANGYANG, TOWN)] == list(Level)


def test_everything_within_a_region_starts_with_its_prefix_and_nothing_else_does() -> None:
    around = (SICHUAN, LUZHOU, JIANGYANG, TOWN)
    assert [region_prefix(code) for code in around] == ["51", "5105", "510502", "510502001"]
    for place, region in enumerate(around):
        within = [is_within(code, region_prefix(region)) for code in around]
        assert within == [n >= place for n in range(4)]
    assert not is_within("515000", region_prefix(LUZHOU))
    assert is_within(TOWN, "")


def test_the_lineage_goes_from_the_nearest_to_the_province() -> None:
    assert lineage(TOWN) == (TOWN, JIANGYANG, LUZHOU, SICHUAN)
    assert lineage(SICHUAN) == (SICHUAN,)


NOT_REGIONS = (
    "",
    "51",
    "51050",
    "000000",
    "510002",
    "51a500",
    "５１０５００",
    "510502000000",
    "510502001001",
    "510500001000",
    "5105020010000",
)


@pytest.mark.parametrize("code", NOT_REGIONS)
def test_what_cannot_be_a_region_is_refused(code: str) -> None:
    with pytest.raises(CodeError, match="GB/T 2260"):
        check_region(code)
