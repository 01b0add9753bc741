"""Certificates in bulk on a page: checked first, imported when asked, within the own scope."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from device_registry.certificates_import.spreadsheet import read_rows
from tests.support.certificate_packages import PDF, package, row
from tests.support.registry_site import World, pages

PATH = "/registry/certificates"
GOOD = package(row("T-0001", calibrated_on="2026-05-01"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with pages(tmp_path) as made:
        yield made


def send(world: World, data: bytes, who: str = "li", **fields: str) -> httpx.Response:
    files = {"package": ("batch.zip", data, "application/zip")}
    form = {"csrf": f"csrf-of-{who}", **fields}
    return world._ask("POST", who, f"{PATH}?lang=zh-CN", data=form, files=files)


def test_a_package_is_checked_and_then_imported(world: World) -> None:
    assert "批量导入校准证书" in world.get("li", f"{PATH}?lang=zh-CN").text
    before = world.store.revision()
    assert "1 份证书可以导入，尚未导入" in send(world, GOOD).text
    assert world.store.revision() == before
    assert "已导入 1 份证书" in send(world, GOOD, apply="yes").text
    (file,) = world.store.find("file", where={"media_type": "application/pdf"})
    assert world.files.get(file.id) == PDF
    entry = world.store.audit(after_seq=before)[0]
    assert (entry.actor, entry.role, entry.via) == ("li", "quality_head", "web")


def test_mistakes_are_told_by_row(world: World) -> None:
    before = world.store.revision()
    bad = package(row("T-0001", calibrated_on="2026-05-01"), row("<b>", "JZ-2"))
    answer = send(world, bad, apply="yes")
    assert answer.status_code == 422
    assert "第 3 行：没有登记该探头：&lt;b&gt;" in answer.text
    assert "不是有效的压缩包" in send(world, b"junk").text
    assert world.store.revision() == before


def test_the_sensors_of_another_firm_are_unknown_to_it(world: World) -> None:
    answer = send(world, GOOD, "ynk", apply="yes")
    assert "没有登记该探头：T-0001" in answer.text


def test_who_may_not_import_does_not_find_the_page(world: World) -> None:
    assert world.get("wang", PATH).status_code == 404
    assert send(world, GOOD, "wang").status_code == 404


def test_the_empty_spreadsheet_can_be_read_back(world: World) -> None:
    assert read_rows(world.get("li", f"{PATH}/template").content) == []


def test_the_way_there_is_shown_to_who_may_import(world: World) -> None:
    assert PATH in world.get("li", "/registry/expiry").text
    assert PATH not in world.get("wang", "/registry/expiry").text
