"""The change record 变更记录 of a field job: what was, what is, who did it and why; hashed.

Pure. `prepare` works out plan and document from the rows of the site; the same answers over the
same rows give the same bytes, so that the service can tell whether the registry has moved on
since the record was signed.
"""

from dataclasses import dataclass
from typing import Final

from device_registry.commissioning.document import Document
from device_registry.commissioning.steps import Given, missing
from device_registry.jobs.errors import JobRefusedError
from device_registry.jobs.plan import Answers, Job, Known, Plan, Put, Values
from device_registry.kinds.catalogue import KINDS
from domain.gsp.finding import Finding

FORMAT: Final = "coldwarden.change.v1"
HIDDEN: Final = "•"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What identifies a record."""

    id: str
    at_ms: int
    technician: str
    """Printed name."""
    account: str
    work_order: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job worked out: what would be written, and the document to sign."""

    job: str
    site: str
    plan: Plan
    document: Document


def unanswered(job: Job, answers: Answers) -> tuple[str, ...]:
    """Return the names of the inputs that are missing or not acceptable."""
    given: Given = {(step.key, ""): answers for step in job.steps}
    return tuple(m.input for m in missing(job.steps, given, {}))


def prepare(job: Job, answers: Answers, known: Known, heading: Heading) -> Prepared:
    """Return plan and document of a job.

    Raises:
        JobRefusedError: an input is missing, or the plan refuses something; carries which.
    """
    wanting = unanswered(job, answers)
    if wanting:
        raise JobRefusedError(job.key, tuple(f"input.{name}" for name in wanting))
    plan = job.plan(answers, known)
    if plan.refusals:
        raise JobRefusedError(job.key, tuple(f.key for f in plan.refusals))
    document = {
        "format": FORMAT,
        "id": heading.id,
        "job": job.key,
        "site": known.site,
        "at_ms": heading.at_ms,
        "technician": heading.technician,
        "account": heading.account,
        "work_order": heading.work_order,
        "answers": {i.name: answers.get(i.name, "") for s in job.steps for i in s.inputs},
        "changes": [_change(put, known) for put in plan.puts],
        "findings": [f.document() for f in plan.findings],
    }
    return Prepared(job=job.key, site=known.site, plan=plan, document=document)


def refusals(job: Job, answers: Answers, known: Known) -> tuple[Finding, ...]:
    """Return what the plan refuses, for the page; empty when the job can go on."""
    return job.plan(answers, known).refusals


def _change(put: Put, known: Known) -> dict[str, object]:
    before = known.get(put.kind, put.id)
    old = None if before is None else {name: before.get(name) for name in put.fields}
    return {
        "kind": put.kind,
        "id": put.id,
        "old": None if old is None else _shown(put.kind, old),
        "new": _shown(put.kind, put.fields),
    }


def _shown(kind: str, values: Values) -> dict[str, object]:
    """Return values as a record that people read and keep shows them: a secret as a dot."""
    fields = KINDS[kind].by_name
    return {
        name: HIDDEN if fields[name].secret and value is not None else _json(value)
        for name, value in values.items()
    }


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) else value
