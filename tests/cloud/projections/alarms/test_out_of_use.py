"""Points and gateways that were taken out of use call nobody for their silence."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.projections.alarms.silence import ASK_AGAIN_MS
from tests.support.alarm_world import AlarmWorld, alarm_world
from tests.support.registry_world import changing
from tests.support.replaced import GATEWAY, SITE, Replaced, replaced

OK, HOT = 500, 860
OTHER = f"{SITE}-other"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Replaced]:
    with replaced(tmp_path) as opened:
        yield opened


@pytest.fixture
def alarms(world: Replaced, tmp_path: Path) -> Iterator[AlarmWorld]:
    world.add(OTHER, channel=2)
    folder = tmp_path / "alarms"
    folder.mkdir()
    with alarm_world(folder, world.records, registry=world.registry, live_from=0) as opened:
        world.fridges.width = 2
        world.fridges.send(OK)
        world.fridges.width = 1
        yield opened


def told(alarms: AlarmWorld, at_ms: int = 0) -> list[tuple[str, str, str]]:
    """Return what people are told once everything is applied, and at `at_ms`."""
    documents = alarms.settle()
    if at_ms:
        alarms.projection.tick(at_ms)
        documents += alarms.settle()
    return [(d["kind"], d["event"], d.get("point", "")) for d in documents]


def set_gateway(world: Replaced, state: str) -> None:
    world.now_ms += 1_000
    with changing(world.store, world.now_ms) as change:
        change.put("gateway", GATEWAY, state=state)
    world.registry.refresh()


def test_a_point_out_of_service_is_not_missing(world: Replaced, alarms: AlarmWorld) -> None:
    assert told(alarms) == []
    world.put(OTHER, state="out_of_service")
    for _ in range(5):
        world.fridges.send(OK)
    assert told(alarms) == []


def test_what_is_missing_ends_when_the_point_is_taken_out_of_service(
    world: Replaced, alarms: AlarmWorld
) -> None:
    for _ in range(3):
        last = world.fridges.send(OK)
    assert told(alarms) == [("gap", "raised", OTHER)]
    world.put(OTHER, state="out_of_service")
    assert told(alarms, last.recv_ms + 1_000) == [("gap", "returned", OTHER)]
    for _ in range(3):
        last = world.fridges.send(OK)
    assert told(alarms, last.recv_ms + 1_000) == []


def test_a_point_back_in_service_owes_values_from_then_on(
    world: Replaced, alarms: AlarmWorld
) -> None:
    world.put(OTHER, state="out_of_service")
    for _ in range(5):
        world.fridges.send(OK)
    assert told(alarms) == []
    world.put(OTHER, state="in_service")
    back = world.fridges.send(OK)
    assert told(alarms) == [], "it has had no time yet"
    for _ in range(2):
        world.fridges.send(OK)
    (gap,) = alarms.settle()
    assert (gap["event"], gap["point"]) == ("raised", OTHER)
    assert gap["since_ms"] > back.recv_ms - 61_000


def test_a_point_out_of_service_is_still_judged(world: Replaced, alarms: AlarmWorld) -> None:
    world.put(OTHER, state="out_of_service")
    world.fridges.width = 2
    for _ in range(6):
        world.fridges.send([HOT] * 6)
    assert ("limit", "raised", OTHER) in told(alarms)


@pytest.mark.parametrize("state", ["suspended", "retired"])
def test_a_gateway_out_of_use_is_not_silent(
    world: Replaced, alarms: AlarmWorld, state: str
) -> None:
    last = world.fridges.send(OK)
    assert told(alarms) == []
    set_gateway(world, state)
    assert told(alarms, last.recv_ms + 3_600_000) == []
    assert not alarms.projection.is_silent(GATEWAY)


def test_a_silence_ends_when_the_gateway_is_replaced(
    world: Replaced, alarms: AlarmWorld
) -> None:
    last_ms = world.fridges.send(OK).recv_ms
    assert told(alarms, last_ms + 130_000) == [("silent", "raised", "")]
    set_gateway(world, "retired")
    assert told(alarms, last_ms + 140_000) == [("silent", "returned", "")]
    assert not alarms.projection.is_silent(GATEWAY)
    assert told(alarms, last_ms + 3_600_000) == []


def test_a_gateway_that_is_back_in_service_and_says_nothing_is_silent(
    world: Replaced, alarms: AlarmWorld
) -> None:
    last_ms = world.fridges.send(OK).recv_ms
    set_gateway(world, "suspended")
    assert told(alarms, last_ms + 3_600_000) == []
    set_gateway(world, "in_service")
    assert told(alarms, last_ms + 3_600_000 + 2 * ASK_AGAIN_MS) == [("silent", "raised", "")]
