"""The form of a field job: how its inputs are shown, and how what comes back is read.

Photos come with the form; they are known by their hash from the moment they are read.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fastapi import HTTPException, Request

from cloud.registry_pages.bodies import MAX_PHOTO_BYTES
from dashboards.models import Name
from dashboards.registry.jobs import JobInput, JobStep
from device_registry.commissioning.steps import Input, InputType, Step
from device_registry.jobs.pdf import PACKAGES
from device_registry.jobs.plan import Job
from device_registry.store.row import Row
from device_registry.store.store import RegistryStore
from domain.gsp.finding import Finding
from domain.gsp.phrases import LANGS, Phrases

PHRASES: Final = Phrases(*PACKAGES)
MAX_PHOTOS: Final = 4
MAX_BYTES: Final = MAX_PHOTOS * MAX_PHOTO_BYTES
MAX_OPTIONS: Final = 500
APPROVAL: Final = Step(key="approve", inputs=(Input(name="approver_name"),))
_MAGIC: Final = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}
_RECORD: Final = re.compile(r"job-[0-9a-f]{16}")
_SHAPES: Final = {
    InputType.NUMBER: "number",
    InputType.DATE: "date",
    InputType.CHOICE: "choice",
    InputType.YES: "yes",
    InputType.PHOTO: "photo",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobForm:
    """What a technician sent."""

    record: str
    answers: Mapping[str, str]
    """Input name to value; a photo's is its SHA-256."""
    photos: Mapping[str, bytes]
    """By SHA-256."""


async def job_form(request: Request) -> JobForm:
    """Return the form and its photos, read within limits; 413 beyond them, 422 for no form."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared) > MAX_BYTES:
        raise HTTPException(413)
    answers: dict[str, str] = {}
    photos: dict[str, bytes] = {}
    async with request.form(max_files=MAX_PHOTOS, max_fields=60) as form:
        for name, value in form.items():
            if isinstance(value, str):
                answers[name] = value.strip()
            elif media_type(photo := await value.read()):
                digest = hashlib.sha256(photo).hexdigest()
                answers[name], photos[digest] = digest, photo
    record = answers.pop("record", "")
    if not _RECORD.fullmatch(record):
        raise HTTPException(422)
    return JobForm(record=record, answers=answers, photos=photos)


def media_type(photo: bytes) -> str:
    """Return what a picture is; "" for anything else, or one that is too large."""
    if len(photo) > MAX_PHOTO_BYTES:
        return ""
    return next((name for magic, name in _MAGIC.items() if photo.startswith(magic)), "")


def phrase(key: str, **args: str) -> Name:
    """Return a text in both languages."""
    zh, en = (PHRASES.say(key, lang, **args) for lang in LANGS)
    return Name(zh=zh, en=en)


def told(finding: Finding) -> Name:
    """Return what was found in both languages."""
    zh, en = (PHRASES.finding(finding, lang) for lang in LANGS)
    return Name(zh=zh, en=en)


def steps_of(
    job: Job, store: RegistryStore, site: str, answers: Mapping[str, str]
) -> tuple[JobStep, ...]:
    """Return the steps of a job with what was answered; an approver signs at the end."""
    steps = tuple(_step(step, f"step.{step.key}", store, site, answers) for step in job.steps)
    if "approver" not in job.signers:
        return steps
    return (*steps, _step(APPROVAL, "jobs.approve", store, site, answers))


def _step(
    step: Step, key: str, store: RegistryStore, site: str, answers: Mapping[str, str]
) -> JobStep:
    return JobStep(
        title=phrase(key),
        how=phrase(f"{key}_how"),
        inputs=tuple(
            JobInput(
                name=one.name,
                label=phrase(f"input.{one.name}"),
                shape="choice" if one.refers else _SHAPES.get(one.type, "text"),
                is_required=one.required,
                value=answers.get(one.name, ""),
                options=_options(one, store, site),
            )
            for one in step.inputs
        ),
    )


def _options(one: Input, store: RegistryStore, site: str) -> tuple[tuple[str, Name], ...]:
    if not one.refers:
        return tuple((choice, phrase(f"choice.{choice}")) for choice in one.choices)
    rows = store.find(one.refers, where={"site": site}, limit=MAX_OPTIONS)
    alive = (row for row in rows if row.values.get("state") not in {"retired", "rejected"})
    return tuple((row.id, _called(row)) for row in alive)


def _called(row: Row) -> Name:
    if "name_zh" in row.values:
        return Name(
            zh=f"{row.text('name_zh')}（{row.id}）", en=f"{row.text('name_en')} ({row.id})"
        )
    what = " · ".join(t for t in (row.text("model"), row.text("serial"), row.id) if t)
    return Name(zh=what, en=what)
