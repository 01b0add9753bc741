"""The page by which calibration certificates come in bulk, within the viewer's scope.

Checking and importing are `device_registry.certificates_import`.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import Response

from cloud.access.access import Access, access_of
from cloud.access.menu import menu_of
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS, html_page
from cloud.pages.viewer import FALLBACK_ZONE, viewer_in
from cloud.registry_pages.sources import Sources
from dashboards.models import Name
from dashboards.registry.certificates import CertificatesPage, render_certificates
from device_registry.access.action import Action
from device_registry.certificates_import.errors import PackageError
from device_registry.certificates_import.package import Package, read_zip
from device_registry.certificates_import.plan import RowProblem
from device_registry.certificates_import.service import (
    PHRASES,
    Imported,
    check_certificates,
    import_certificates,
    told,
)
from device_registry.certificates_import.spreadsheet import template
from device_registry.errors import IllegalTransitionError, InvalidFieldsError
from device_registry.store.audit import Actor
from domain.gsp.phrases import LANGS

PATH: Final = "/registry/certificates"
MAX_UPLOAD_BYTES: Final = 64 * 1024 * 1024
"""A box of some hundred certificates; more come by `coldwarden-cloud certificates`."""
SHOWN: Final = 50
REFUSED: Final = 422
_SHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What was sent."""

    data: bytes
    wants_import: bool


async def upload_of(request: Request) -> Upload:
    """Return the package of a form, read within limits; 413 beyond them."""
    declared = request.headers.get("content-length", "")
    if not declared.isdecimal() or int(declared) > MAX_UPLOAD_BYTES:
        raise HTTPException(413)
    async with request.form(max_files=1, max_fields=5) as form:
        package = form.get("package")
        data = b"" if package is None or isinstance(package, str) else await package.read()
        return Upload(data=data, wants_import=form.get("apply") == "yes")


def add_certificate_routes(router: APIRouter, sources: Sources) -> None:
    """Add the page, what it sends, and the empty spreadsheet."""
    pages = _Certificates(sources)
    router.add_api_route(PATH, pages.show)
    router.add_api_route(PATH, pages.take, methods=["POST"])
    router.add_api_route(f"{PATH}/template", pages.template)


class _Certificates:
    """See the module."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def show(self, request: Request) -> Response:
        return _page(request)

    def template(self) -> Response:
        headers = {
            **SECURITY_HEADERS,
            **NEVER_CACHED,
            "Content-Disposition": 'attachment; filename="certificates.xlsx"',
        }
        return Response(template(), media_type=_SHEET, headers=headers)

    def take(self, request: Request, upload: Annotated[Upload, Depends(upload_of)]) -> Response:
        access = access_of(request)
        try:
            package = read_zip(upload.data)
            found = self._found(access, package, upload)
        except PackageError as error:
            return _page(request, problems=(_phrase(error.key, **error.args_of_text),))
        except (IllegalTransitionError, InvalidFieldsError):
            return _page(request, problems=(_phrase("package.not_sheet"),))
        if found.problems:
            return _page(request, problems=_problems(found.problems))
        self._sources.changed()
        key = "page.applied" if found.applied else "page.checked"
        return _page(request, said=_phrase(key, count=str(len(found.plan.certificates))))

    def _found(self, access: Access, package: Package, upload: Upload) -> Imported:
        store, at_ms = self._sources.store, access.at_ms
        checked = check_certificates(store, package, access.scopes, at_ms)
        if checked.problems or not checked.plan.certificates or not upload.wants_import:
            return checked
        actor = self._actor(access, checked)
        keep = self._sources.files.put
        return import_certificates(store, actor, package, keep, access.scopes, at_ms)

    def _actor(self, access: Access, checked: Imported) -> Actor:
        sensor = self._sources.store.get("sensor", checked.plan.certificates[0].sensor.id)
        role = access.role(Action.IMPORT, sensor.subject if sensor is not None else None)
        return Actor(account=access.principal.account, role=role, via="web")


def _problems(problems: tuple[RowProblem, ...]) -> tuple[Name, ...]:
    shown = [_problem(problem) for problem in problems[:SHOWN]]
    left = len(problems) - len(shown)
    return (*shown, *((_phrase("page.more", count=str(left)),) if left else ()))


def _problem(problem: RowProblem) -> Name:
    zh, en = (told(problem, lang) for lang in LANGS)
    row = str(problem.row)
    return Name(
        zh=PHRASES.say("page.problem", "zh-CN", row=row, what=zh) if problem.row else zh,
        en=PHRASES.say("page.problem", "en", row=row, what=en) if problem.row else en,
    )


def _phrase(key: str, **args: str) -> Name:
    zh, en = (PHRASES.say(key, lang, **args) for lang in LANGS)
    return Name(zh=zh, en=en)


def _page(
    request: Request, said: Name | None = None, problems: tuple[Name, ...] = ()
) -> Response:
    access, viewer = access_of(request), viewer_in(request)
    model = CertificatesPage(
        now_ms=access.at_ms,
        csrf=access.csrf,
        told=said,
        problems=problems,
        title=_phrase("page.title"),
        hint=_phrase("page.hint"),
        package=_phrase("page.package"),
        apply=_phrase("page.apply"),
        send=_phrase("page.send"),
        template=_phrase("page.template"),
    )
    zone = viewer.tz or FALLBACK_ZONE
    html = render_certificates(model, viewer.lang, zone, menu_of(request))
    return html_page(html, viewer, REFUSED if problems else 200)
