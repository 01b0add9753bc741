"""Log-in through WeCom 企业微信 and DingTalk 钉钉: OAuth 2 in their own dialects.

Neither signs what it says: the answer counts because it comes over TLS from the platform's own
address, for a code that was given to this very flow.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, urlencode

import httpx

from cloud.access.errors import ProviderError
from cloud.access.providers import Flow, Vouched
from domain.web_address import parts_of

TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformConfig:
    """One enterprise at a platform, as the operator configures it.

    WeCom: `client_id` is the corp id, `agent_id` the application. DingTalk: `client_id` is the
    AppKey, `corporation` the enterprise that people must belong to.
    """

    id: str
    title: str
    client_id: str
    client_secret: str
    agent_id: str = ""
    corporation: str = ""
    log_in_url: str = ""
    """"" for the platform's own address."""
    api_url: str = ""
    is_strong: bool = False


class WeComProvider:
    """Scanning with the enterprise's WeCom app; the subject is the member's user id."""

    kind = "wecom"
    LOG_IN: Final = "https://login.work.weixin.qq.com"
    API: Final = "https://qyapi.weixin.qq.com"

    def __init__(self, config: PlatformConfig) -> None:
        self._config = config
        self.id = config.id
        self.title = config.title

    def begin(self, flow: Flow) -> str:
        """Return the address of the QR code."""
        query = {
            "login_type": "CorpApp",
            "appid": self._config.client_id,
            "agentid": self._config.agent_id,
            "redirect_uri": flow.redirect_uri,
            "state": flow.state,
        }
        base = self._config.log_in_url or self.LOG_IN
        return f"{base}/wwlogin/sso/login?{urlencode(query)}"

    def finish(self, flow: Flow, answered: str, at_ms: int) -> Vouched:  # noqa: ARG002
        """Return the member that the code stands for."""
        code = _given(flow, answered, "code")
        with _client(self._config.api_url or self.API) as client:
            secret = {
                "corpid": self._config.client_id,
                "corpsecret": self._config.client_secret,
            }
            token = _said(self.id, client.get("/cgi-bin/gettoken", params=secret))
            asked = {"access_token": token["access_token"], "code": code}
            who = _said(self.id, client.get("/cgi-bin/auth/getuserinfo", params=asked))
        # A guest of the enterprise has an `openid` and no `userid`: nobody of ours.
        return Vouched(subject=_text(self.id, who, "userid"), is_strong=self._config.is_strong)


class DingTalkProvider:
    """Scanning with DingTalk; the subject is the person's `unionId`."""

    kind = "dingtalk"
    LOG_IN: Final = "https://login.dingtalk.com"
    API: Final = "https://api.dingtalk.com"

    def __init__(self, config: PlatformConfig) -> None:
        self._config = config
        self.id = config.id
        self.title = config.title

    def begin(self, flow: Flow) -> str:
        """Return the address of the QR code."""
        query = {
            "redirect_uri": flow.redirect_uri,
            "response_type": "code",
            "client_id": self._config.client_id,
            "scope": "openid corpid" if self._config.corporation else "openid",
            "state": flow.state,
            "prompt": "consent",
        }
        if self._config.corporation:
            query |= {"org_type": "management", "corpId": self._config.corporation}
        base = self._config.log_in_url or self.LOG_IN
        return f"{base}/oauth2/auth?{urlencode(query)}"

    def finish(self, flow: Flow, answered: str, at_ms: int) -> Vouched:  # noqa: ARG002
        """Return the person that the code stands for."""
        body = {
            "clientId": self._config.client_id,
            "clientSecret": self._config.client_secret,
            "code": _given(flow, answered, "authCode"),
            "grantType": "authorization_code",
        }
        with _client(self._config.api_url or self.API) as client:
            token = _said(self.id, client.post("/v1.0/oauth2/userAccessToken", json=body))
            if self._config.corporation not in {"", token.get("corpId")}:
                raise ProviderError(f"{self.id}: the person is of another enterprise")
            header = {
                "x-acs-dingtalk-access-token": _text(self.id, token, "accessToken"),
            }
            who = _said(self.id, client.get("/v1.0/contact/users/me", headers=header))
        return Vouched(subject=_text(self.id, who, "unionId"), is_strong=self._config.is_strong)


def _client(base: str) -> httpx.Client:
    return httpx.Client(base_url=base, timeout=TIMEOUT_S)


def _given(flow: Flow, answered: str, name: str) -> str:
    query = parse_qs(parts_of(answered).query)
    state = query.get("state", [""])[0]
    if not hmac.compare_digest(state.encode(), flow.state.encode()):
        raise ProviderError(f"{flow.provider}: an answer to another question")
    if name not in query:
        raise ProviderError(f"{flow.provider}: no {name} in the answer")
    return query[name][0]


def _said(provider: str, answer: httpx.Response) -> Mapping[str, Any]:
    try:
        said = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        raise ProviderError(f"{provider}: {error}") from error
    if not isinstance(said, dict) or said.get("errcode", 0) != 0:
        raise ProviderError(f"{provider}: refused: {str(said)[:200]}")
    return said


def _text(provider: str, said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value:
        raise ProviderError(f"{provider}: no {name} in the answer")
    return value
