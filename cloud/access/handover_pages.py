"""The hand-over of a shift: the open alarms of a site go on to the next person, both sign."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from cloud.access.access import Access, access_of
from cloud.access.answering import page
from cloud.access.login_pages import REFUSED, told
from cloud.access.ways import Ways
from dashboards.access.models import HandoverPage
from dashboards.models import AlarmView, Name
from device_registry.access.action import Action
from device_registry.access.policy import may, two_people
from device_registry.accounts.handover import JOB, Handover, Signer
from device_registry.accounts.outcome import Accepted
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Field = Annotated[str, Form()]
MAX_REMARK_CHARS = 500
ACTION = Action.ACKNOWLEDGE_ALARM


class HandoverPages:
    """See the module."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._accounts = ways.accounts

    def show(self, request: Request, site: str) -> Response:
        """Show the open alarms and ask for two signatures."""
        return self._page(request, site, "", None)

    def sign(
        self,
        request: Request,
        site: str,
        secret: Field = "",
        taker: Field = "",
        taker_secret: Field = "",
        remark: Field = "",
    ) -> Response:
        """Take both signatures and keep the record."""
        access = access_of(request)
        at_ms = self._ways.now_ms()
        giver = access.principal.account
        taker = taker.strip().lower()
        if not two_people(giver, taker):
            return self._page(request, site, "same_person", None)
        for login, given in ((giver, secret), (taker, taker_secret)):
            outcome = self._accounts.log_ins.signature(login, given, at_ms)
            if not isinstance(outcome, Accepted):
                problem, until_ms = told(outcome)
                shown = "handover" if problem == "refused" else problem
                return self._page(request, site, shown, until_ms)
        successor = self._accounts.rights.principal(taker, is_strong=False)
        place = access.see(ACTION, "site", site)
        if successor is None or not may(successor, ACTION, place.subject, at_ms):
            return self._page(request, site, "handover", None)
        handover = Handover(
            site=site,
            giver=Signer(account=giver, name=access.principal.name),
            taker=Signer(account=taker, name=successor.name),
            alarms=[_seen(alarm) for alarm in self._ways.open_alarms(site)],
            remark=" ".join(remark.split())[:MAX_REMARK_CHARS].replace("\0", ""),
            at_ms=at_ms,
        )
        self._keep(access, place, handover)
        return self._page(request, site, "", None, handover)

    def _keep(self, access: Access, place: Row, handover: Handover) -> None:
        actor = Actor(
            account=handover.giver.account,
            role=access.role(ACTION, place.subject),
            via="web",
            device=access.session.station if access.session else "",
        )
        why = f"shift handed over to {handover.taker.account}"
        with self._accounts.store.change(actor, why, handover.at_ms) as change:
            change.put(
                "change_record",
                handover.record_id,
                site=handover.site,
                job=JOB,
                document=handover.document,
                sha256=handover.digest,
                signed_by=f"{handover.giver.account}, {handover.taker.account}",
            )

    def _page(
        self,
        request: Request,
        site: str,
        problem: str,
        until_ms: int | None,
        done: Handover | None = None,
    ) -> Response:
        access = access_of(request)
        place = access.see(ACTION, "site", site)
        model = HandoverPage(
            now_ms=self._ways.now_ms(),
            csrf=access.csrf,
            site=site,
            site_name=Name(zh=place.text("name_zh"), en=place.text("name_en")),
            person=access.principal.name,
            alarms=self._ways.open_alarms(site),
            problem=problem,
            until_ms=until_ms,
            record=done.record_id if done else "",
            successor=done.taker.name if done else "",
        )
        return page(model, request, REFUSED if problem else 200)


def _seen(alarm: AlarmView) -> Mapping[str, object]:
    return {
        "kind": alarm.kind.value,
        "state": alarm.state.value,
        "severity": alarm.severity.value,
        "point": alarm.point,
        "gateway": alarm.gateway,
        "since_ms": alarm.since_ms,
        "returned_ms": alarm.returned_ms,
    }
