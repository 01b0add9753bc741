"""A point is judged by all of its rule packs, and by new ones from the moment they are set."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alarm_world import AlarmWorld, alarm_world
from tests.support.replaced import POINT_ID, Replaced, replaced

OK, WARM_ROOM, HOT, FROZEN = 500, 1500, 2600, -60
COLD, COOL, VACCINE = "CN_COLD_2_8", "CN_COOL_20", "WHO_VAX"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Replaced]:
    with replaced(tmp_path) as opened:
        yield opened


@pytest.fixture
def alarms(world: Replaced, tmp_path: Path) -> Iterator[AlarmWorld]:
    folder = tmp_path / "alarms"
    folder.mkdir()
    with alarm_world(folder, world.records, registry=world.registry, live_from=0) as opened:
        yield opened


def told(world: Replaced, alarms: AlarmWorld, *values: int) -> set[tuple[str, str, str]]:
    """Let a minute of each value arrive; return kind, event and pack of what is told."""
    for value in values:
        world.fridges.send(value)
    return {(d["kind"], d["event"], d["pack"]) for d in alarms.settle()}


def test_a_point_under_two_packs_is_judged_by_both(world: Replaced, alarms: AlarmWorld) -> None:
    world.move(rule_packs=[COLD, VACCINE])
    assert told(world, alarms, OK) == set()
    found = told(world, alarms, *[FROZEN] * 70)
    assert {pack for _, _, pack in found} == {COLD, VACCINE}


def test_an_alarm_of_rules_that_stay_goes_on(world: Replaced, alarms: AlarmWorld) -> None:
    assert told(world, alarms, OK, WARM_ROOM) == {("limit", "raised", COLD)}
    world.move(rule_packs=[COLD, VACCINE])
    assert told(world, alarms, WARM_ROOM) == set()
    world.move(rule_packs=[VACCINE, COLD])
    assert told(world, alarms, WARM_ROOM) == set()
    assert told(world, alarms, OK) == {("limit", "returned", COLD)}


def test_new_rules_end_the_alarms_of_the_old_and_judge_from_then_on(
    world: Replaced, alarms: AlarmWorld
) -> None:
    assert told(world, alarms, OK, WARM_ROOM) == {("limit", "raised", COLD)}
    world.move(rule_packs=[COOL])
    assert told(world, alarms, WARM_ROOM) == {("limit", "returned", COLD)}
    assert told(world, alarms, WARM_ROOM) == set()
    assert told(world, alarms, HOT) == {("limit", "raised", COOL)}


def test_new_rules_are_kept_over_a_restart(
    world: Replaced, alarms: AlarmWorld, tmp_path: Path
) -> None:
    told(world, alarms, OK, WARM_ROOM)
    world.move(rule_packs=[COOL])
    told(world, alarms, WARM_ROOM)
    alarms.projection.close()
    alarms.__post_init__()
    assert told(world, alarms, WARM_ROOM) == set()
    assert told(world, alarms, HOT) == {("limit", "raised", COOL)}


def test_a_point_whose_rules_are_taken_away_is_left_alone(
    world: Replaced, alarms: AlarmWorld
) -> None:
    assert told(world, alarms, OK, WARM_ROOM) == {("limit", "raised", COLD)}
    world.move(rule_packs=[])
    assert told(world, alarms, WARM_ROOM) == {("limit", "returned", COLD)}
    assert told(world, alarms, HOT, HOT) == set()
    world.move(rule_packs=[COLD])
    assert told(world, alarms, HOT) == {("limit", "raised", COLD)}


def test_a_clock_set_back_is_nothing_to_a_point_without_rules(
    world: Replaced, alarms: AlarmWorld
) -> None:
    told(world, alarms, OK, OK)
    world.move(rule_packs=[])
    told(world, alarms, OK)
    world.fridges.start_ms -= 3_600_000
    assert told(world, alarms, OK, OK) == set()
    world.move(rule_packs=[COLD])
    assert told(world, alarms, WARM_ROOM) == {("limit", "raised", COLD)}


def test_a_pack_that_this_version_does_not_know_stops_no_alarm(
    world: Replaced, alarms: AlarmWorld
) -> None:
    with world.store.engine.begin() as database:
        unknown = 'UPDATE point SET rule_packs = \'["OF_A_LATER_VERSION@3", "CN_COLD_2_8"]\''
        database.exec_driver_sql(unknown)
    found = world.registry.point_by_id(POINT_ID)
    assert found is not None
    assert found.rule_packs == (COLD,)
    assert told(world, alarms, OK, WARM_ROOM) == {("limit", "raised", COLD)}


def test_a_point_at_rest_stays_so_under_new_rules_until_they_mind(
    world: Replaced, alarms: AlarmWorld
) -> None:
    assert told(world, alarms, OK, OK) == set()
    world.move(rule_packs=[COLD, COOL])
    assert told(world, alarms, OK, OK) == set()
    assert told(world, alarms, WARM_ROOM) == {("limit", "raised", COLD)}
