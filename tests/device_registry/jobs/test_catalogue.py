"""Every job, step, input and choice has its texts."""

from device_registry.jobs.catalogue import JOBS
from device_registry.jobs.pdf import PACKAGES
from domain.gsp.phrases import Phrases

KEYS = Phrases(*PACKAGES).keys


def test_every_text_of_every_job_exists() -> None:
    for job in JOBS.values():
        assert f"job.{job.key}" in KEYS
        for step in job.steps:
            assert {f"step.{step.key}", f"step.{step.key}_how"} <= KEYS
            assert {f"input.{i.name}" for i in step.inputs} <= KEYS
            assert {f"choice.{c}" for i in step.inputs for c in i.choices} <= KEYS
        assert {f"signature.{part}" for part in job.signers} <= KEYS


def test_no_job_asks_for_the_same_thing_twice() -> None:
    for job in JOBS.values():
        names = [i.name for step in job.steps for i in step.inputs]
        assert len(names) == len(set(names)), job.key
