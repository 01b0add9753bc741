"""Two people revoke a key on its page: who may ask, who may agree, who sees nothing at all."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from device_registry import revoking
from device_registry.store.change import Change
from evidence.keys import SoftwareKey
from tests.support.gates import NOW_MS
from tests.support.registry_site import GATEWAY, World, pages

KEY = SoftwareKey(-19, b"k" * 32).public
KID = KEY.kid.hex()
PAGE = f"/registry/keys/{KID}/revocation"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    def enrol(change: Change) -> None:
        change.put(
            "key",
            KID,
            gateway=GATEWAY,
            public=KEY.to_text(),
            key_kind="software",
            state="active",
        )

    with pages(tmp_path) as made:
        made.change(enrol)
        yield made


def _request(world: World, who: str = "wang") -> str:
    answer = world.post(who, PAGE, {"why": "设备被盗"})
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    (row,) = world.store.find("revocation", where={"kid": KID})
    return f"/registry/revocations/{row.id}"


def _state(world: World) -> str:
    (row,) = world.store.find("revocation", where={"kid": KID})
    return row.text("state")


def test_one_asks_another_agrees_and_the_page_says_what_comes_next(world: World) -> None:
    assert PAGE in world.get("li", f"/registry/gateways/{GATEWAY}").text
    assert "申请撤销" in world.get("wang", PAGE).text
    decide = _request(world)
    mine = world.get("wang", PAGE).text
    assert "须由另一人同意" in mine
    assert decide not in mine
    theirs = world.get("li", PAGE).text
    assert decide in theirs
    assert "设备被盗" in theirs
    assert world.post("li", f"{decide}/approve", {}).status_code == 303
    assert _state(world) == "approved"
    assert "写入存证日志后立即生效" in world.get("li", PAGE).text
    revoking.make_effective(world.store, KID, 812, NOW_MS)
    done = world.get("li", PAGE).text
    assert "此密钥已撤销" in done
    assert "812" in done
    assert "<form class=" not in done
    (row,) = world.store.find("revocation", where={"kid": KID})
    assert (row.text("requested_by"), row.text("approved_by")) == ("wang", "li")
    made = [entry.role for entry in world.store.audit(kind="revocation", limit=100)]
    assert made[:2] == ["technician", "quality_head"]


def test_who_asked_cannot_agree(world: World) -> None:
    decide = _request(world, "li")
    answer = world.post("li", f"{decide}/approve", {})
    assert answer.status_code == 422
    assert "申请人不能自己同意" in answer.text
    assert _state(world) == "requested"


def test_another_person_may_say_no_and_it_can_be_asked_again(world: World) -> None:
    decide = _request(world)
    assert world.post("li", f"{decide}/decline", {"why": "已找回"}).status_code == 303
    assert _state(world) == "declined"
    assert "申请撤销" in world.get("wang", PAGE).text


def test_a_request_without_a_reason_is_told_so(world: World) -> None:
    answer = world.post("wang", PAGE, {"why": " "})
    assert answer.status_code == 422
    assert "请填写原因" in answer.text
    assert world.store.count("revocation") == 0


@pytest.mark.parametrize("who", ["clerk", "zhao", "ynk"])
def test_whoever_has_not_the_right_is_told_of_nothing(world: World, who: str) -> None:
    unknown = world.post(who, "/registry/keys/0000000000000000/revocation", {"why": "x"})
    decide = _request(world)
    for path in (PAGE, f"{decide}/approve", f"{decide}/decline"):
        answer = world.post(who, path, {"why": "x"})
        assert (answer.status_code, answer.text) == (404, unknown.text)
    assert _state(world) == "requested"


def test_a_technician_cannot_agree(world: World) -> None:
    decide = _request(world, "li")
    assert world.post("wang", f"{decide}/approve", {}).status_code == 404
    assert decide not in world.get("wang", PAGE).text


def test_no_english_word_is_on_the_chinese_page(world: World) -> None:
    _request(world)
    text = re.sub(r"<(script|style|svg).*?</\1>|<[^>]+>", " ", world.get("li", PAGE).text)
    words = set(re.findall(r"[A-Za-z]{4,}", text.replace(KID, "").replace(GATEWAY, "")))
    assert words <= {"wang", "English", "Coldwarden", "Asia", "Shanghai"}, "of every page"
