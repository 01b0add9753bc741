"""A technician does field jobs on a phone: a form, a photo, a signed record; and labels."""

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from pypdf import PdfReader

from device_registry.jobs.catalogue import JOBS
from device_registry.store.change import Change
from tests.support.job_world import POINTS_AT_5
from tests.support.registry_site import GATEWAY, OTHER_SITE, POINTS, SITE, World, pages

JOBS_PAGE = f"/work/sites/{SITE}/jobs"
PHOTO = b"\xff\xd8\xff picture"
RECORD = "job-00112233445566aa"
ANSWERS = {
    "record": RECORD,
    "point": POINTS[0],
    "reason": "漂移",
    "old_fate": "rejected",
    "new_sensor": "spare-1",
    "before": "5.1",
    "after": "9.0",
}
MOVE = {
    "record": RECORD,
    "refrigerator": "fridge-9",
    "reason": "装修",
    "new_place": "里间",
    "goods_kept": "yes",
    "in_range": "yes",
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    def stock(change: Change) -> None:
        change.put(
            "sensor",
            "spare-1",
            site=SITE,
            model="XY-MD02",
            serial="SP1",
            state="stock",
            spare=True,
            refresh_s=30,
        )
        change.put(
            "calibration",
            "cal-spare-1",
            sensor="spare-1",
            certificate_no="JZ-1",
            laboratory="CNAS L0001",
            calibrated_on="2026-06-01",
            valid_until="2027-05-31",
            points=POINTS_AT_5,
            result="pass",
        )
        change.put(
            "place",
            "fridge-9",
            site=SITE,
            place_kind="refrigerator",
            name_zh="九号冰箱",
            name_en="Fridge 9",
        )

    with pages(tmp_path) as made:
        made.change(stock)
        yield made


def send(
    world: World,
    job: str,
    answers: Mapping[str, str],
    photos: tuple[str, ...] = ("photo",),
    picture: bytes = PHOTO,
) -> httpx.Response:
    files = dict.fromkeys(photos, ("p.jpg", picture, "image/jpeg"))
    data = {"csrf": "csrf-of-wang", **answers}
    return world._ask("POST", "wang", f"{JOBS_PAGE}/{job}", data=data, files=files)


def banners(answer: httpx.Response) -> list[str]:
    found = re.findall(r'role="alert">.*?<span>(.*?)</span></p>', answer.text, re.DOTALL)
    return [str(text) for text in found]


def sensor_of(world: World, point: str) -> str:
    row = world.store.get("point", point)
    assert row is not None
    return row.text("sensor")


def test_every_job_has_its_form_in_both_languages_without_an_english_word(
    world: World,
) -> None:
    listed = world.get("wang", JOBS_PAGE).text
    for job in JOBS:
        assert f"{JOBS_PAGE}/{job}" in listed
        form = world.get("wang", f"{JOBS_PAGE}/{job}?lang=zh-CN").text
        shown = re.sub(r"<(script|style|option).*?</\1>|<[^>]+>", " ", form, flags=re.DOTALL)
        body = shown[shown.index("现场作业") if "现场作业" in shown else 0 :]
        assert not re.search(r"\b(step|input|choice|job)[._]\w+", body), job
        assert world.get("wang", f"{JOBS_PAGE}/{job}?lang=en").status_code == 200
    assert world.get("wang", f"{JOBS_PAGE}/paint_wall").status_code == 404


def test_a_probe_is_replaced_and_the_record_printed(world: World) -> None:
    answer = send(world, "replace_probe", ANSWERS)
    assert (answer.status_code, banners(answer)) == (303, [])
    assert sensor_of(world, POINTS[0]) == "spare-1"
    (record,) = world.store.find("change_record", where={"site": SITE})
    assert (record.id, record.text("signed_by")) == (RECORD, "王工")
    assert "更换探头" in world.get("wang", f"{JOBS_PAGE}?lang=zh-CN").text
    printed = world.get("wang", f"/work/records/{RECORD}/pdf?lang=zh-CN")
    text = PdfReader(BytesIO(printed.content)).pages[0].extract_text()
    assert "变更记录" in text
    assert "王工" in text
    (file,) = world.store.find("file", where={"media_type": "image/jpeg", "site": SITE})
    assert world.files.get(file.id) == PHOTO


def test_the_same_form_sent_twice_does_the_job_once(world: World) -> None:
    send(world, "replace_probe", ANSWERS)
    after = world.store.revision()
    assert send(world, "replace_probe", ANSWERS).status_code == 303
    assert world.store.revision() == after


def test_what_is_missing_or_refused_is_told_and_what_was_typed_stays(world: World) -> None:
    before = world.store.revision()
    lacking = send(world, "replace_probe", {**ANSWERS, "before": "warm"}, ())
    assert lacking.status_code == 422
    assert len(banners(lacking)) == 2
    assert 'value="漂移"' in lacking.text
    fake = send(world, "replace_probe", ANSWERS, picture=b"<script>")
    assert len(banners(fake)) == 1
    old = send(world, "replace_probe", {**ANSWERS, "new_sensor": sensor_of(world, POINTS[0])})
    assert old.status_code == 422
    assert world.store.revision() == before


def test_moving_a_refrigerator_needs_who_approves_it(world: World) -> None:
    photos = ("photo_before", "photo_after")
    assert len(banners(send(world, "move_refrigerator", MOVE, photos))) == 1
    signed = {**MOVE, "approver_name": "李经理"}
    assert send(world, "move_refrigerator", signed, photos).status_code == 303
    (record,) = world.store.find("change_record", where={"site": SITE})
    assert record.text("signed_by") == "王工, 李经理"


def test_others_sites_records_and_labels_do_not_exist(world: World) -> None:
    send(world, "replace_probe", ANSWERS)
    theirs = f"/work/sites/{OTHER_SITE}"
    for path in (f"{theirs}/jobs", f"{theirs}/jobs/replace_probe", f"{theirs}/labels"):
        assert world.get("wang", path).status_code == 404
    assert world.get("ynk", f"/work/records/{RECORD}/pdf").status_code == 404
    assert world.get("clerk", JOBS_PAGE).status_code in {403, 404}


def test_a_form_without_its_record_or_token_is_refused(world: World) -> None:
    path = f"{JOBS_PAGE}/replace_probe"
    assert world.post("wang", path, {"record": "x"}).status_code == 422
    assert world._ask("POST", "wang", path, data=ANSWERS).status_code == 403


def test_labels_are_printed_from_the_browser_and_for_printers(world: World) -> None:
    page = world.get("wang", f"/work/sites/{SITE}/labels?lang=zh-CN")
    assert page.text.count("<svg") >= len(POINTS) + 2
    assert GATEWAY in page.text
    assert "script-src" not in page.headers["content-security-policy"]
    assert world.get("wang", f"/work/sites/{SITE}/labels?form=tspl").content.startswith(b"SIZE")
    escpos = world.get("wang", f"/work/sites/{SITE}/labels?form=escpos")
    assert escpos.content.startswith(b"\x1b@")
