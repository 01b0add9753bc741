"""The field jobs, by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from device_registry.jobs import equipment, probe
from device_registry.jobs.errors import UnknownJobError
from device_registry.jobs.plan import Job

JOBS: Final[Mapping[str, Job]] = MappingProxyType(
    {
        job.key: job
        for job in (
            Job(key="replace_probe", steps=probe.REPLACE_STEPS, plan=probe.plan_replacement),
            Job(key="rotate_probe", steps=probe.ROTATE_STEPS, plan=probe.plan_rotation),
            Job(
                key="replace_gateway",
                steps=equipment.GATEWAY_STEPS,
                plan=equipment.plan_gateway,
            ),
            Job(
                key="move_refrigerator",
                steps=equipment.MOVE_STEPS,
                plan=equipment.plan_move,
                signers=("technician", "approver"),
            ),
            Job(key="change_battery", steps=equipment.SUPPLY_STEPS, plan=equipment.plan_supply),
        )
    }
)
"""Moving a refrigerator with goods needs the firm's approval too."""


def job_named(key: str) -> Job:
    """Return a job; `UnknownJobError` names those that exist."""
    job = JOBS.get(key)
    if job is None:
        raise UnknownJobError(key, tuple(JOBS))
    return job
