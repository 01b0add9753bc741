"""The list of people, one person, and what may be changed of either.

Nobody gives more than it has, nobody gives anything to itself, and nobody manages the account
of who has more. Every change takes a reason, which is what the audit trail says.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from cloud.access.access import Access, access_of
from cloud.access.door import see_other
from cloud.access.errors import NotVisibleError
from cloud.people_pages import asked, views
from cloud.people_pages.answers import page
from dashboards.models import Name
from dashboards.people.models import NewPersonPage, PeoplePage, PersonPage
from device_registry.access.action import Action
from device_registry.access.policy import may_end, may_grant, may_manage
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.errors import AccountError
from device_registry.accounts.people import NewAccount, NewGrant
from device_registry.errors import RegistryError
from device_registry.kinds.places import SUBJECT_CLASSES
from device_registry.store.audit import Actor
from device_registry.store.row import Row

Field = Annotated[str, Form()]
PAGE = 100
MAX_OFFERED = 500
"""Organisations that a form suggests; the others are typed in."""
REFUSED = 403
DONE = frozenset({"role", "ended", "closed", "badge", "token"})


class PeoplePages:
    """See the module."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._store = accounts.store

    def show(self, request: Request, q: str = "", after: str = "") -> Response:
        """List the accounts within the viewer's scope."""
        access = access_of(request)
        search = q if q.isprintable() else ""
        found = self._store.find(
            "account",
            within=access.scopes,
            search=search[:64],
            after=after if after.isprintable() else "",
            limit=PAGE + 1,
        )
        model = PeoplePage(
            now_ms=access.at_ms,
            people=views.person_rows(self._store, found[:PAGE]),
            search=search[:64],
            more=found[PAGE - 1].id if len(found) > PAGE else "",
            can_add=bool(access.scopes_of(Action.EDIT_PEOPLE)),
        )
        return page(model, request)

    def new(self, request: Request) -> Response:
        """Show the form of a new account."""
        access = access_of(request)
        return page(self._new_form(access), request)

    def add(
        self,
        request: Request,
        login: Field = "",
        name: Field = "",
        organisation: Field = "",
        phone: Field = "",
        why: Field = "",
    ) -> Response:
        """Make an account and show its one-time password, this once."""
        access = access_of(request)
        home = access.see(Action.EDIT_PEOPLE, "organisation", organisation)
        new = NewAccount(
            id=login.strip(), name=name.strip(), organisation=organisation, phone=phone.strip()
        )
        actor = self._actor(access, home)
        try:
            once = self._accounts.people.add(actor, new, access.at_ms, asked.reason(why))
        except RegistryError as error:
            code = error.code if isinstance(error, AccountError) else "fields"
            model = self._new_form(access, new, code)
            return page(model, request, REFUSED)
        return self._person(request, self._row(new.id), one_time=once)

    def person(self, request: Request, account: str, done: str = "") -> Response:
        """Show one account."""
        return self._person(request, self._row(account), done=done if done in DONE else "")

    def give(
        self,
        request: Request,
        account: str,
        form: Annotated[asked.RoleForm, Form()],
    ) -> Response:
        """Give a role, if the viewer may."""
        access = access_of(request)
        role, where = form.role, form.where

        def change(actor: Actor) -> str:
            if not all(text.isprintable() for text in where):
                raise AccountError("not_yours", "no such scope")
            until_ms = asked.end_of_day(form.until, access.at_ms)
            place = views.wanted_grant(self._store, role, *where)
            wanted = replace(place, until_ms=until_ms)
            is_own = account == access.principal.account
            if is_own or not may_grant(access.principal, wanted, access.at_ms):
                raise AccountError("not_yours", f"{role} there is not yours to give")
            new = NewGrant(
                account=account,
                role=role,
                organisation=where[0],
                region=where[1],
                subject_class=where[2],
                until_ms=until_ms,
            )
            self._accounts.people.grant(actor, new, access.at_ms, asked.reason(form.why))
            return "role"

        return self._changed(request, account, change)

    def take(self, request: Request, account: str, grant: str, why: Field = "") -> Response:
        """Take a role away, if the viewer could give it."""
        access = access_of(request)

        def change(actor: Actor) -> str:
            row = self._store.get("grant", grant)
            if row is None or row.text("account") != account:
                raise NotVisibleError
            held = views.grant_of(self._store, row)
            if not may_end(access.principal, held, access.at_ms):
                raise AccountError("not_yours", "this role is not yours to take")
            self._accounts.people.end_grant(actor, grant, access.at_ms, asked.reason(why))
            return "ended"

        return self._changed(request, account, change)

    def reset(self, request: Request, account: str, why: Field = "") -> Response:
        """Give a new one-time password and show it, this once."""
        access = access_of(request)
        row = self._row(account)
        if not self._may_manage(access, account):
            return self._person(request, row, problem="not_yours")
        actor = self._actor(access, row)
        try:
            once = self._accounts.people.reset(actor, account, access.at_ms, asked.reason(why))
        except AccountError as error:
            return self._person(request, row, problem=error.code)
        return self._person(request, self._row(account), one_time=once)

    def close(self, request: Request, account: str, why: Field = "") -> Response:
        """Close an account."""

        def change(actor: Actor) -> str:
            at_ms = access_of(request).at_ms
            self._accounts.people.close(actor, account, at_ms, asked.reason(why))
            return "closed"

        return self._managed(request, account, change)

    def badge(
        self, request: Request, account: str, badge: Field = "", why: Field = ""
    ) -> Response:
        """Register a badge for shared stations."""

        def change(actor: Actor) -> str:
            at_ms = access_of(request).at_ms
            self._accounts.people.set_badge(actor, account, badge, at_ms, asked.reason(why))
            return "badge"

        return self._managed(request, account, change)

    def end_token(
        self, request: Request, account: str, api_token: str, why: Field = ""
    ) -> Response:
        """End an API token."""

        def change(actor: Actor) -> str:
            row = self._store.get("api_token", api_token)
            if row is None or row.text("account") != account:
                raise NotVisibleError
            at_ms = access_of(request).at_ms
            self._accounts.people.end_token(actor, api_token, at_ms, asked.reason(why))
            return "token"

        return self._managed(request, account, change)

    def _managed(
        self, request: Request, account: str, change: Callable[[Actor], str]
    ) -> Response:
        if not self._may_manage(access_of(request), account):
            return self._person(request, self._row(account), problem="not_yours")
        return self._changed(request, account, change)

    def _changed(
        self, request: Request, account: str, change: Callable[[Actor], str]
    ) -> Response:
        row = self._row(account)
        try:
            done = change(self._actor(access_of(request), row))
        except RegistryError as error:
            code = error.code if isinstance(error, AccountError) else "fields"
            return self._person(request, row, problem=code)
        return see_other(f"/people/{account}?done={done}")

    def _may_manage(self, access: Access, account: str) -> bool:
        if account == access.principal.account:
            return False  # one's own account is changed on one's own page
        held = self._accounts.rights.grants(account)
        return may_manage(access.principal, held, access.at_ms)

    def _actor(self, access: Access, about: Row) -> Actor:
        role = access.role(Action.EDIT_PEOPLE, about.subject)
        device = access.session.station if access.session else ""
        return Actor(account=access.principal.account, role=role, via="web", device=device)

    def _row(self, account: str) -> Row:
        row = self._store.get("account", account)
        if row is None:
            raise NotVisibleError
        return row

    def _organisations(self, access: Access) -> tuple[tuple[str, Name], ...]:
        within = access.scopes_of(Action.EDIT_PEOPLE)
        found = self._store.find("organisation", within=within, limit=MAX_OFFERED)
        return tuple(
            (row.id, Name(zh=row.text("name_zh"), en=row.text("name_en"))) for row in found
        )

    def _new_form(
        self, access: Access, new: NewAccount | None = None, problem: str = ""
    ) -> NewPersonPage:
        own = self._row(access.principal.account)
        return NewPersonPage(
            now_ms=access.at_ms,
            csrf=access.csrf,
            organisation=new.organisation if new else own.text("organisation"),
            login=new.id if new else "",
            name=new.name if new else "",
            phone=new.phone if new else "",
            organisations=self._organisations(access),
            problem=problem,
        )

    def _person(
        self,
        request: Request,
        row: Row,
        *,
        one_time: str = "",
        problem: str = "",
        done: str = "",
    ) -> Response:
        access = access_of(request)
        can_edit = access.may(Action.EDIT_PEOPLE, row.subject)
        can_give = can_edit and row.id != access.principal.account
        model = PersonPage(
            now_ms=access.at_ms,
            csrf=access.csrf,
            id=row.id,
            name=row.text("name"),
            organisation=views.name_of(self._store, "organisation", row.text("organisation"))
            or views.NOBODY,
            state=row.text("state"),
            phone=row.text("phone"),
            phone_until_ms=views.phone_until_ms(row),
            has_totp=bool(row.text("totp_secret")),
            grants=views.held_grants(self._store, access, row.id),
            tokens=views.tokens(self._store, row.id),
            grantable=views.grantable(access) if can_give else (),
            organisations=self._organisations(access) if can_give else (),
            classes=SUBJECT_CLASSES,
            can_manage=can_edit and self._may_manage(access, row.id),
            one_time=one_time,
            problem=problem,
            done=done,
        )
        return page(model, request, REFUSED if problem else 200)
