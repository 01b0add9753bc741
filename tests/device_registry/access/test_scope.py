"""`device_registry.access.scope`: what lies within a right and what does not."""

import pytest

from device_registry.access.scope import EVERYWHERE, Scope, Subject

SHOP = Subject(
    org_path="chain/shop-1", authority_path="sc/luzhou", region="510502", subject_class="retail"
)


@pytest.mark.parametrize(
    "scope",
    [
        EVERYWHERE,
        Scope(organisation="chain"),
        Scope(organisation="chain/shop-1"),
        Scope(organisation="sc"),
        Scope(organisation="sc/luzhou", region="5105", subject_class="retail"),
        Scope(region="51"),
    ],
)
def test_a_scope_covers_its_subtree_through_the_firm_or_its_authority(scope: Scope) -> None:
    assert scope.covers(SHOP)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(organisation="cha"),
        Scope(organisation="chain/shop-10"),
        Scope(organisation="chain/shop"),
        Scope(organisation="sc/luzhou/gulin"),
        Scope(region="5106"),
        Scope(organisation="chain", region="5101"),
        Scope(subject_class="wholesale"),
    ],
)
def test_a_scope_stops_at_whole_ids_regions_and_classes(scope: Scope) -> None:
    assert not scope.covers(SHOP)


def test_a_site_without_an_authority_is_reached_only_through_its_firm() -> None:
    orphan = Subject(org_path="chain/shop-1", region="510502", subject_class="retail")

    assert Scope(organisation="chain").covers(orphan)
    assert not Scope(organisation="sc").covers(orphan)


def test_a_scope_contains_what_is_nowhere_wider() -> None:
    firm = Scope(organisation="chain", region="51")

    assert firm.contains(Scope(organisation="chain/shop-1", region="5105"))
    assert EVERYWHERE.contains(firm)
    assert not firm.contains(EVERYWHERE)
    assert not firm.contains(Scope(organisation="chain"))
    assert not firm.contains(Scope(organisation="other", region="51"))
    assert not Scope(subject_class="retail").contains(Scope(region="51"))
