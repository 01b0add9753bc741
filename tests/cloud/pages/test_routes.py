"""The addresses of the pages: what they answer, and what they never let through."""

import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from cloud.pages.routes import pages_router
from cloud.pages.statics import static_files
from cloud.pages.viewers import Viewers
from dashboards.assets import asset_url, static_dir
from tests.support.open_access import open_to_everybody
from tests.support.pages import FakePages, two_pharmacies

NOW_MS = 1_795_363_200_000


@pytest.fixture
def source() -> FakePages:
    return two_pharmacies(lambda: NOW_MS)


@pytest.fixture
async def client(source: FakePages) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(openapi_url=None)
    app.include_router(pages_router(source, lambda: NOW_MS))
    open_to_everybody(app)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


PAGES = ["/", "/sites/chs-001", "/points/fridge-1-t", f"/proof/fridge-1-t?t={NOW_MS}"]


@pytest.mark.parametrize("address", [*PAGES, "/points/none", "/static/none", "/proof/door-1"])
async def test_every_page_is_kept_to_itself_and_never_cached(
    client: httpx.AsyncClient, address: str
) -> None:
    answer = await client.get(address)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


async def test_each_page_shows_what_it_is_about(client: httpx.AsyncClient) -> None:
    shown = [(await client.get(address)).text for address in PAGES]
    assert all("1 号冰箱 温度" in html for html in shown)
    assert "春和堂药房 &lt;解放路&gt; 店" in shown[0]


@pytest.mark.parametrize(
    "address",
    [
        "/sites/none",
        "/points/none",
        "/points/%2e%2e",
        "/static/../render.py",
        "/static/none.js",
    ],
)
async def test_what_does_not_exist_is_said_to_in_words(
    client: httpx.AsyncClient, address: str
) -> None:
    answer = await client.get(address)
    assert answer.status_code == 404
    if answer.headers["content-type"].startswith("text/html"):
        assert "页面不存在" in answer.text


async def test_no_static_path_leaves_the_folder(client: httpx.AsyncClient) -> None:
    for path in ("%2e%2e/render.py", "..%2frender.py", "/etc/passwd", "vendor/../../render.py"):
        answer = await client.get(f"/static/{path}")
        assert answer.status_code == 404, path
        assert "import" not in answer.text


async def test_the_language_that_is_chosen_is_remembered(client: httpx.AsyncClient) -> None:
    assert '<html lang="zh-CN">' in (await client.get("/")).text
    chosen = await client.get("/?lang=en")
    assert '<html lang="en">' in chosen.text
    assert "lang=en" in chosen.headers["set-cookie"]
    again = await client.get("/points/fridge-1-t")
    assert '<html lang="en">' in again.text
    assert "set-cookie" not in again.headers


async def test_times_are_in_the_viewers_zone_or_else_in_the_sites(
    client: httpx.AsyncClient,
) -> None:
    assert 'data-zone="Asia/Shanghai"' in (await client.get("/sites/chs-001")).text
    client.cookies.set("tz", "Europe%2FBerlin")
    assert 'data-zone="Europe/Berlin"' in (await client.get("/sites/chs-001")).text
    client.cookies.set("tz", "%3Cscript%3E")
    assert "<script>" not in (await client.get("/sites/chs-001")).text.split("</head>")[1]


async def test_a_series_is_ready_for_the_chart(
    client: httpx.AsyncClient, source: FakePages
) -> None:
    source.readings["fridge-1-t"] = [(NOW_MS - 300_000, 5.0), (NOW_MS - 100_000, 6.0)]
    address = f"/api/points/fridge-1-t/series?from={NOW_MS - 400_000}&to={NOW_MS}"
    answer = await client.get(address)
    assert answer.json() == {
        "point": "fridge-1-t",
        "t": [NOW_MS - 300_000, NOW_MS - 200_000, NOW_MS - 100_000],
        "v": [5.0, None, 6.0],
    }
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("from=1", 422),
        ("from=x&to=2", 422),
        ("from=-1&to=2", 422),
        ("from=2&to=2", 400),
        (f"from=0&to={401 * 86_400_000}", 400),
        (f"from=0&to={10**18}", 422),
    ],
)
async def test_a_senseless_period_is_refused(
    client: httpx.AsyncClient, query: str, status: int
) -> None:
    answer = await client.get(f"/api/points/fridge-1-t/series?{query}")
    assert answer.status_code == status


async def test_a_series_of_an_unknown_point_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/points/none/series?from=1&to=2")
    assert (answer.status_code, answer.json()) == (
        404,
        {"error": "no point 'none' is registered"},
    )


async def test_without_the_time_series_pages_still_show_state_and_alarms(
    client: httpx.AsyncClient, source: FakePages
) -> None:
    source.is_down = True
    page = await client.get("/points/fridge-2-t")
    assert page.status_code == 200
    assert "超过上限 8 °C" in page.text
    assert "记录和报警不受影响" in page.text
    answer = await client.get(f"/api/points/fridge-1-t/series?from=1&to={NOW_MS}")
    assert answer.status_code in {400, 503}
    answer = await client.get(f"/api/points/fridge-1-t/series?from={NOW_MS - 5}&to={NOW_MS}")
    assert answer.status_code == 503


async def test_a_proof_is_a_page_and_a_document(client: httpx.AsyncClient) -> None:
    address = f"/proof/fridge-1-t?t={NOW_MS}"
    document = (await client.get(address, headers={"accept": "application/json"})).json()
    assert document["point"] == "fridge-1-t"
    assert len(document["proof"]["path"]) == 5
    assert (await client.get(f"{address}&format=json")).json() == document
    page = (await client.get(address)).text
    assert document["proof"]["root"] in page
    assert all(hashed in page for hashed in document["proof"]["path"])


async def test_before_the_receipt_there_is_no_proof_and_the_page_says_so(
    client: httpx.AsyncClient, source: FakePages
) -> None:
    source.has_proofs = False
    assert "暂无存证证明" in (await client.get(f"/proof/fridge-1-t?t={NOW_MS}")).text
    answer = await client.get(f"/proof/fridge-1-t?t={NOW_MS}&format=json")
    assert (answer.status_code, answer.json()["proof"]) == (404, None)


@pytest.mark.parametrize("t", ["", "x", "-1", "1.5", "٣", "9" * 30])
async def test_a_proof_at_no_time_is_refused(client: httpx.AsyncClient, t: str) -> None:
    assert (await client.get("/proof/fridge-1-t", params={"t": t})).status_code == 400


async def test_static_files_are_cached_for_ever_under_an_address_with_their_hash(
    client: httpx.AsyncClient,
) -> None:
    name = "vendor/uplot-1.6.32/uPlot.iife.min.js"
    answer = await client.get(asset_url(name))
    assert answer.content == (static_dir() / name).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"].startswith("text/javascript")
    plain = await client.get(asset_url(name), headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


async def test_when_all_places_are_taken_the_live_stream_is_refused(
    client: httpx.AsyncClient, source: FakePages
) -> None:
    source.viewers = Viewers(max_viewers=0)
    answer = await client.get("/live")
    assert answer.status_code == 503
    assert "live pages are open" in json.loads(answer.text)["error"]


async def test_the_live_stream_ends_its_subscription_with_the_connection(
    source: FakePages,
) -> None:
    app = FastAPI(openapi_url=None)
    app.include_router(pages_router(source, lambda: NOW_MS))
    open_to_everybody(app)
    sent: list[dict[str, object]] = []

    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/live",
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
    }
    await app(scope, gone, send)  # type: ignore[arg-type]
    assert source.viewers.count == 0
    assert sent[0]["status"] == 200
    headers = dict(sent[0]["headers"])  # type: ignore[call-overload]
    assert headers[b"content-type"].startswith(b"text/event-stream")
    assert headers[b"x-accel-buffering"] == b"no"


def test_compression_is_reproducible() -> None:
    for name, file in static_files().items():
        assert gzip.decompress(file.compressed) == file.plain, name


async def test_a_new_point_is_not_lost_at_the_edge_of_an_hour(
    client: httpx.AsyncClient, source: FakePages
) -> None:
    usual = (await client.get("/points/fridge-1-t")).text
    source.readings["fridge-1-t"] = [(NOW_MS - 60_000 + i * 1000, 5.0) for i in range(60)]
    fresh = (await client.get("/points/fridge-1-t")).text
    chosen = (await client.get("/points/fridge-1-t?range=3600")).text
    assert ['"rangeS": 300' in html for html in (usual, fresh, chosen)] == [False, True, False]
