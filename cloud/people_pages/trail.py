"""The audit trail: who changed what, in which role, when and why; and the log's proof of it."""

from collections.abc import Callable
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import Response

from cloud.access.access import access_of
from cloud.access.errors import NotVisibleError
from cloud.access.refusals import notice_page
from cloud.errors import UnavailableError
from cloud.pages.answers import document
from cloud.people_pages import views
from cloud.people_pages.answers import page
from cloud.people_pages.entry_document import entry_document
from dashboards.people.models import AuditEntryPage, AuditPage, EntryProof
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import AuditEntry
from device_registry.store.store import RegistryStore

PAGE = 100
MAX_SEQ = 2**62
FindProof = Callable[[AuditEntry], EntryProof | None]


class TrailPages:
    """See the module."""

    def __init__(self, store: RegistryStore, find_proof: FindProof) -> None:
        self._store = store
        self._find_proof = find_proof

    def show(
        self,
        request: Request,
        before: str = "",
        kind: str = "",
        id: str = "",  # noqa: A002 - the field's name everywhere
        seq: str = "",
    ) -> Response:
        """List entries within the viewer's scope, the newest first; or show one, by `seq`."""
        if seq:
            return self._entry(request, seq)
        access = access_of(request)
        asked = kind if kind in KINDS else ""
        about = id if asked and id.isprintable() else ""
        found = self._store.latest(
            before_seq=_number(before),
            limit=PAGE + 1,
            kind=asked,
            id=about,
            within=access.scopes,
        )
        model = AuditPage(
            now_ms=access.at_ms,
            entries=tuple(views.audit_row(entry) for entry in found[:PAGE]),
            before=found[PAGE - 1].seq if len(found) > PAGE else 0,
            kind=asked,
            id=about,
            query=f"kind={asked}&id={quote(about)}&" if asked else "",
        )
        return page(model, request)

    def _entry(self, request: Request, seq: str) -> Response:
        access = access_of(request)
        number = _number(seq)
        if number is None:
            raise NotVisibleError
        found = self._store.audit(after_seq=number - 1, limit=1, within=access.scopes)
        if not found or found[0].seq != number:
            raise NotVisibleError
        try:
            proof = self._find_proof(found[0])
        except UnavailableError:
            return notice_page("unavailable", request, access.at_ms)
        if request.query_params.get("format") == "json":
            return document(entry_document(found[0], proof))
        model = AuditEntryPage(
            now_ms=access.at_ms,
            entry=views.audit_row(found[0]),
            hash=found[0].hash.hex(),
            prev_hash=found[0].prev_hash.hex(),
            proof=proof,
            query=f"seq={number}&",
        )
        return page(model, request)


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) < 20
    return int(text) if is_number and 0 < int(text) < MAX_SEQ else None
