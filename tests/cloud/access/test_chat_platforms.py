"""`cloud.access.chat_platforms`: the dialects of WeCom and DingTalk, and their servers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cloud.access.chat_platforms import DingTalkProvider, PlatformConfig, WeComProvider
from cloud.access.errors import ProviderError
from cloud.access.providers import Flow
from tests.support.access_site import BASE, AccessSite
from tests.support.people import NOW_MS, SETUP, person

FLOW = Flow(
    provider="p",
    state="s-1",
    nonce="n",
    verifier="v",
    redirect_uri=f"{BASE}/login/oidc/p/callback",
    next="/",
    began_ms=NOW_MS,
)


@dataclass
class Platform:
    """Answers what both platforms answer, to who asks rightly."""

    url: str = ""
    said: dict[str, Any] = field(default_factory=dict)

    def answer(
        self, path: str, query: dict[str, str], body: dict[str, str], token: str
    ) -> dict[str, Any]:
        match path:
            case "/cgi-bin/gettoken" if query == {"corpid": "corp", "corpsecret": "secret"}:
                return {"errcode": 0, "access_token": "at"}
            case "/cgi-bin/auth/getuserinfo" if query == {"access_token": "at", "code": "c"}:
                return {"errcode": 0, "userid": "LiHua", **self.said}
            case "/v1.0/oauth2/userAccessToken" if body == {
                "clientId": "corp",
                "clientSecret": "secret",
                "code": "c",
                "grantType": "authorization_code",
            }:
                return {"accessToken": "at", "corpId": "ding1", "expireIn": 7200, **self.said}
            case "/v1.0/contact/users/me" if token == "at":
                return {"unionId": "Union1", "nick": "李华", **self.said}
        return {"errcode": 40029, "errmsg": "invalid code"}


class _Server(ThreadingHTTPServer):
    platform: Platform


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: dict[str, str]) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        token = self.headers.get("x-acs-dingtalk-access-token", "")
        data = json.dumps(self.server.platform.answer(parts.path, query, body, token)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(platform: Platform) -> Iterator[None]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.platform = platform
    platform.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="platform")
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()
    with serving(platform):
        yield platform


def config(platform: Platform, corporation: str = "") -> PlatformConfig:
    return PlatformConfig(
        id="p",
        title="本企业",
        client_id="corp",
        client_secret="secret",
        agent_id="1000002",
        corporation=corporation,
        api_url=platform.url,
    )


def answered(**query: str) -> str:
    return str(httpx.URL(FLOW.redirect_uri, params=query))


def test_wecom_is_asked_for_a_member_and_vouches_for_its_user_id(platform: Platform) -> None:
    provider = WeComProvider(config(platform))
    asked = httpx.URL(provider.begin(FLOW))
    assert asked.host == "login.work.weixin.qq.com"
    assert asked.params["appid"] == "corp"
    assert asked.params["agentid"] == "1000002"
    assert asked.params["state"] == FLOW.state
    assert asked.params["redirect_uri"] == FLOW.redirect_uri
    vouched = provider.finish(FLOW, answered(code="c", state="s-1"), NOW_MS)
    assert (vouched.subject, vouched.is_strong) == ("LiHua", False)


def test_a_guest_of_the_enterprise_is_nobody(platform: Platform) -> None:
    platform.said = {"userid": "", "openid": "guest"}
    with pytest.raises(ProviderError, match="no userid"):
        WeComProvider(config(platform)).finish(FLOW, answered(code="c", state="s-1"), NOW_MS)


def test_dingtalk_vouches_for_the_union_id(platform: Platform) -> None:
    provider = DingTalkProvider(config(platform, "ding1"))
    asked = httpx.URL(provider.begin(FLOW))
    assert asked.host == "login.dingtalk.com"
    assert asked.params["client_id"] == "corp"
    assert asked.params["corpId"] == "ding1"
    vouched = provider.finish(FLOW, answered(authCode="c", state="s-1"), NOW_MS)
    assert vouched.subject == "Union1"


def test_a_person_of_another_enterprise_is_nobody(platform: Platform) -> None:
    with pytest.raises(ProviderError, match="another enterprise"):
        DingTalkProvider(config(platform, "ding2")).finish(
            FLOW, answered(authCode="c", state="s-1"), NOW_MS
        )


@pytest.mark.parametrize("kind", [WeComProvider, DingTalkProvider])
@pytest.mark.parametrize(
    "query",
    [
        {"code": "c", "authCode": "c", "state": "other"},
        {"code": "wrong", "authCode": "wrong", "state": "s-1"},
        {"state": "s-1"},
        {"code": "c", "authCode": "c"},
    ],
)
def test_an_answer_to_another_question_or_a_wrong_code_is_nobody(
    platform: Platform,
    kind: type[WeComProvider] | type[DingTalkProvider],
    query: dict[str, str],
) -> None:
    with pytest.raises(ProviderError):
        kind(config(platform)).finish(FLOW, answered(**query), NOW_MS)


async def test_a_member_comes_in_by_the_identity_that_its_account_names(
    place: AccessSite, platform: Platform
) -> None:
    person(place.accounts, "li", "keeper")
    with place.accounts.store.change(SETUP, "linked", NOW_MS) as change:
        change.put("account", "li", external_id="p:LiHua")
    browser = place.browser(providers=(WeComProvider(config(platform)),))
    assert "用企业微信登录（本企业）" in (await browser.get("/login")).text
    begun = await browser.get("/login/oidc/p/start?next=/me")
    state = httpx.URL(begun.headers["location"]).params["state"]
    answer = await browser.get(f"/login/oidc/p/callback?code=c&state={state}")
    assert answer.headers["location"] == "/me"
    assert (await browser.get("/api/session")).json()["account"] == "li"
