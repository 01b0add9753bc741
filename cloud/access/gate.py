"""The gate before every route: finds out who asks, decides, and lets through or answers.

`cloud.access.guarded` puts it round each route; `cloud.access.decide` holds the decisions and
`cloud.access.rules` the table. Whatever reads the registry runs in a worker thread.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from cloud.access import refusals
from cloud.access.access import Access, FindRow
from cloud.access.decide import Allowed, Asker, Decision, NotFound, may_enter, may_see
from cloud.access.errors import NotVisibleError
from cloud.access.forgery import HEADER, Body, is_foreign
from cloud.access.limits import Limits
from cloud.access.rule import SAFE_METHODS, RouteRule
from device_registry.access.policy import NOBODY, Principal
from device_registry.access.scope import Subject
from device_registry.accounts.session import Session

COOKIE: Final = "cw_session"
BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A session and whose it is."""

    principal: Principal
    session: Session
    must_change: bool = False


class Identities(Protocol):
    """Who a cookie or token belongs to; called from worker threads."""

    def by_session(self, cookie: str, at_ms: int, /) -> SignedIn | None:
        """Return the session that `cookie` names while it counts, and note its use."""
        ...

    def by_token(self, text: str, at_ms: int, /) -> Principal | None:
        """Return the principal of an API token while it counts."""
        ...


class Gate:
    """See the module."""

    def __init__(
        self, identities: Identities, find: FindRow, now_ms: Callable[[], int]
    ) -> None:
        self.now_ms = now_ms
        self.limits = Limits()
        self._identities = identities
        self._find = find

    def principal_of(self, connection: HTTPConnection) -> Principal:
        """Return who asks; may block. For streams that look again while they run."""
        return self._signed_in(connection, self.now_ms())[0].principal

    async def pass_through(
        self, rule: RouteRule, inner: ASGIApp, scope: AsgiScope, receive: Receive, send: Send
    ) -> None:
        """Serve one request through `inner`, or refuse it."""
        request = Request(scope)
        at_ms = self.now_ms()
        asker, session = await run_in_threadpool(self._signed_in, request, at_ms)
        if rule.per_minute and not self._is_within_limit(rule, request, asker, at_ms):
            await refusals.notice("too_often", rule, request, at_ms)(scope, receive, send)
            return
        body = Body(receive)
        if not await self._is_genuine(rule, request, session, body):
            await refusals.notice("bad_form", rule, request, at_ms)(scope, receive, send)
            return
        decision = await run_in_threadpool(self._decide, rule, request, asker, at_ms)
        if not isinstance(decision, Allowed):
            answer = refusals.refuse(decision, rule, request, at_ms)
            await answer(scope, receive, send)
            return
        access = Access(
            principal=asker.principal,
            session=session,
            rule=rule,
            scopes=decision.scopes,
            at_ms=at_ms,
            find=self._find,
        )
        scope.setdefault("state", {}).update(access=access, principal=asker.principal)
        try:
            await inner(scope, body.receive, send)
        except NotVisibleError:
            answer = refusals.refuse(NotFound(), rule, request, at_ms)
            await answer(scope, receive, send)

    def _signed_in(
        self, connection: HTTPConnection, at_ms: int
    ) -> tuple[Asker, Session | None]:
        said = connection.headers.get("authorization", "")
        if said.lower().startswith(BEARER):
            principal = self._identities.by_token(said[len(BEARER) :].strip(), at_ms)
            return Asker(principal=principal or NOBODY), None
        cookie = connection.cookies.get(COOKIE, "")
        signed = self._identities.by_session(cookie, at_ms) if cookie else None
        if signed is None:
            return Asker(principal=NOBODY), None
        return Asker(principal=signed.principal, must_change=signed.must_change), signed.session

    async def _is_genuine(
        self, rule: RouteRule, request: Request, session: Session | None, body: Body
    ) -> bool:
        if rule.method in SAFE_METHODS:
            return True
        if is_foreign(request):
            return False
        if session is None:
            return True
        header = request.headers.get(HEADER)
        return header == session.csrf or (header is None and await body.brings(session.csrf))

    def _is_within_limit(
        self, rule: RouteRule, request: Request, asker: Asker, at_ms: int
    ) -> bool:
        who = asker.principal.account or (request.client.host if request.client else "")
        return self.limits.allows(f"{rule.key} {who}", rule.per_minute, at_ms)

    def _decide(self, rule: RouteRule, request: Request, asker: Asker, at_ms: int) -> Decision:
        decision = may_enter(rule, asker, at_ms)
        if not isinstance(decision, Allowed):
            return decision
        return may_see(rule, asker, self._subjects(rule, request), at_ms)

    def _subjects(self, rule: RouteRule, request: Request) -> list[Subject | None]:
        subjects: list[Subject | None] = []
        for about in rule.about:
            if about.where == "path":
                id_ = str(request.path_params[about.param])
            elif not (id_ := request.query_params.get(about.param, "")):
                continue
            # No id holds what cannot be printed, and not every database takes it.
            row = self._find(about.kind, id_) if id_.isprintable() else None
            subjects.append(row.subject if row else None)
        return subjects
