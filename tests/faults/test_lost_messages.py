"""Requests and replies that get lost, come twice or change places, at every step of the way.

The steps: gateway and broker (batches up, receipts and checkpoints down), gateway and cloud
over HTTP, broker and cloud, cloud and InfluxDB, cloud and webhook. `seed` decides their order.
"""

import asyncio
import random
from pathlib import Path

import pytest

from simulators.link import Link
from simulators.link_state import Direction, Fault
from tests.support.stack import SEEDS, Stack, Wishes, stack

ROUNDS = 3
MOST_LOSSES = 30
LONGEST_S = 0.4
Step = tuple[str, Fault, Direction]


@pytest.mark.parametrize("seed", SEEDS[:1] if len(SEEDS) <= 5 else SEEDS)
async def test_no_lost_repeated_or_swapped_message_loses_or_doubles_a_reading(
    tmp_path: Path, seed: int
) -> None:
    over_http = Wishes(seed=seed, protocol="http", influx=True)
    over_mqtt = Wishes(seed=seed, mqtt="plain", protocol="mqtt")
    await asyncio.gather(
        _survives(tmp_path / "http", over_http), _survives(tmp_path / "mqtt", over_mqtt)
    )


async def _survives(folder: Path, wishes: Wishes) -> None:
    rng = random.Random(wishes.seed)
    async with stack(folder, wishes) as running:
        for name, fault, direction in _steps(rng, running):
            await running.pass_s(rng.uniform(0, LONGEST_S))
            print(f"seed {wishes.seed}: {name} {direction}: {fault}")
            await _suffer(running, _links(running)[name], fault, direction)
        await running.archived(3)
        await _until_felt(running)
        (await running.audit()).assert_clean()


def _links(running: Stack) -> dict[str, Link]:
    links = {"gateway": running.link}
    if running.server_link is not None:
        links["server"] = running.server_link
    if running.influx_link is not None:
        links["influxdb"] = running.influx_link
    return links


def _steps(rng: random.Random, running: Stack) -> list[Step]:
    """Return every fault that a link of this protocol can have, in any order."""
    faults = (Fault.LOSE,) if running.server_link is None else tuple(Fault)
    steps = [(n, f, d) for n in _links(running) for f in faults for d in Direction] * ROUNDS
    rng.shuffle(steps)
    return steps


async def _until_felt(running: Stack) -> None:
    """Lose answers until one of them was a receipt, and its batch came a second time."""
    for _ in range(MOST_LOSSES):
        if (await running.cloud_status())["duplicates_refused"]:
            return
        await _suffer(running, running.link, Fault.LOSE, Direction.DOWN)
        await running.archived(1)
    raise AssertionError("no lost reply was felt")


async def _suffer(running: Stack, link: Link, fault: Fault, direction: Direction) -> None:
    before = link.counts.faults[fault]
    link.fault(fault, direction)
    await running.eventually(
        lambda: link.counts.faults[fault] > before, f"a message to {fault} {direction}"
    )


async def test_a_lost_webhook_or_its_lost_answer_is_sent_again(tmp_path: Path) -> None:
    async with stack(tmp_path) as running:
        for outages, direction in enumerate(Direction, start=1):
            running.link.cut()
            await _suffer(running, running.hook_link, Fault.LOSE, direction)
            await running.told("silent", count=outages)
            await running.link.restore()
            await running.archived(2)
        await running.told("silent", "returned", 2)
        (await running.audit()).assert_clean()
        told = [(d.document["alarm"], d.document["event"]) for d in running.sink.deliveries]
        assert len(told) > len(set(told)), "the answer that got lost had been delivered"
