"""Log in by password and one-time code, or by SMS; prove again who it is; log out."""

import logging
from typing import Annotated

from fastapi import Form, Request
from fastapi.background import BackgroundTasks
from fastapi.responses import Response

from cloud.access.access import access_of
from cloud.access.answering import page
from cloud.access.refusals import local_path
from cloud.access.ways import Ways
from dashboards.access.models import AgainPage, LoginPage, SmsPage
from device_registry.accounts import phone as phones
from device_registry.accounts.errors import AccountError
from device_registry.accounts.outcome import Accepted, CodeNeeded, Locked, Outcome
from device_registry.accounts.sms_code import SmsGateway

_log = logging.getLogger(__name__)
REFUSED = 403
Field = Annotated[str, Form()]


class LoginPages:
    """See the module."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways

    def show(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - its name
        """Show the form."""
        return self._form(request, next, "", "", None)

    def log_in(
        self,
        request: Request,
        login: Field = "",
        password: Field = "",
        code: Field = "",
        next: Field = "/",  # noqa: A002 - its name
    ) -> Response:
        """Take the form."""
        at_ms = self._ways.now_ms()
        outcome = self._ways.accounts.log_ins.by_password(login, password, code, at_ms)
        if isinstance(outcome, Accepted):
            return self._ways.door.admit(request, outcome, next, at_ms)
        return self._form(request, next, login[:64], *told(outcome))

    def show_again(self, request: Request, next: str = "/") -> Response:  # noqa: A002
        """Ask for a new proof."""
        return self._again(request, local_path(next), "", None)

    def again(
        self,
        request: Request,
        password: Field = "",
        code: Field = "",
        next: Field = "/",  # noqa: A002 - its name
    ) -> Response:
        """Take the new proof."""
        at_ms = self._ways.now_ms()
        who = access_of(request).principal.account
        outcome = self._ways.accounts.log_ins.by_password(who, password, code, at_ms)
        if isinstance(outcome, Accepted):
            return self._ways.door.prove(request, outcome, next, at_ms)
        return self._again(request, local_path(next), *told(outcome))

    def log_out(self, request: Request) -> Response:
        """End the session."""
        return self._ways.door.leave(request)

    def show_sms(self, request: Request, next: str = "/") -> Response:  # noqa: A002 - its name
        """Ask for a phone number."""
        return self._sms(request, next, "", "")

    def send_sms(
        self,
        request: Request,
        tasks: BackgroundTasks,
        phone: Field = "",
        next: Field = "/",  # noqa: A002 - its name
    ) -> Response:
        """Send a code, if somebody has this number; the answer is the same if nobody has."""
        if self._ways.sms is None:
            return self._sms(request, next, "", "sms_failed")
        try:
            number = phones.normal(phone)
        except AccountError as error:
            return self._sms(request, next, "", error.code)
        wait, code = self._ways.accounts.log_ins.prepare_sms(number, self._ways.now_ms())
        if wait:
            return self._sms(request, next, number, "sms_wait")
        if code:  # after the answer, so that its time tells nothing
            tasks.add_task(send_code, self._ways.sms, number, code)
        answer = self._sms(request, next, number, "")
        answer.background = tasks
        return answer

    def by_sms(
        self,
        request: Request,
        phone: Field = "",
        code: Field = "",
        next: Field = "/",  # noqa: A002 - its name
    ) -> Response:
        """Take the code."""
        at_ms = self._ways.now_ms()
        try:
            number = phones.normal(phone)
        except AccountError as error:
            return self._sms(request, next, "", error.code)
        outcome = self._ways.accounts.log_ins.by_sms(number, code, at_ms)
        if isinstance(outcome, Accepted):
            return self._ways.door.admit(request, outcome, next, at_ms)
        return self._sms(request, next, number, "sms_refused")

    def _form(
        self, request: Request, target: str, login: str, problem: str, until_ms: int | None
    ) -> Response:
        model = LoginPage(
            now_ms=self._ways.now_ms(),
            csrf=access_of(request).csrf,
            next=local_path(target),
            login=login,
            problem=problem,
            until_ms=until_ms,
            providers=self._ways.shown_providers(),
            has_sms=self._ways.sms is not None,
        )
        return page(model, request, REFUSED if problem else 200)

    def _again(
        self, request: Request, target: str, problem: str, until_ms: int | None
    ) -> Response:
        access = access_of(request)
        model = AgainPage(
            now_ms=self._ways.now_ms(),
            next=target,
            csrf=access.csrf,
            person=access.principal.name,
            problem=problem,
            until_ms=until_ms,
            providers=self._ways.shown_providers(),
        )
        return page(model, request, REFUSED if problem else 200)

    def _sms(self, request: Request, target: str, number: str, problem: str) -> Response:
        model = SmsPage(
            now_ms=self._ways.now_ms(),
            csrf=access_of(request).csrf,
            next=local_path(target),
            phone=number,
            problem=problem,
        )
        return page(model, request, REFUSED if problem else 200)


def told(outcome: Outcome) -> tuple[str, int | None]:
    """Return what a page says of a log-in that was not accepted."""
    match outcome:
        case Locked():
            return "locked", outcome.until_ms
        case CodeNeeded():
            return "code_needed", None
        case _:
            return "refused", None


def send_code(sms: SmsGateway, number: str, code: str) -> None:
    """Send a code; what goes wrong is for the operator to see, not for who asked."""
    try:
        sms.send_code(number, code)
    except OSError as error:
        _log.warning("no code was sent: %s; check [access] sms", error)
