"""Every role at every route: what is outside its scope is not there, and not hinted at.

Generated from the route table: a new route is tested without a word here, and one whose path
names something that this file cannot fill in fails.
"""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from cloud.access.rule import RouteRule
from cloud.access.rules import OUTSIDE, RULES
from cloud.compose import open_server
from cloud.core import wall_ms
from cloud.opening import open_registry_store
from cloud.registry_pages.files import FileFolder
from cloud.server import Server
from device_registry.access.action import Action
from device_registry.access.role import roles
from tests.support.cloud_core import make_installation
from tests.support.two_tenants import SITES, Asker, askers, fill

ROUTES = [rule for rule in RULES.values() if isinstance(rule.needs, Action)]
GETS = [rule for rule in ROUTES if rule.method == "GET" and not rule.is_installation]
POSTS = [rule for rule in ROUTES if rule.method == "POST"]
MARKS = re.compile("|".join(SITES))
NOBODYS = "nobodys"
ASKED = {"/proof/{point}": "?t=1000", "/api/points/{point}/series": "?from=0&to=1000"}
CHOSEN = {"job": "replace_probe"}
"""What stands in a path and belongs to nobody."""
DOCUMENTS = {"/work/reports/{report}", "/work/reports/{report}/pdf"}
DOCUMENTS |= {"/work/records/{change_record}/pdf"}
"""Their own tests show them to who may see them; here only to who may not."""
FIRMS = {"organisation", "licence", "account", "grant", "api_token"}
"""Kinds that belong to a firm and to no site."""
STREAMS = {"GET /live"}  # endless: see test_a_stream_is_confined


class World:
    """One server without its threads, and everybody who may ask it."""

    def __init__(
        self, server: Server, ids: dict[str, dict[str, str]], who: list[Asker]
    ) -> None:
        self.server = server
        self.ids = ids
        self.askers = who

    def paths(self, rule: RouteRule, mark: str) -> Iterator[str]:
        """Yield the route's path with the things of one site in it."""
        path = rule.path
        for name in re.findall(r"{(\w+)}", path):
            if name in CHOSEN:
                path = path.replace(f"{{{name}}}", CHOSEN[name])
                continue
            about = next((a for a in rule.about if a.param == name), None)
            assert about is not None, f"{rule.key}: {name} is in the path and not in `about`"
            ids = self.ids.get(mark, {})
            path = path.replace(f"{{{name}}}", ids.get(about.kind, NOBODYS))
        yield path + ASKED.get(rule.path, "")
        for about in rule.about:
            if about.where == "query":
                yield f"{path}?{about.param}={self.ids[mark][about.kind]}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    config = make_installation(Path(tmp_path_factory.mktemp("cloud")) / "c")
    store = open_registry_store(config)
    ids = fill(store, wall_ms())
    for mark, (tenant, _) in SITES.items():
        ids[mark]["organisation"] = tenant
    who = list(askers(store, wall_ms()))
    store.close()
    files = FileFolder(config.state_dir / "files")
    for mark in SITES:
        files.put(mark.encode())
    server = open_server(config)
    yield World(server, ids, who)
    with suppress(RuntimeError):  # its threads never ran
        server.parts.reads.stop()
    server.core.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=world.server.app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as made:
        yield made


def sent(asker: Asker) -> dict[str, str]:
    return {"cookie": f"cw_session={asker.cookie}", "x-csrf-token": asker.csrf}


def has(asker: Asker, rule: RouteRule) -> bool:
    return rule.needs in roles()[asker.role].actions


def visible(asker: Asker, rule: RouteRule, mark: str) -> bool:
    """Return what the scopes mean, said in other words than the policy's."""
    if any(about.kind in FIRMS for about in rule.about):
        firm = SITES[mark][0]
        return (asker.where, firm) in {("firm", "qatenant"), ("province", "qbtenant")}
    return mark in asker.sees


@pytest.mark.parametrize("rule", [r for r in GETS if r.key not in STREAMS], ids=lambda r: r.key)
async def test_what_is_outside_the_scope_is_not_there(
    world: World, client: httpx.AsyncClient, rule: RouteRule
) -> None:
    shown = 0
    for asker in world.askers:
        # Who lacks the right lacks it everywhere: one site shows it.
        for mark in SITES if has(asker, rule) and rule.about else ["qaone"]:
            may = has(asker, rule) and (not rule.about or visible(asker, rule, mark))
            if may and rule.path in DOCUMENTS:
                shown += 1
                continue
            for path in world.paths(rule, mark):
                answer = await client.get(path, headers=sent(asker))
                where = f"{asker.role} in {asker.where}: {rule.method} {path}"
                assert answer.status_code < 500, where
                assert (answer.status_code == 404) == (not may), f"{where} {answer.status_code}"
                if may:
                    foreign = set(MARKS.findall(answer.text)) - asker.sees
                    assert not foreign, f"{where} tells of {foreign}"
                    shown += answer.status_code == 200
                    if "<main" in answer.text:
                        assert 'class="tabs"' in answer.text, f"{where} has no menu"
    assert shown, f"{rule.key} was never shown to anybody"


@pytest.mark.parametrize("rule", POSTS, ids=lambda r: r.key)
async def test_nothing_outside_the_scope_is_changed(
    world: World, client: httpx.AsyncClient, rule: RouteRule
) -> None:
    before = world.server.core.store.revision()
    for asker in world.askers:
        for mark in SITES if has(asker, rule) and rule.about else ["qaone"]:
            if has(asker, rule) and (not rule.about or visible(asker, rule, mark)):
                continue
            for path in world.paths(rule, mark):
                answer = await client.post(path, headers=sent(asker), data={})
                where = f"{asker.role} in {asker.where}: {rule.method} {path}"
                assert answer.status_code in {404, 429}, f"{where} {answer.status_code}"
                assert not MARKS.findall(answer.text), where
    assert world.server.core.store.revision() == before


async def test_what_is_not_there_and_what_is_not_ours_look_the_same(
    world: World, client: httpx.AsyncClient
) -> None:
    manager = next(a for a in world.askers if (a.role, a.where) == ("quality_head", "firm"))
    for rule in GETS:
        if not rule.about or rule.key in STREAMS or "job" in rule.path:
            continue
        (theirs, *_) = world.paths(rule, "qbtwo")
        (nobodys, *_) = world.paths(rule, NOBODYS)
        answers = [
            re.sub(r'data-now="\d+"', "", (await client.get(path, headers=sent(manager))).text)
            for path in (theirs, nobodys)
        ]
        own = [theirs, nobodys]
        plain = [text.replace(path, "") for text, path in zip(answers, own, strict=True)]
        assert plain[0] == plain[1], rule.key


async def test_a_stream_is_confined(world: World, client: httpx.AsyncClient) -> None:
    for asker in world.askers:
        for mark in set(SITES) - asker.sees:
            for query in (f"site={mark}", f"point={world.ids[mark]['point']}"):
                answer = await client.get(f"/live?{query}", headers=sent(asker))
                assert answer.status_code == 404, asker


async def test_who_has_not_signed_in_sees_nothing(
    world: World, client: httpx.AsyncClient
) -> None:
    for rule in ROUTES:
        for path in world.paths(rule, "qaone"):
            answer = await client.request(rule.method, path)
            assert answer.status_code in {303, 401, 403}, f"{rule.key} {answer.status_code}"
            assert not MARKS.findall(answer.text), rule.key


def test_every_served_route_has_a_rule_and_every_rule_a_route(world: World) -> None:
    app = world.server.app._inner  # type: ignore[attr-defined]
    served = {f"{method} {route.path}" for route in app.routes for method in route.methods}
    optional = {key for key in RULES if "/login/oidc/" in key}
    assert served - set(RULES) == set()
    assert set(RULES) - served - OUTSIDE <= optional
