"""A person's own account: password, one-time codes, phone, PIN and badge, language.

What is changed here is how the person comes in, so that it takes a proof of who it is not
older than a few minutes, as a signature does.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Final

import segno
from fastapi import Form, Request
from fastapi.responses import Response

from cloud.access.access import Access, access_of
from cloud.access.answering import page
from cloud.access.door import see_other
from cloud.access.gate import COOKIE
from cloud.access.login_pages import send_code
from cloud.access.refusals import AGAIN, OWN_PAGE
from cloud.access.ways import Ways
from cloud.pages import answers
from cloud.pages.viewer import LANG_COOKIE
from dashboards.access.models import HeldRole, MePage
from dashboards.models import Lang, Name
from device_registry.access.role import roles
from device_registry.accounts import passwords, totp
from device_registry.accounts import phone as phones
from device_registry.accounts.errors import AccountError
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Field = Annotated[str, Form()]
QR_SCALE: Final = 5


class MePages:
    """See the module."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._people = ways.accounts.people

    def show(self, request: Request, done: str = "") -> Response:
        """Show the account."""
        known = done if done in {"password", "totp", "pin", "phone", "language"} else ""
        return page(replace(self._model(request), done=known), request)

    def session(self, request: Request) -> Response:
        """Tell a script who it is and what its requests must bring along."""
        access = access_of(request)
        return answers.document(
            {
                "account": access.principal.account,
                "name": access.principal.name,
                "csrf": access.csrf,
                "fresh_until_ms": access.principal.fresh_until_ms,
            }
        )

    def set_password(
        self, request: Request, password: Field = "", again: Field = ""
    ) -> Response:
        """Take a new password; every other session of the account ends."""

        def change(actor: Actor, at_ms: int) -> None:
            if password != again:
                raise AccountError("differ", "the two passwords differ")
            self._people.set_password(actor, actor.account, password, at_ms)
            but = request.cookies.get(COOKIE, "")
            self._ways.accounts.sessions.end_all(actor.account, but=but)

        return self._changed(request, "password", change)

    def set_totp(self, request: Request, secret: Field = "", code: Field = "") -> Response:
        """Take a second factor into use."""

        def change(actor: Actor, at_ms: int) -> None:
            self._people.confirm_totp(actor, actor.account, secret, code, at_ms)
            cookie = request.cookies.get(COOKIE, "")
            self._ways.accounts.sessions.prove(cookie, at_ms, is_strong=True)

        return self._changed(request, "totp", change)

    def set_pin(self, request: Request, pin: Field = "", badge: Field = "") -> Response:
        """Take a PIN, a badge, or both."""

        def change(actor: Actor, at_ms: int) -> None:
            if pin:
                self._people.set_pin(actor, actor.account, pin, at_ms)
            if badge:
                self._people.set_badge(actor, actor.account, badge, at_ms)

        return self._changed(request, "pin", change)

    def set_phone(self, request: Request, phone: Field = "", sms: Field = "") -> Response:
        """Send a code to a number, or take the code and the number with it."""
        if not sms.strip():
            return self._send(request, phone)

        def change(actor: Actor, at_ms: int) -> None:
            number = phones.normal(phone)
            if not self._ways.accounts.log_ins.is_sms_code(number, sms, at_ms):
                raise AccountError("sms_refused", "the code is not the one that was sent")
            self._people.set_phone(actor, actor.account, number, at_ms)

        return self._changed(request, "phone", change)

    def set_language(self, request: Request, lang: Field = "") -> Response:
        """Take the language in which the person reads."""
        chosen = Lang(lang) if lang in set(Lang) else Lang.ZH
        actor = _actor(access_of(request))
        self._people.set_lang(actor, actor.account, chosen.value, self._ways.now_ms())
        answer = see_other(f"{OWN_PAGE}?done=language")
        answer.set_cookie(LANG_COOKIE, chosen.value, max_age=answers.YEAR_S, samesite="lax")
        return answer

    def _send(self, request: Request, text: str) -> Response:
        model = self._model(request)
        try:
            number = phones.normal(text)
        except AccountError as error:
            return page(replace(model, phone=text[:32], problem=error.code), request, 403)
        code = f"{secrets.randbelow(10**6):06}"
        log_ins = self._ways.accounts.log_ins
        if self._ways.sms is None or log_ins.count_sending(number, code, self._ways.now_ms()):
            problem = "sms_wait" if self._ways.sms else "sms_failed"
            return page(replace(model, phone=number, problem=problem), request, 403)
        send_code(self._ways.sms, number, code)
        return page(replace(model, phone=number, is_code_sent=True), request)

    def _changed(
        self, request: Request, done: str, change: Callable[[Actor, int], None]
    ) -> Response:
        access = access_of(request)
        at_ms = self._ways.now_ms()
        if at_ms >= access.principal.fresh_until_ms:
            return see_other(f"{AGAIN}?next={OWN_PAGE}")
        try:
            change(_actor(access), at_ms)
        except AccountError as error:
            model = replace(self._model(request), problem=error.code)
            return page(model, request, 403)
        return see_other(f"{OWN_PAGE}?done={done}")

    def _model(self, request: Request) -> MePage:
        access = access_of(request)
        row = self._row(access.principal.account)
        secret = totp.new_secret()
        verified = row.maybe("phone_verified_ms")
        return MePage(
            now_ms=self._ways.now_ms(),
            csrf=access.csrf,
            login=row.id,
            person=row.text("name"),
            organisation=self._name("organisation", row.text("organisation")) or _blank(),
            roles=self._roles(access),
            must_change=passwords.must_change(row.text("password_hash")),
            has_totp=bool(row.text("totp_secret")),
            needs_totp=self._ways.accounts.rights.has_strong_roles(row.id),
            secret=secret,
            qr=_qr(totp.address(secret, row.id)),
            has_pin=bool(row.text("pin_hash")),
            has_badge=bool(row.text("badge_hash")),
            phone=row.text("phone"),
            phone_verified_ms=verified if isinstance(verified, int) else None,
            has_sms=self._ways.sms is not None,
        )

    def _row(self, account: str) -> Row:
        row = self._ways.accounts.store.get("account", account)
        if row is None:
            raise AccountError("unknown", f"there is no account {account}")
        return row

    def _roles(self, access: Access) -> tuple[HeldRole, ...]:
        account = access.principal.account
        awake = {grant.role for grant in access.principal.grants}
        held = self._ways.accounts.store.find("grant", where={"account": account})
        return tuple(
            HeldRole(
                title=Name(zh=role.zh, en=role.en),
                over=self._name("organisation", row.text("organisation")),
                region=self._name("region", row.text("region")),
                until_ms=row.number("until_ms") or None,
                is_asleep=role.name not in awake,
            )
            for row in held
            if (role := roles().get(row.text("role"))) is not None
        )

    def _name(self, kind: str, id_: str) -> Name | None:
        row = self._ways.accounts.store.get(kind, id_) if id_ else None
        if row is None:
            return None
        return Name(zh=row.text("name_zh"), en=row.text("name_en") or row.text("name_zh"))


def _actor(access: Access) -> Actor:
    device = access.session.station if access.session else ""
    return Actor(account=access.principal.account, via="web", device=device)


def _qr(address: str) -> str:
    return str(segno.make(address, error="m").svg_data_uri(scale=QR_SCALE, border=3))


def _blank() -> Name:
    return Name(zh="", en="")
