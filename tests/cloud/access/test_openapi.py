"""The OpenAPI document is true; whatever Schemathesis makes of it gets an answer, never 5xx."""

import os
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema

from cloud.access.openapi import BODIES, NOT_DESCRIBED, PATH, described
from cloud.access.rule import SAFE_METHODS, Open
from cloud.access.rules import RULES
from cloud.cli import main
from cloud.compose import open_server
from cloud.core import wall_ms
from cloud.opening import open_registry_store
from cloud.server import Server
from device_registry.access.action import SIGNATURES, Action
from device_registry.access.role import roles
from device_registry.accounts.accounts import Accounts
from device_registry.accounts.session import Method, Session
from device_registry.store.store import RegistryStore
from tests.support.cloud_core import make_installation
from tests.support.two_tenants import ACTOR, fill

SEED = int(os.environ.get("COLDWARDEN_OPENAPI_SEED", "0")) or secrets.randbits(32)
EXAMPLES = 20
BYTES = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=50).map(lambda rest: b"\xff\xd8\xff" + rest),  # a photo's beginning
)
for key in described():
    if key in BODIES and BODIES[key][0] not in {"application/json", "application/octet-stream"}:
        schemathesis.openapi.media_type(BODIES[key][0], BYTES)
OPERATIONS = sorted(described())
answers: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
"""How often each operation was answered with which status."""
WHO = ("operator", "person", "nobody")


@dataclass(frozen=True, slots=True)
class Served:
    """A server without its threads, its document, and how each asker shows who it is."""

    server: Server
    schema: BaseSchema
    headers: Mapping[str, Mapping[str, str]]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = Path(tmp_path_factory.mktemp("cloud"))
    config = make_installation(folder / "c")
    make_root = ["ca", "init", "--config", str(config.file), "--root", str(folder / "root")]
    assert main(make_root) == 0
    store = open_registry_store(config)
    ids = fill(store, wall_ms())["qaone"] | {"id": "0" * 32}
    headers = {**_everybody(store), "nobody": {}}
    store.close()
    server = open_server(config)
    schema = schemathesis.openapi.from_asgi(PATH, server.app)

    def known_or_drawn(
        _context: object, drawn: dict[str, object] | None
    ) -> st.SearchStrategy[dict[str, object] | None]:
        if not isinstance(drawn, dict):
            return st.just(drawn)
        return st.sampled_from([{name: ids.get(name, drawn[name]) for name in drawn}, drawn])

    schema.hook("flatmap_path_parameters")(known_or_drawn)
    schema.hook("flatmap_query")(known_or_drawn)
    schema.hook("flatmap_body")(known_or_drawn)
    yield Served(server, schema, headers)
    with suppress(RuntimeError):  # its threads never ran
        server.parts.reads.stop()
    server.core.close()


def _everybody(store: RegistryStore) -> dict[str, Mapping[str, str]]:
    """Return the headers of a token and of a session, both of who may do everything."""
    at_ms = wall_ms()
    with store.change(ACTOR, "everything", at_ms) as change:
        change.put("account", "all", name="all", organisation="jyamr", state="active")
        for role in sorted(set(roles()) - {"public"}):
            change.put("grant", f"all-{role}", account="all", role=role)
    accounts = Accounts.over(store)
    actions = frozenset(Action) - SIGNATURES
    token = accounts.people.make_token(ACTOR, "all", actions, None, "all", at_ms)
    session = Session(
        account="all",
        method=Method.SMS,
        is_strong=True,
        made_ms=at_ms,
        seen_ms=at_ms,
        proven_ms=at_ms,
        csrf="csrf-of-all",
    )
    cookie = f"cw_session={accounts.sessions.begin(session)}"
    return {
        "operator": {"authorization": f"Bearer {token.text}"},
        "person": {"cookie": cookie, "x-csrf-token": session.csrf},
    }


@pytest.mark.parametrize("key", OPERATIONS)
@pytest.mark.parametrize("who", WHO)
def test_no_operation_ever_answers_5xx(served: Served, key: str, who: str) -> None:
    print(f"COLDWARDEN_OPENAPI_SEED={SEED} makes the same requests again")
    method, path = key.split(" ")
    operation = served.schema[path][method]
    mode = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=mode.flatmap(lambda one: operation.as_strategy(generation_mode=one)))
    def asked(case: Case[Any]) -> None:
        headers = dict(served.headers[who])
        case.headers.pop("Authorization", None)  # drawn; it would hide who asks
        answer = case.call(headers=headers)
        answers[key, who].update([answer.status_code])
        case.validate_response(answer, checks=[not_a_server_error])
        if who == "nobody" and isinstance(RULES[key].needs, Action):
            assert answer.status_code in {401, 403, 404}, answer.status_code

    asked()


def test_the_document_has_every_data_route_and_no_page(served: Served) -> None:
    found = {
        f"{method.upper()} {path}"
        for path, operations in served.schema.raw_schema["paths"].items()
        for method in operations
    }
    data = {key for key, rule in RULES.items() if rule.answers == "data"}
    assert found == data - NOT_DESCRIBED
    assert data >= NOT_DESCRIBED


def test_every_body_that_is_read_is_described() -> None:
    sending = {key for key, rule in described().items() if rule.method not in SAFE_METHODS}
    assert set(BODIES) == sending


def test_the_document_says_what_each_operation_asks(served: Served) -> None:
    paths = served.schema.raw_schema["paths"]
    for key, rule in described().items():
        method, path = key.split(" ")
        asks = paths[path][method.lower()]["security"]
        if rule.needs == Open.PUBLIC:
            assert asks == []
        elif isinstance(rule.needs, Action):
            assert {"token": []} in asks


async def test_the_document_tells_nobody_of_anything_registered(served: Served) -> None:
    transport = httpx.ASGITransport(app=served.server.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        answer = await client.get(PATH)
    assert answer.status_code == 200
    assert "qaone" not in answer.text


def test_the_requests_came_past_the_gate(served: Served) -> None:
    asked = {key for key in OPERATIONS if all((key, who) in answers for who in WHO)}
    inside = {key for (key, who), found in answers.items() if set(found) - {401, 403, 404}}
    signed = {"POST /v1/rotations/{gateway}"}  # says 404 until the signature is right
    assert asked - inside <= signed
