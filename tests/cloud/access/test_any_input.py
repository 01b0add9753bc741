"""Whatever is sent to the log-in pages, they answer: on PostgreSQL, which takes no NUL."""

import asyncio
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloud.access.gate import COOKIE
from cloud.access.rule import Open
from cloud.access.rules import RULES
from tests.support.access_site import BASE, AccessSite
from tests.support.gates import session_of
from tests.support.people import NOW_MS, person, registry
from tests.support.postgres import postgres

pytestmark = pytest.mark.engine

PREFIXES = ("/login", "/logout", "/me", "/station", "/handover", "/api/session")
OURS = sorted(key for key, rule in RULES.items() if rule.path.startswith(PREFIXES))
FIELDS = (
    *("login", "password", "code", "next", "phone", "sms", "again", "secret", "pin", "badge"),
    *("lang", "site", "label", "taker", "taker_secret", "remark"),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["li", "\0", "'", "chs-001", "13800000000", "0", "\ud7ff", "//x", "//[", "%00"]
    ),
    st.text(max_size=40),
)
ELSEWHERE = ["http://[", "http://x:port", "null", ""]
"""What a browser or somebody else says of where the request comes from."""


@pytest.fixture(scope="module")
def strict() -> Iterator[tuple[AccessSite, str]]:
    """Give a site on PostgreSQL, and the cookie of a station."""
    place = AccessSite(registry(postgres().database()))
    person(place.accounts, "li", "keeper", "shop_manager")
    station = place.accounts.sessions.make_station("chs-001", "柜台", "li", NOW_MS)
    yield place, station
    place.accounts.store.close()


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    key=st.sampled_from(OURS),
    param=TEXTS.filter(bool),
    form=st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=6),
    is_signed_in=st.booleans(),
    page=st.just(BASE) | st.sampled_from(ELSEWHERE),
)
@example(key="POST /login", param="x", form={"login": "a\0b"}, is_signed_in=False, page=BASE)
@example(
    key="POST /station/switch", param="x", form={"login": "\0"}, is_signed_in=True, page=BASE
)
@example(key="GET /handover/{site}", param="\0", form={}, is_signed_in=True, page=BASE)
@example(
    key="POST /handover/{site}",
    param="chs-001",
    form={"taker": "\0", "secret": "x"},
    is_signed_in=True,
    page=BASE,
)
@example(key="GET /login", param="x", form={"next": "\0"}, is_signed_in=True, page=BASE)
@example(key="GET /me", param="x", form={}, is_signed_in=False, page="http://[")
@example(key="POST /me/language", param="x", form={}, is_signed_in=False, page="http://[")
def test_every_input_gets_an_answer(
    strict: tuple[AccessSite, str],
    key: str,
    param: str,
    form: dict[str, str],
    is_signed_in: bool,  # noqa: FBT001 - drawn
    page: str,
) -> None:
    place, station = strict
    rule = RULES[key]
    path = rule.path.replace("{site}", "{x}").replace("{provider}", "{x}")
    address = path.replace("{x}", quote(param, safe=""))
    cookies = {"cw_station": station}
    if is_signed_in:
        cookies[COOKIE] = place.accounts.sessions.begin(session_of("li"))
    headers = {"X-CSRF-Token": "csrf-of-li", "Origin": page, "Referer": page}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=place.app(), raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=BASE, cookies=cookies, headers=headers
        ) as client:
            if rule.method == "GET":
                return await client.get(address, params=form)
            return await client.post(address, data=form)

    answer = asyncio.run(ask())
    assert answer.status_code < 500, (key, answer.text)
    if rule.needs is not Open.PUBLIC and not is_signed_in:
        assert answer.status_code in {303, 401, 404} | ({403} if page != BASE else set())
