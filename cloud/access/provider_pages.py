"""Log in through a provider: send the browser there, and take it back."""

import logging
import secrets
from typing import Final

import httpx
from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from cloud.access.access import access_of
from cloud.access.answering import page
from cloud.access.door import set_cookie
from cloud.access.errors import NotVisibleError, ProviderError
from cloud.access.flows import VALID_MS, Flows
from cloud.access.login_pages import REFUSED
from cloud.access.providers import Flow, Provider, Vouched
from cloud.access.refusals import local_path
from cloud.access.ways import Ways
from cloud.pages.answers import NEVER_CACHED, SECURITY_HEADERS
from dashboards.access.models import LoginPage
from device_registry.accounts.outcome import Accepted, Outcome

FLOW_COOKIE: Final = "cw_flow"
_log = logging.getLogger(__name__)


class ProviderPages:
    """See the module."""

    def __init__(self, ways: Ways) -> None:
        self._ways = ways
        self._providers = {provider.id: provider for provider in ways.providers}
        self._flows = Flows()

    def start(self, request: Request, provider: str, next: str = "/") -> Response:  # noqa: A002
        """Send the browser to the provider."""
        chosen = self._chosen(provider)
        at_ms = self._ways.now_ms()
        path = f"/login/oidc/{provider}/callback"
        base = self._ways.base_url or str(request.base_url)
        flow = Flow(
            provider=provider,
            state=secrets.token_urlsafe(24),
            nonce=secrets.token_urlsafe(24),
            verifier=secrets.token_urlsafe(48),
            redirect_uri=base.rstrip("/") + path,
            next=local_path(next),
            began_ms=at_ms,
            account=access_of(request).principal.account,
        )
        try:
            target = chosen.begin(flow)
        except ProviderError as error:
            return self._failed(request, flow.next, "provider", error)
        answer = RedirectResponse(target, 303, headers={**SECURITY_HEADERS, **NEVER_CACHED})
        cookie = self._flows.begin(flow, at_ms)
        set_cookie(answer, request, FLOW_COOKIE, cookie, VALID_MS // 1000)
        return answer

    def callback(self, request: Request, provider: str) -> Response:
        """Take the browser back from the provider."""
        chosen = self._chosen(provider)
        at_ms = self._ways.now_ms()
        flow = self._flows.end(request.cookies.get(FLOW_COOKIE, ""), provider, at_ms)
        if flow is None:
            error = ProviderError(f"{provider}: an answer that nobody here asked for")
            return self._failed(request, "/", "provider", error)
        try:
            vouched = chosen.finish(flow, str(request.url), at_ms)
        except (ProviderError, httpx.HTTPError) as error:
            return self._failed(request, flow.next, "provider", error)
        outcome = self._outcome(provider, vouched)
        if not isinstance(outcome, Accepted) or flow.account not in {"", outcome.account}:
            unknown = ProviderError(f"{provider}: no account for {vouched.subject!r}")
            return self._failed(request, flow.next, "provider_unknown", unknown)
        if flow.account and flow.account == access_of(request).principal.account:
            answer = self._ways.door.prove(request, outcome, flow.next, at_ms)
        else:
            answer = self._ways.door.admit(request, outcome, flow.next, at_ms)
        answer.delete_cookie(FLOW_COOKIE)
        return answer

    def _chosen(self, provider: str) -> Provider:
        if provider not in self._providers:
            raise NotVisibleError
        return self._providers[provider]

    def _outcome(self, provider: str, vouched: Vouched) -> Outcome:
        log_ins = self._ways.accounts.log_ins
        if vouched.account:
            return log_ins.by_provider(vouched.account, is_strong=vouched.is_strong)
        external_id = f"{provider}:{vouched.subject}"
        return log_ins.by_external_id(external_id, is_strong=vouched.is_strong)

    def _failed(
        self, request: Request, target: str, problem: str, error: Exception
    ) -> Response:
        _log.warning("log-in through a provider: %s", error)
        model = LoginPage(
            now_ms=self._ways.now_ms(),
            csrf=access_of(request).csrf,
            next=target,
            problem=problem,
            providers=self._ways.shown_providers(),
            has_sms=self._ways.sms is not None,
        )
        return page(model, request, REFUSED)
