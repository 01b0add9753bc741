"""Whatever a device sends is answered, with a remedy; who is refused too often must wait."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloud.enrolment.call import Call
from cloud.enrolment.desk import EST, REFUSALS_OF_ONE, RENEWALS
from device_registry.authority import key_file
from evidence.enrolment import request, rotation
from evidence.enrolment.claim import to_base64url
from evidence.keys import SoftwareKey
from tests.support.enrolling import Device, World, open_world
from tests.support.enrolment_server import make_server

PATHS = [
    f"{EST}cacerts",
    f"{EST}simpleenroll",
    f"{EST}simplereenroll",
    "/v1/anchors",
    request.PATH,
    rotation.path_of("gw-0001"),
    f"{EST}other",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    opened = open_world(tmp_path_factory.mktemp("desk"))
    yield opened
    opened.store.close()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def taken_on(world: World, gateway: str) -> Device:
    device = Device(world, gateway, world.claim(gateway))
    device.certify()
    device.enrol()
    return device


BASIC = st.tuples(st.text(max_size=40), st.text(max_size=40)).map(lambda two: basic(*two))
BODIES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(base64.b64encode),
    st.binary(max_size=300).map(lambda data: b"\xd2\x84" + data),
    st.binary(max_size=300).map(
        lambda data: (
            b"-----BEGIN CERTIFICATE REQUEST-----\n"
            + base64.encodebytes(data)
            + b"-----END CERTIFICATE REQUEST-----\n"
        )
    ),
    st.just(b"-----BEGIN CERTIFICATE REQUEST-----\nMA==\n-----END CERTIFICATE REQUEST-----\n"),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(PATHS),
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    authorization=st.one_of(st.just(""), st.text(max_size=60), BASIC),
    body=BODIES,
    peer=st.text(max_size=8),
)
def test_anything_is_answered_and_every_refusal_names_a_remedy(
    world: World, path: str, method: str, authorization: str, body: bytes, peer: str
) -> None:
    call = Call(method=method, path=path, authorization=authorization, body=body, peer=peer)
    reply = make_server(world).desk.answer(call)
    assert reply.status in {200, 400, 401, 403, 404, 405}
    if reply.status != 200:
        said = json.loads(reply.body)
        assert said["error"]
        assert said["remedy"]


@pytest.fixture(scope="module")
def claimed(world: World) -> Device:
    return Device(world, "gw-fuzz", world.claim("gw-fuzz"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_changed_request_is_refused(claimed: Device, at: int, flip: int) -> None:
    device, csr = claimed, bytearray(claimed.csr())
    csr[at % len(csr)] ^= flip
    user = basic(device.claim.id.hex(), to_base64url(device.claim.secret))
    body = base64.b64encode(bytes(csr))
    call = Call(method="POST", path=f"{EST}simpleenroll", authorization=user, body=body)
    reply = make_server(claimed.world).desk.answer(call)
    assert reply.status == 400
    assert claimed.world.state("claim", device.claim.id.hex()) == "open"


def test_who_is_refused_too_often_waits_and_others_do_not(world: World) -> None:
    desk = make_server(world).desk
    wrong = Call(
        method="POST",
        path=f"{EST}simpleenroll",
        authorization=basic("00" * 8, "A"),
        body=base64.b64encode(Device(world, "gw-0001", world.claim("gw-0001")).csr()),
        peer="192.0.2.1",
    )
    statuses = [desk.answer(wrong).status for _ in range(REFUSALS_OF_ONE.burst + 1)]
    assert statuses == [401] * REFUSALS_OF_ONE.burst + [429]
    refused = desk.answer(wrong)
    assert dict(refused.headers)[b"retry-after"].isdigit()
    other = Call(method="GET", path="/v1/anchors", peer="192.0.2.1")
    assert desk.answer(other).status == 200


def test_a_gateway_that_renews_without_end_is_slowed_down(world: World) -> None:
    desk, device = make_server(world).desk, taken_on(world, "gw-keen")
    statuses = []
    for _ in range(RENEWALS.burst + 1):
        device.tls = key_file.new_key()
        csr = device.csr()
        user = basic("gw-keen", device.password(csr))
        call = Call(
            method="POST",
            path=f"{EST}simplereenroll",
            authorization=user,
            body=base64.b64encode(csr),
        )
        statuses.append(desk.answer(call).status)
    assert statuses == [200] * RENEWALS.burst + [429]
    assert len(world.states("certificate", "gw-keen")) == RENEWALS.burst + 1


def test_a_rotation_is_answered_with_the_new_key(world: World) -> None:
    desk, device = make_server(world).desk, taken_on(world, "gw-turn")
    body = device.rotation(SoftwareKey.generate())
    call = Call(method="POST", path=rotation.path_of("gw-turn"), body=body)
    assert desk.answer(call).status == 200
    elsewhere = Call(method="POST", path=rotation.path_of("gw-keen"), body=body)
    assert desk.answer(elsewhere).status == 400


def test_a_registry_that_does_not_answer_is_told_as_later(tmp_path: Path) -> None:
    world = open_world(tmp_path)
    device = Device(world, "gw-0001", world.claim("gw-0001"))
    device.certify()
    message = device.request()
    desk = make_server(world).desk
    world.store.close()  # a pool of none: the next use connects anew
    (tmp_path / "registry.db").rename(tmp_path / "elsewhere")
    (tmp_path / "registry.db").mkdir()
    reply = desk.answer(Call(method="POST", path=request.PATH, body=message))
    assert reply.status == 503
    assert dict(reply.headers)[b"retry-after"] == b"5"


def test_everybody_who_enrols_or_renews_is_told_to_the_broker(world: World) -> None:
    told: list[int] = []
    server = make_server(world, changed=lambda: told.append(len(told)))
    device = Device(world, "gw-told", world.claim("gw-told"))
    user = basic(device.claim.id.hex(), to_base64url(device.claim.secret))
    body = base64.b64encode(device.csr())
    call = Call(method="POST", path=f"{EST}simpleenroll", authorization=user, body=body)
    assert server.desk.answer(call).status == 200
    device.certify()
    call = Call(method="POST", path=request.PATH, body=device.request())
    assert server.desk.answer(call).status == 200
    assert told == [0, 1]
