"""Every page of the registry and of the technician: both languages, nothing inline, escaped."""

import json
import re
from dataclasses import replace

import pytest

from cloud.registry_pages.editing import FOLDERS, editable
from dashboards.catalogue import catalogue
from dashboards.models import Lang, Name
from dashboards.registry.models import Cell, RegistryPage
from dashboards.registry.rendering import render_findings, render_registry
from dashboards.registry.work_models import Finding, WorkPage
from device_registry.kinds.catalogue import KINDS
from domain.quantity import Quantity
from tests.dashboards.test_render import Inspector
from tests.support.registry_models import (
    NOW_MS,
    checklist,
    claim,
    detail,
    expiry,
    home,
    registry_pages,
    work_pages,
)

PAGES: dict[str, RegistryPage | WorkPage] = {**registry_pages(), **work_pages()}
SAME_IN_CHINESE = {
    "Coldwarden",
    "English",
    "GSP",
    "SHA",
    "PDF",
    "APN",
    "UTC",
    "Asia",
    "Shanghai",
    "JavaScript",
    "https",
    "http",
    "JSON",
    "COSE",
    "RH",
    "Wi",
    "Fi",
    "URL",
    "PIN",
    "cw",
}
"""Names and signs that a Chinese page writes like an English one."""
NOT_SHOWN = {"region.level", "site.datum"}
"""Fields whose choices no page shows as a word."""


def visible(html: str) -> str:
    """Return what a person reads or hears of a page, without ids and addresses."""
    body = "<main" + html.partition("<main")[2].partition("</main>")[0]
    heard = re.findall(r'(?:aria-label|placeholder|title|alt|data-label)="([^"]*)"', body)
    read = re.sub(r"<[^>]+>", " ", body)
    return re.sub(r"[\w./@:-]*\d[\w./@*:-]*", " ", " ".join([read, *heard]))


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("name", list(PAGES))
def test_every_page_renders_without_anything_inline(name: str, lang: Lang) -> None:
    html = render_registry(PAGES[name], lang, "Asia/Shanghai")
    inspector = Inspector()
    inspector.feed(html)
    assert inspector.refused == []
    assert len(inspector.ids) == len(set(inspector.ids))
    assert f'<html lang="{lang}">' in html


@pytest.mark.parametrize("name", list(PAGES))
def test_a_chinese_page_has_no_english_word_and_no_raw_enum(name: str) -> None:
    html = render_registry(PAGES[name], Lang.ZH, "Asia/Shanghai")
    given = {"RPi", "yaodian", "claim"}  # typed in, and the file for the card
    words = set(re.findall(r"[A-Za-z_]{2,}", visible(html)))
    assert words - SAME_IN_CHINESE - given - {"RS", "WS"} == set()


def test_no_chinese_text_of_any_catalogue_has_an_english_word() -> None:
    texts = catalogue(Lang.ZH)
    for key in texts.keys - {"app.other_language"}:
        without_places = re.sub(r"\{\w+\}", " ", texts.raw(key))
        assert set(re.findall(r"[A-Za-z_]{2,}", without_places)) <= SAME_IN_CHINESE, key


def test_every_choice_of_the_registry_has_its_word() -> None:
    wanted = {
        f"registry.{field.name}_{choice}"
        for kind in KINDS.values()
        for field in kind.fields
        if f"{kind.name}.{field.name}" not in NOT_SHOWN
        for choice in field.choices
    }
    wanted |= {f"registry.kind_{kind}" for kind in KINDS}
    wanted |= {f"registry.quantity_{quantity}" for quantity in Quantity}
    assert wanted - catalogue(Lang.ZH).keys == set()


def test_every_field_of_every_form_has_its_title() -> None:
    fields = {field.name for kind in FOLDERS.values() for field in editable(KINDS[kind])}
    assert {f"registry.field_{name}" for name in fields} - catalogue(Lang.ZH).keys == set()


def test_what_people_wrote_is_escaped() -> None:
    evil = Name(zh='<script>alert("1")</script>', en="</script><img src=x onerror=alert(1)>")
    wrong = Cell(name=evil)
    hostile: list[RegistryPage | WorkPage] = [
        replace(detail(), heading=wrong, notices=(Cell(text=evil.zh),)),
        replace(home(), person=evil.en),
        replace(claim(), site_name=evil),
        replace(checklist(), site_name=evil),
        replace(expiry(), rows=(replace(expiry().rows[0], about=wrong),)),
    ]
    for model in hostile:
        for lang in Lang:
            html = render_registry(model, lang, "UTC")
            assert "<script>alert" not in html
            assert "<img src=x" not in html
    found = Finding(cell=wrong, tone=detail().states[0].tone)
    assert "<script>alert" not in render_findings([found], Lang.ZH, "UTC", NOW_MS)


def test_the_scripts_get_every_text_that_they_fill_in() -> None:
    html = render_registry(checklist(), Lang.ZH, "UTC")
    found = re.search(r'id="work-words">(.*?)</script>', html)
    assert found
    words = json.loads(found[1])
    assert words["progress"] == "已完成 {done} / {all}"


def test_a_claim_without_its_secret_shows_no_empty_label() -> None:
    html = render_registry(claim(text=""), Lang.ZH, "UTC")
    assert re.search(r'id="claim-label" hidden', html)
    assert "cw1:" not in html


def test_what_is_in_order_has_no_way_to_the_next_step() -> None:
    used = render_registry(claim("used"), Lang.ZH, "UTC")
    assert 'href="/work/gateways/gw-chs-001"' in used
    assert "下载入网文件" not in used
