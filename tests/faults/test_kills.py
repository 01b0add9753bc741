"""SIGKILL of every program at random points: nothing receipted is lost, nothing comes twice.

`seed` decides who is killed when, and for how long; it is in the name of the failed test.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from simulators.program import Program
from tests.support.stack import SEEDS, TIME, Stack, Wishes, stack

KILLS_OF_EACH = 1 if TIME > 1 else 3  # over each of two transports
LONGEST_S = 1.0


@dataclass(frozen=True, slots=True)
class Victim:
    """Something that can be killed and started again."""

    kill: Callable[[], None]
    start: Callable[[], None]


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_killed_program_loses_or_doubles_a_reading(tmp_path: Path, seed: int) -> None:
    over_mqtt = Wishes(seed=seed, mqtt="tls", influx=True)
    over_https = Wishes(seed=seed)
    await asyncio.gather(
        _survives(tmp_path / "mqtt", over_mqtt), _survives(tmp_path / "https", over_https)
    )


async def _survives(folder: Path, wishes: Wishes) -> None:
    rng = random.Random(wishes.seed)
    async with stack(folder, wishes) as running:
        victims = _victims(running)
        for name in _order(rng, victims):
            await running.pass_s(rng.uniform(0, LONGEST_S))
            print(f"seed {wishes.seed}: {name} is killed")
            await asyncio.to_thread(victims[name].kill)
            await running.pass_s(rng.uniform(0, LONGEST_S))
            await asyncio.to_thread(victims[name].start)
        await running.cloud_up()
        await running.archived(3)
        await running.settle()
        found = await running.count()
        found.assert_clean()
        if running.influx is not None:
            held = await _in_influx(running)
            assert held == found.projected, f"seed {wishes.seed}"


def _order(rng: random.Random, victims: Mapping[str, Victim]) -> list[str]:
    """Return who is killed: each as often, in any order."""
    order = [name for name in victims for _ in range(KILLS_OF_EACH)]
    rng.shuffle(order)
    return order


def _victims(running: Stack) -> dict[str, Victim]:
    victims = {"gateway": _of(running.gateway), "cloud": _of(running.cloud)}
    if running.installation.broker is not None:
        victims["broker"] = _of(running.installation.broker)
    if running.influx is not None:
        victims["influxd"] = Victim(running.influx.kill, running.influx.start)
    return victims


def _of(program: Program) -> Victim:
    return Victim(program.kill, program.start)


async def _in_influx(running: Stack) -> int:
    """Return how many readings InfluxDB holds, as it counts them itself."""
    assert running.influx is not None
    question = {"db": "coldwarden", "q": "SELECT count(value) FROM reading"}
    async with httpx.AsyncClient(timeout=10) as client:
        answer = await client.get(f"{running.influx.url}/query", params=question)
    ((_, count),) = answer.json()["results"][0]["series"][0]["values"]
    return int(count)
