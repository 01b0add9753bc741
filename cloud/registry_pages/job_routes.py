"""The addresses of field jobs, change records and labels. Thin: `device_registry.jobs` decides.

A job is signed by who is logged in and has just proven it again (`cloud.access.rules`); the
person who approves signs with a name on the same screen.
"""

import secrets
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cloud.access.access import Access, access_of
from cloud.access.errors import NotVisibleError
from cloud.access.menu import menu_of
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from cloud.registry_pages.cells import name_of
from cloud.registry_pages.finishing import put_file
from cloud.registry_pages.job_forms import (
    JobForm,
    job_form,
    media_type,
    phrase,
    steps_of,
    told,
)
from cloud.registry_pages.sources import Sources
from cloud.registry_pages.telling import gateways_at, hindrances, tell
from dashboards.models import Name
from dashboards.registry.jobs import JobLink, JobPage, JobsPage, render_jobs
from device_registry.access.action import Action
from device_registry.commissioning.document import Signature, sha256_of
from device_registry.commissioning.sheet import Printing
from device_registry.errors import IllegalTransitionError, InvalidFieldsError
from device_registry.jobs.catalogue import JOBS
from device_registry.jobs.errors import JobOutdatedError, JobRefusedError
from device_registry.jobs.pdf import record_pdf
from device_registry.jobs.plan import Job
from device_registry.jobs.record import Heading, refusals, unanswered
from device_registry.jobs.service import Order, apply_job, known_of, prepare_job
from device_registry.labels.browser import label_page
from device_registry.labels.content import Target
from device_registry.labels.escpos import escpos
from device_registry.labels.layout import Size
from device_registry.labels.service import labels_of_site
from device_registry.labels.tspl import tspl
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Form = Annotated[JobForm, Depends(job_form)]
RECORDS: Final = 30
REFUSED: Final = 422
NAME_CHARS: Final = 64
_LABEL_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
"""A sheet of labels sets the size of its paper in its own style; it has no script at all."""


def add_job_routes(router: APIRouter, sources: Sources) -> None:
    """Add the routes of field jobs and labels."""
    pages = _Jobs(sources)
    of_site = "/work/sites/{site}"
    router.add_api_route(f"{of_site}/jobs", pages.every)
    router.add_api_route(f"{of_site}/jobs/{{job}}", pages.show)
    router.add_api_route(f"{of_site}/jobs/{{job}}", pages.do, methods=["POST"])
    router.add_api_route(f"{of_site}/labels", pages.labels)
    router.add_api_route("/work/records/{change_record}/pdf", pages.record)


class _Jobs:
    """See the module."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._store = sources.store

    def every(self, request: Request, site: str) -> Response:
        access = access_of(request)
        row = access.see(Action.COMMISSION, "site", site)
        records = self._store.find("change_record", where={"site": site}, limit=1000)
        records.sort(key=lambda record: record.valid_from_ms, reverse=True)
        model = JobsPage(
            now_ms=access.at_ms,
            site=site,
            site_name=name_of(row),
            title=phrase("jobs.title"),
            records_title=phrase("jobs.records"),
            labels_title=phrase("jobs.labels"),
            jobs=tuple(
                JobLink(name=phrase(f"job.{job}"), href=f"/work/sites/{site}/jobs/{job}")
                for job in JOBS
            ),
            records=tuple(_record(record) for record in records[:RECORDS]),
            labels=tuple(
                JobLink(
                    name=phrase(f"jobs.labels_{form}"),
                    href=f"/work/sites/{site}/labels?form={form}",
                )
                for form in ("page", "tspl", "escpos")
            ),
            notices=hindrances(self._store, gateways_at(self._store, site)),
        )
        return _page(model, request)

    def show(self, request: Request, site: str, job: str) -> Response:
        form = JobForm(record=f"job-{secrets.token_hex(8)}", answers={}, photos={})
        return self._form(request, site, _known(job), form)

    def do(self, request: Request, site: str, job: str, form: Form) -> Response:
        access, known = access_of(request), _known(job)
        row = access.see(Action.SIGN_REPORT, "site", site)
        order = _order(access, site, known, form)
        there = self._store.get("change_record", form.record)
        if there is not None and there.text("site") == site:
            return _done(site)
        problems = self._problems(order, known, form)
        if not problems:
            problems = self._apply(access, row, order, form)
        return self._form(request, site, known, form, problems) if problems else _done(site)

    def record(self, request: Request, change_record: str) -> Response:
        row = access_of(request).see(Action.VIEW_REGISTRY, "change_record", change_record)
        document = row.maybe("document")
        assert isinstance(document, dict)  # noqa: S101 - our own document
        signatures = tuple(Signature(**signed) for signed in document["signatures"])
        site = self._store.get("site", row.text("site"))
        zone = site.text("timezone") if site is not None else FALLBACK_ZONE
        printing = Printing(lang=viewer_in(request).lang.value, timezone=zone, pictures={})
        pdf = record_pdf(document["record"], signatures, printing)
        return _file(pdf, "application/pdf", f"{row.id}.pdf")

    def labels(self, request: Request, site: str, form: str = "page") -> Response:
        access_of(request).see(Action.COMMISSION, "site", site)
        lang = viewer_in(request).lang.value
        base = str(request.base_url).rstrip("/")
        found = labels_of_site(self._store, site, Target(base_url=base, lang=lang))
        match form:
            case "tspl":
                return _file(tspl(found, Size()), "application/octet-stream", f"{site}.tspl")
            case "escpos":
                return _file(escpos(found), "application/octet-stream", f"{site}.bin")
            case _:
                title = phrase("jobs.labels")
                html = label_page(found, Size(), lang, title.zh if lang != "en" else title.en)
                policy = {"Content-Security-Policy": _LABEL_POLICY}
                return HTMLResponse(
                    html, headers={**SECURITY_HEADERS, **NEVER_CACHED, **policy}
                )

    def _problems(self, order: Order, job: Job, form: JobForm) -> tuple[Name, ...]:
        lacking = unanswered(job, form.answers)
        if "approver" in job.signers and not form.answers.get("approver_name"):
            lacking = (*lacking, "approver_name")
        if lacking:
            return tuple(_lacking(name) for name in lacking)
        known = known_of(self._store, order.site, order.heading.at_ms)
        return tuple(told(finding) for finding in refusals(job, form.answers, known))

    def _apply(
        self, access: Access, site: Row, order: Order, form: JobForm
    ) -> tuple[Name, ...]:
        """Do the job; return what spoke against it at the last moment."""
        role = access.role(Action.SIGN_REPORT, site.subject)
        actor = Actor(account=access.principal.account, role=role, via="web")
        try:
            signatures = _signatures(
                order, form, sha256_of(prepare_job(self._store, order).document)
            )
            self._keep_photos(actor, site.id, form, access.at_ms)
            apply_job(self._store, actor, order, signatures, access.at_ms)
        except (JobOutdatedError, JobRefusedError):
            return (phrase("jobs.outdated"),)
        except (IllegalTransitionError, InvalidFieldsError):
            return (phrase("jobs.impossible"),)
        gateways = gateways_at(self._store, site.id)
        why = f"{order.job} {order.heading.id}"
        tell(self._store, gateways, actor, why=why, at_ms=access.at_ms)
        self._sources.changed()
        return ()

    def _keep_photos(self, actor: Actor, site: str, form: JobForm, at_ms: int) -> None:
        for photo in form.photos.values():
            self._sources.files.put(photo)
        with self._store.change(actor, f"photos of {form.record}", at_ms) as change:
            for digest, photo in form.photos.items():
                put_file(change, digest, media_type(photo), len(photo), site)

    def _form(
        self,
        request: Request,
        site: str,
        job: Job,
        form: JobForm,
        problems: tuple[Name, ...] = (),
    ) -> Response:
        access = access_of(request)
        row = self._store.get("site", site)
        model = JobPage(
            now_ms=access.at_ms,
            csrf=access.csrf,
            site=site,
            site_name=name_of(row, site),
            record=form.record,
            title=phrase(f"job.{job.key}"),
            sign=phrase("jobs.sign"),
            steps=steps_of(job, self._store, site, form.answers),
            problems=problems,
        )
        return _page(model, request, REFUSED if problems else 200)


def _known(job: str) -> Job:
    if job not in JOBS:
        raise NotVisibleError
    return JOBS[job]


def _order(access: Access, site: str, job: Job, form: JobForm) -> Order:
    principal = access.principal
    heading = Heading(
        id=form.record,
        at_ms=access.at_ms,
        technician=principal.name or principal.account,
        account=principal.account,
    )
    return Order(job=job.key, site=site, answers=form.answers, heading=heading)


def _signatures(order: Order, form: JobForm, digest: str) -> tuple[Signature, ...]:
    heading = order.heading
    own = Signature(
        part="technician",
        name=heading.technician,
        account=heading.account,
        at_ms=heading.at_ms,
        meaning="signature.performed",
        document_sha256=digest,
    )
    if "approver" not in JOBS[order.job].signers:
        return (own,)
    approver = Signature(
        part="approver",
        name=form.answers["approver_name"][:NAME_CHARS],
        at_ms=heading.at_ms,
        meaning="signature.approved",
        document_sha256=digest,
    )
    return (own, approver)


def _lacking(name: str) -> Name:
    label = phrase(f"input.{name}")
    zh, en = (phrase("jobs.lacking", name=text) for text in (label.zh, label.en))
    return Name(zh=zh.zh, en=en.en)


def _record(row: Row) -> JobLink:
    return JobLink(
        name=phrase(f"job.{row.text('job')}"),
        href=f"/work/records/{row.id}/pdf",
        who=row.text("signed_by"),
        at_ms=row.valid_from_ms,
    )


def _done(site: str) -> Response:
    return RedirectResponse(f"/work/sites/{site}/jobs", 303, headers=dict(NEVER_CACHED))


def _page(model: JobsPage | JobPage, request: Request, status: int = 200) -> Response:
    viewer = viewer_in(request)
    html = render_jobs(model, viewer.lang, viewer.tz or FALLBACK_ZONE, menu_of(request))
    return html_page(html, viewer, status)


def _file(data: bytes, media: str, name: str) -> Response:
    headers = {
        **SECURITY_HEADERS,
        **NEVER_CACHED,
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(data, media_type=media, headers=headers)
