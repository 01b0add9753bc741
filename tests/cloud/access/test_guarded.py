"""`cloud.access.guarded` and `cloud.access.gate`: no route without a rule, no way round one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, Form, Request
from fastapi.responses import PlainTextResponse

from cloud.access.access import access_of
from cloud.access.errors import NotVisibleError, UnruledRouteError
from cloud.access.gate import COOKIE, Gate
from cloud.access.guarded import guarded_app
from cloud.access.rule import Open, RouteRule, in_path, in_query
from device_registry.access.action import Action
from device_registry.access.policy import Grant, Principal
from device_registry.errors import StoreUnavailableError
from device_registry.store.row import Row
from tests.support.gates import NOW_MS, People, find_row, keeper_of_chs, signed_in

RULES = {
    rule.key: rule
    for rule in (
        RouteRule(method="GET", path="/open", needs=Open.PUBLIC),
        RouteRule(
            method="GET", path="/sites/{site}", needs=Action.VIEW_SITE, about=(in_path("site"),)
        ),
        RouteRule(
            method="GET",
            path="/api/list",
            needs=Action.VIEW_SITE,
            about=(in_query("point"),),
            answers="data",
        ),
        RouteRule(method="POST", path="/form", needs=Action.VIEW_SITE),
        RouteRule(method="POST", path="/often", needs=Action.VIEW_SITE, per_minute=3),
        RouteRule(method="POST", path="/sign", needs=Action.SIGN_REPORT),
    )
}


def handlers() -> APIRouter:
    router = APIRouter()

    @router.get("/open")
    def public() -> PlainTextResponse:
        return PlainTextResponse("open")

    @router.get("/sites/{site}")
    def site(site: str) -> PlainTextResponse:
        if site == "raised":
            raise NotVisibleError
        return PlainTextResponse(site)

    @router.get("/api/list")
    def listed(request: Request) -> list[str]:
        return [scope.organisation for scope in access_of(request).scopes]

    @router.post("/form")
    def form(said: Annotated[str, Form()]) -> PlainTextResponse:
        return PlainTextResponse(said)

    @router.post("/often")
    def often() -> PlainTextResponse:
        return PlainTextResponse("again")

    @router.post("/sign")
    def sign() -> PlainTextResponse:
        return PlainTextResponse("signed")

    return router


@pytest.fixture
def people() -> People:
    return People(sessions={"li": keeper_of_chs()})


@pytest.fixture
async def client(people: People) -> AsyncIterator[httpx.AsyncClient]:
    app = guarded_app(Gate(people, find_row, lambda: NOW_MS), [handlers()], RULES)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


LI = {"Cookie": f"{COOKIE}=li"}


def test_a_route_without_a_rule_stops_the_start() -> None:
    router = handlers()
    router.add_api_route("/forgotten", lambda: None)
    with pytest.raises(UnruledRouteError, match=r"GET /forgotten has no rule; add one to"):
        guarded_app(Gate(People(), find_row, lambda: NOW_MS), [router], RULES)


def test_a_route_that_cannot_be_guarded_stops_the_start() -> None:
    nested = APIRouter()
    nested.include_router(handlers())
    with pytest.raises(UnruledRouteError, match="cannot be guarded"):
        guarded_app(Gate(People(), find_row, lambda: NOW_MS), [nested], RULES)


async def test_who_is_unknown_is_sent_to_log_in_and_back(client: httpx.AsyncClient) -> None:
    assert (await client.get("/open")).text == "open"
    answer = await client.get("/sites/chs-001?range=300")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=/sites/chs-001%3Frange%3D300"
    assert (await client.get("/api/list")).status_code == 401


async def test_outside_the_scope_is_byte_for_byte_like_not_there(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/sites/chs-001", headers=LI)).text == "chs-001"
    answers = [
        await client.get(f"/sites/{site}", headers=LI)
        for site in ("other-001", "none", "raised", "chs-t%00")
    ]
    answers.append(await client.get("/no/such/route", headers=LI))
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert "other" not in answers[0].text


async def test_a_list_is_told_its_scopes_and_a_foreign_id_in_the_query_is_not_there(
    client: httpx.AsyncClient,
) -> None:
    assert (await client.get("/api/list", headers=LI)).json() == ["chs"]
    assert (await client.get("/api/list?point=chs-t", headers=LI)).status_code == 200
    foreign = await client.get("/api/list?point=other-t", headers=LI)
    unknown = await client.get("/api/list?point=none", headers=LI)
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.json() == unknown.json() == {"error": "not found"}


async def test_a_form_needs_the_token_of_its_session(client: httpx.AsyncClient) -> None:
    async def post(data: dict[str, str], **headers: str) -> httpx.Response:
        return await client.post("/form", data=data, headers={**LI, **headers})

    assert (await post({"csrf": "csrf-of-li", "said": "yes"})).text == "yes"
    assert (await post({"said": "no"})).status_code == 403
    assert (await post({"csrf": "csrf-of-wang", "said": "no"})).status_code == 403


async def test_a_script_sends_the_token_in_a_header(client: httpx.AsyncClient) -> None:
    data = {"said": "x" * 100_000}
    good = {**LI, "X-CSRF-Token": "csrf-of-li"}
    assert len((await client.post("/form", data=data, headers=good)).text) == 100_000
    bad = {**LI, "X-CSRF-Token": "x"}
    assert (await client.post("/form", data=data, headers=bad)).status_code == 403


async def test_what_a_browser_says_comes_from_another_site_is_refused(
    client: httpx.AsyncClient,
) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ):
        data = {"csrf": "csrf-of-li", "said": "no"}
        answer = await client.post("/form", data=data, headers={**LI, **headers})
        assert answer.status_code == 403, headers


async def test_too_many_calls_are_refused(client: httpx.AsyncClient) -> None:
    data = {"csrf": "csrf-of-li"}
    codes = [(await client.post("/often", data=data, headers=LI)).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]


async def test_a_stale_proof_of_identity_is_asked_for_again(
    client: httpx.AsyncClient, people: People
) -> None:
    fresh = signed_in("wang", Grant(role="pharmacist"))
    people.sessions["wang"] = fresh
    people.sessions["stale"] = replace(
        fresh, principal=replace(fresh.principal, fresh_until_ms=NOW_MS)
    )
    data = {"csrf": "csrf-of-wang"}
    answer = await client.post("/sign", data=data, headers={"Cookie": f"{COOKIE}=wang"})
    assert answer.text == "signed"
    headers = {
        "Cookie": f"{COOKIE}=stale",
        "Origin": "http://127.0.0.1",
        "Referer": "http://127.0.0.1/report?a=b",
    }
    answer = await client.post("/sign", data=data, headers=headers)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login/again?next=/report"


async def test_a_token_never_signs(client: httpx.AsyncClient, people: People) -> None:
    grants = (Grant(role="pharmacist"),)
    people.tokens["t"] = Principal(account="wang", name="", grants=grants, via="token")
    answer = await client.post("/sign", headers={"Authorization": "Bearer t"})
    assert answer.status_code == 404


async def test_a_bad_token_is_nobody_whatever_cookie_comes_along(
    client: httpx.AsyncClient,
) -> None:
    headers = {**LI, "Authorization": "Bearer wrong"}
    assert (await client.get("/api/list", headers=headers)).status_code == 401


async def test_a_registry_that_cannot_be_read_is_told_as_such(people: People) -> None:
    def down(kind: str, id_: str) -> Row | None:
        raise StoreUnavailableError("registry.db", f"no {kind} {id_}", "mend it")

    app = guarded_app(Gate(people, down, lambda: NOW_MS), [handlers()], RULES)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/sites/chs-001", headers=LI)
    assert answer.status_code == 503
    assert "registry.db" not in answer.text
    assert "暂时不可用" in answer.text
