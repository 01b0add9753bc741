"""`cloud.access.oidc` against a real provider: the code flow, and every way to forge it."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from cloud.access.gate import COOKIE
from cloud.access.oidc import OidcConfig
from cloud.access.oidc import OidcProvider as OurSide
from device_registry.accounts.session import FRESH_MS
from tests.support.access_site import BASE, AccessSite, Browser
from tests.support.oidc_provider import Claims, OidcProvider, oidc_provider
from tests.support.people import NOW_MS, SETUP, person

CALLBACK = f"{BASE}/login/oidc/city/callback"


@pytest.fixture
def provider(place: AccessSite) -> Iterator[OidcProvider]:
    with oidc_provider(lambda: place.now_ms) as provider:
        provider.redirections.append(CALLBACK)
        yield provider


def offered(place: AccessSite, provider: OidcProvider, account_claim: str = "") -> Browser:
    """Return a browser at an installation that trusts the provider."""
    config = OidcConfig(
        id="city",
        title="市平台",
        issuer=provider.issuer,
        client_id=provider.client_id,
        client_secret=provider.client_secret,
        account_claim=account_claim,
    )
    return place.browser(providers=(OurSide(config),))


def linked(place: AccessSite, id_: str = "li", subject: str = "u-1") -> None:
    person(place.accounts, id_, "keeper")
    with place.accounts.store.change(SETUP, "linked", NOW_MS) as change:
        change.put("account", id_, external_id=f"city:{subject}")


async def to_provider(browser: Browser, next_: str = "/") -> str:
    """Begin, let the provider log the person in, return where it sends the browser."""
    begun = await browser.get(f"/login/oidc/city/start?next={next_}")
    assert begun.status_code == 303, begun.text
    async with httpx.AsyncClient() as network:
        sent = await network.get(begun.headers["location"])
    assert sent.status_code == 302, sent.text
    return str(sent.headers["location"])


async def test_the_code_flow_comes_in_and_leads_on(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    browser = offered(place, provider)
    assert "用市平台登录" in (await browser.get("/login")).text
    answer = await browser.get(await to_provider(browser, "/sites/chs-001"))
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"] == "/sites/chs-001"
    assert (await browser.get("/api/session")).json()["account"] == "li"
    (asked,) = provider.asked
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"


async def test_a_second_factor_at_the_provider_counts(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    provider.person["amr"] = ["pwd", "otp"]
    browser = offered(place, provider)
    await browser.get(await to_provider(browser))
    session = place.accounts.sessions.find(browser.client.cookies[COOKIE], place.now_ms)
    assert session is not None
    assert session.is_strong


async def test_a_claim_names_the_login_where_the_operator_says_so(
    place: AccessSite, provider: OidcProvider
) -> None:
    person(place.accounts, "li", "keeper")
    provider.person["preferred_username"] = "li"
    browser = offered(place, provider, "preferred_username")
    assert (await browser.get(await to_provider(browser))).status_code == 303


async def test_whom_no_account_names_stays_outside(
    place: AccessSite, provider: OidcProvider
) -> None:
    person(place.accounts, "li", "keeper")
    provider.person |= {"sub": "li", "preferred_username": "li"}
    browser = offered(place, provider)
    answer = await browser.get(await to_provider(browser))
    assert answer.status_code == 403
    assert "没有对应到这里的账号" in answer.text
    assert COOKIE not in browser.client.cookies


def changed(**claims: object) -> Callable[[Claims], Claims]:
    return lambda true: {**true, **claims}


@pytest.mark.parametrize(
    "lie",
    [
        changed(nonce="another"),
        changed(aud="another client"),
        changed(iss="https://evil.example"),
        changed(exp=NOW_MS // 1000 - 120),
        changed(azp="another client", aud=["coldwarden", "another client"]),
        lambda true: {k: v for k, v in true.items() if k != "nonce"},
        lambda true: {k: v for k, v in true.items() if k != "sub"},
    ],
)
async def test_a_token_for_another_use_is_not_believed(
    place: AccessSite, provider: OidcProvider, lie: Callable[[Claims], Claims]
) -> None:
    linked(place)
    provider.spoil = lie
    browser = offered(place, provider)
    answer = await browser.get(await to_provider(browser))
    assert answer.status_code == 403
    assert COOKIE not in browser.client.cookies


@pytest.mark.parametrize("how", ["unsigned", "signed_with_the_secret", "signed_by_another"])
async def test_a_token_that_the_provider_did_not_sign_is_not_believed(
    place: AccessSite, provider: OidcProvider, how: str
) -> None:
    linked(place)
    provider.sign = getattr(provider, how)
    browser = offered(place, provider)
    answer = await browser.get(await to_provider(browser))
    assert answer.status_code == 403
    assert COOKIE not in browser.client.cookies


async def test_an_answer_counts_once_and_only_in_the_browser_that_asked(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    browser, victim = offered(place, provider), offered(place, provider)
    answered = await to_provider(browser)
    planted = await victim.get(answered)
    assert planted.status_code == 403
    assert COOKIE not in victim.client.cookies
    assert (await browser.get(answered)).status_code == 303
    assert (await browser.get(answered)).status_code == 403


async def test_a_stolen_code_is_of_no_use_in_another_flow(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    browser, thief = offered(place, provider), offered(place, provider)
    stolen = httpx.URL(await to_provider(browser)).params["code"]
    own = httpx.URL(await to_provider(thief))
    answer = await thief.get(str(own.copy_set_param("code", stolen)))
    assert answer.status_code == 403
    forged = await browser.get(f"{CALLBACK}?code={stolen}&state=guessed")
    assert forged.status_code == 403


async def test_another_providers_answer_is_refused(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    browser = offered(place, provider)
    provider.answers_as = "https://evil.example"
    assert (await browser.get(await to_provider(browser))).status_code == 403


async def test_a_provider_that_says_it_is_another_or_is_down_begins_nothing(
    place: AccessSite, provider: OidcProvider
) -> None:
    browser = offered(place, provider)
    provider.said_issuer = "https://evil.example"
    answer = await browser.get("/login/oidc/city/start")
    assert answer.status_code == 403
    assert "对方平台没有完成登录" in answer.text
    assert (await browser.get("/login/oidc/none/start")).status_code == 404


async def test_who_came_by_a_provider_proves_itself_again_there(
    place: AccessSite, provider: OidcProvider
) -> None:
    linked(place)
    linked(place, "wang", "u-2")
    browser = offered(place, provider)
    await browser.get(await to_provider(browser))
    place.now_ms += FRESH_MS
    stale = await browser.post("/me/pin", "/me", pin="482913")
    assert stale.headers["location"] == "/login/again?next=/me"
    provider.person["sub"] = "u-2"
    other = await browser.get(await to_provider(browser, "/me"))
    assert other.status_code == 403
    provider.person |= {"sub": "u-1", "auth_time": NOW_MS // 1000}
    remembered = await browser.get(await to_provider(browser, "/me"))
    assert remembered.status_code == 403
    del provider.person["auth_time"]
    proven = await browser.get(await to_provider(browser, "/me"))
    assert proven.headers["location"] == "/me"
    assert provider.asked[-1]["prompt"] == "login"
    saved = await browser.post("/me/pin", "/me", pin="482913")
    assert saved.headers["location"] == "/me?done=pin"
