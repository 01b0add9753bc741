"""GSP Annex 5: due dates, triggers and the geometry of a mapping."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from domain.gsp.space import PlaceKind, Position, Space
from domain.gsp.verification import (
    Mapping,
    Trigger,
    VerificationKind,
    check_mapping,
    kind_for,
    next_due,
)
from domain.gsp.verification_model import gsp_annex_5

RULES = gsp_annex_5()
D = Decimal
ROOM = Space(place_kind=PlaceKind.COLD_ROOM, area_m2=D(16))


def place(x: str, y: str, height: str) -> Position:
    return Position(x_m=D(x), y_m=D(y), height_m=D(height))


CORNERS = tuple(place(x, y, h) for x in ("0", "4") for y in ("0", "4") for h in ("0", "2"))
GOOD = Mapping(
    space=ROOM,
    size=place("4", "4", "2"),
    probes=(*CORNERS, place("2", "2", "1")),
    at_openings=(5, 5),
    at_dead_corners=(3,),
    duration_s=48 * 3600,
    max_gap_s=300,
    sensor_errors=(D("0.5"),),
)


def keys(mapping: Mapping) -> list[str]:
    return [f.key.removeprefix("verification.") for f in check_mapping("r", mapping, RULES)]


def test_a_mapping_on_every_bound_suffices() -> None:
    assert keys(GOOD) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"probes": GOOD.probes[:8]}, ["probes", "centre"]),
        ({"probes": GOOD.probes[1:]}, ["probes", "corners"]),
        ({"at_openings": (5, 4)}, ["opening"]),
        ({"at_dead_corners": (2,)}, ["dead_corner"]),
        ({"duration_s": 48 * 3600 - 1}, ["duration"]),
        ({"max_gap_s": 301}, ["interval"]),
        ({"sensor_errors": (D("-0.6"),)}, ["sensor_error"]),
        ({"probes": (*GOOD.probes, Position())}, ["position_unknown"]),
    ],
)
def test_each_lack_is_named(change: dict[str, object], expected: list[str]) -> None:
    mapping = replace(GOOD, **change)  # type: ignore[arg-type]
    found = keys(mapping)
    assert found == expected


def test_probes_too_far_apart_are_named_on_the_floor_and_in_height() -> None:
    wide = replace(GOOD, size=place("11", "4", "5"))
    assert {"horizontal", "vertical"} <= set(keys(wide))


@pytest.mark.parametrize(("volume", "probes"), [("20", 9), ("21", 18), ("40", 18), ("41", 27)])
def test_vehicles_want_nine_more_per_twenty_cubic_metres(volume: str, probes: int) -> None:
    vehicle = Space(place_kind=PlaceKind.VEHICLE, volume_m3=D(volume))
    assert RULES.plan(vehicle.kind).count(vehicle) == probes


def test_a_box_is_mapped_as_long_as_its_longest_delivery() -> None:
    box = replace(
        GOOD,
        space=Space(place_kind=PlaceKind.COLD_BOX),
        probes=GOOD.probes[:5],
        duration_s=3600,
        longest_delivery_s=7200,
    )
    assert keys(box) == ["duration"]
    assert keys(replace(box, duration_s=7200)) == []


def test_a_year_later_the_next_is_due_and_a_move_asks_for_a_special_one() -> None:
    assert next_due(date(2026, 3, 1), RULES) == date(2027, 3, 1)
    assert kind_for(Trigger.MOVED) is VerificationKind.SPECIAL
    assert kind_for(Trigger.STOPPED) is VerificationKind.AFTER_STOP
    assert {kind_for(t) for t in Trigger} == set(VerificationKind)
