"""SIGKILL of every program at random points: nothing receipted is lost, nothing comes twice."""

import random
from pathlib import Path

import pytest

from simulators.program import Program
from tests.support.stack import SEEDS, Stack, stack

KILLS = 2
LONGEST_S = 1.5


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["gateway", "cloud", "broker"])
async def test_a_killed_program_loses_nothing(tmp_path: Path, name: str, seed: int) -> None:
    rng = random.Random(f"{name}-{seed}")
    async with stack(tmp_path, seed=seed, mqtt=name == "broker" or seed % 2 == 1) as running:
        for _ in range(KILLS):
            await running.pass_s(rng.uniform(0, LONGEST_S))
            program = _program(running, name)
            program.kill()
            await running.pass_s(rng.uniform(0, LONGEST_S))
            program.start()
        await running.cloud_up()
        await running.archived(3)
        (await running.audit()).assert_clean()


def _program(running: Stack, name: str) -> Program:
    broker = running.installation.broker
    programs = {"gateway": running.gateway, "cloud": running.cloud, "broker": broker}
    found = programs[name]
    assert found is not None
    return found
