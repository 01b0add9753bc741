"""GSP Annex 3 articles 13 and 14: how many points, how high, and under which pack."""

from decimal import Decimal
from itertools import repeat

import pytest

from domain.gsp.finding import Level
from domain.gsp.point_counts import check_points, required_points, requirements
from domain.gsp.space import PlaceKind, Position, Space


def store(area: str, rack: str = "3", storage: str = "ambient") -> Space:
    return Space(
        place_kind=PlaceKind.ROOM,
        storage_class=storage,
        area_m2=Decimal(area),
        rack_height_m=Decimal(rack),
    )


def at(*heights: str) -> list[Position]:
    return [Position(height_m=Decimal(height)) for height in heights]


@pytest.mark.parametrize(
    ("area", "flat", "high", "higher"),
    [("300", 2, 4, 6), ("301", 3, 6, 9), ("601", 4, 8, 12), ("1200", 5, 10, 15)],
)
def test_the_vectors_of_article_13_hold(area: str, flat: int, high: int, higher: int) -> None:
    counts = [required_points("wholesale", store(area, rack)) for rack in ("3", "4.5", "8.1")]
    assert counts == [flat, high, higher]
    assert required_points("wholesale", store(area, "8")) == high


def test_cold_stores_count_by_100_square_metres() -> None:
    assert required_points("wholesale", store("300", storage="cold")) == 4
    assert required_points("wholesale", store("100", storage="frozen")) == 2
    cold_room = Space(place_kind=PlaceKind.COLD_ROOM, area_m2=Decimal("100.5"))
    assert required_points("chain_head", cold_room) == 3


@pytest.mark.parametrize(("volume", "points"), [("20", 2), ("21", 3), ("41", 4), ("8", 2)])
def test_the_vectors_of_article_14_hold(volume: str, points: int) -> None:
    vehicle = Space(place_kind=PlaceKind.VEHICLE, volume_m3=Decimal(volume))
    assert required_points("carrier", vehicle) == points


def test_each_box_has_one() -> None:
    for kind in (PlaceKind.COLD_BOX, PlaceKind.INSULATED_BOX):
        assert required_points("wholesale", Space(place_kind=kind)) == 1


def test_which_pack_applies_follows_from_the_subject_class() -> None:
    large = store("1200")
    assert required_points("wholesale", large) == 5
    assert required_points("retail", large) == 1
    assert [r.pack.name for r in requirements("retail", large)] == ["SHOP_AND_WARD"]


@pytest.mark.parametrize(
    ("area", "points"), [("19.9", 2), ("20", 3), ("50", 3), ("51", 4), ("150", 4), ("300", 5)]
)
def test_a_stricter_local_scheme_counts_only_where_it_is_adopted(
    area: str, points: int
) -> None:
    room = store(area, storage="cold")
    assert required_points("wholesale", room, ["LOCAL_DENSITY"]) == max(
        points, required_points("wholesale", room) or 0
    )
    assert [r.points for r in requirements("wholesale", room, ["LOCAL_DENSITY"])] == [
        required_points("wholesale", room),
        points,
    ]


def test_beyond_its_last_band_the_local_scheme_says_nothing() -> None:
    room = store("301", storage="cold")
    assert required_points("wholesale", room, ["LOCAL_DENSITY"]) == 5


def test_an_unrecorded_area_is_refused_not_guessed() -> None:
    unknown = Space(place_kind=PlaceKind.ROOM, rack_height_m=Decimal(3))
    assert required_points("wholesale", unknown) is None
    found = check_points("r1", "wholesale", unknown, at("2", "2"))
    assert [f.key for f in found] == ["point_count.size_unknown"]
    assert found[0].level is Level.REFUSE


def test_too_few_points_are_refused_with_both_numbers() -> None:
    (found,) = check_points("r1", "wholesale", store("301"), at("2", "2"))
    assert (found.key, found.about, dict(found.args)) == (
        "point_count.too_few",
        "r1",
        {"needed": "3", "found": "2"},
    )
    assert found.clause == "GSP Annex 3 art. 13"


def test_a_flat_store_wants_two_thirds_of_the_rack_exactly() -> None:
    assert [f.key for f in check_points("r", "wholesale", store("9"), at("2", "2"))] == [
        "point_count.enough"
    ]
    low = check_points("r", "wholesale", store("9"), at("2", "1.99"))
    assert [f.key for f in low] == ["point_count.enough", "point_height.too_low"]
    assert low[1].args["least"] == "2.00"


def test_a_high_rack_wants_both_levels_and_the_top_covered() -> None:
    rack = store("300", "6")
    good = check_points("r", "wholesale", rack, at("2", "2.9", "5", "6"))
    assert [f.level for f in good] == [Level.PASS]
    all_low = check_points("r", "wholesale", rack, list(repeat(at("2")[0], 4)))
    assert [(f.key, f.args.get("rank")) for f in all_low] == [
        ("point_count.enough", None),
        ("point_height.top_too_low", None),
        ("point_height.level_too_few", "2"),
    ]


def test_heights_that_nobody_recorded_are_named() -> None:
    found = check_points("r", "wholesale", store("9"), [*at("2"), Position()])
    assert [(f.key, f.args.get("missing")) for f in found] == [
        ("point_count.enough", None),
        ("point_height.unknown", "1"),
    ]
    no_rack = Space(place_kind=PlaceKind.ROOM, area_m2=Decimal(9))
    found = check_points("r", "wholesale", no_rack, at("2", "2"))
    assert found[1].key == "point_height.rack_unknown"
    assert check_points("r", "retail", no_rack, at("2"))[0].level is Level.PASS
