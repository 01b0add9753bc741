"""Both languages say the same things, in words that the glossary allows."""

import re
import string
from pathlib import Path

import pytest

from dashboards.catalogue import Catalogue, catalogue
from dashboards.errors import UnknownMessageError
from dashboards.models import AlarmKind, Lang, LinkStatus, PointStatus
from domain.alarms.state import AlarmState

ROOT = Path(__file__).parents[2]
CHINESE = re.compile(r"[\u4e00-\u9fff]")
EN, ZH = catalogue(Lang.EN), catalogue(Lang.ZH)
SAME_IN_BOTH = {"point.range_both"}
"""Texts of signs and numbers only."""
IN_ENGLISH_ON_PURPOSE = {"app.other_language"}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def forbidden_words() -> list[str]:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return re.findall(r"✗([\u4e00-\u9fffA-Z]+)", glossary)


def test_both_languages_have_the_same_keys() -> None:
    assert EN.keys == ZH.keys


def test_both_languages_have_the_same_placeholders() -> None:
    for key in EN.keys:
        assert placeholders(EN.raw(key)) == placeholders(ZH.raw(key)), key


def test_chinese_texts_are_chinese_and_english_ones_are_not() -> None:
    for key in EN.keys - SAME_IN_BOTH - IN_ENGLISH_ON_PURPOSE:
        if key != "app.other_language":
            assert CHINESE.search(ZH.raw(key)), key
            assert not CHINESE.search(EN.raw(key)), key


def test_no_forbidden_word_is_used() -> None:
    words = forbidden_words()
    assert {"告警", "验证", "补录", "收据", "隔离", "符合GSP"} <= set(words)
    for key in ZH.keys:
        # GSP's own 验证 is a mapping of a store; elsewhere the word would mean a signature.
        allowed = {"验证"} if "verification" in key else set[str]()
        assert not [w for w in words if w in ZH.raw(key) and w not in allowed], key


def test_every_state_and_quantity_has_a_text() -> None:
    wanted = {
        *(f"status.{x}" for x in PointStatus),
        *(f"link.{x}" for x in LinkStatus),
        *(f"alarm_state.{x}" for x in AlarmState),
        *(f"alarm_kind.{x}" for x in AlarmKind if x is not AlarmKind.LIMIT),
    }
    assert wanted <= EN.keys


def naming_files() -> list[Path]:
    """Return every file that may name a text: templates, and what builds page models."""
    pages = [ROOT / "cloud" / "pages", *(ROOT / "cloud").glob("*_pages"), ROOT / "cloud/access"]
    folders = [ROOT / "dashboards", *pages]
    return [
        *(ROOT / "dashboards" / "templates").rglob("*.html"),
        *(file for folder in folders for file in folder.rglob("*.py")),
    ]


def used_keys() -> tuple[set[str], tuple[str, ...]]:
    """Return the keys that pages name, and the beginnings of those that they put together."""
    folder = ROOT / "dashboards"
    source = "".join(file.read_text(encoding="utf-8") for file in naming_files())
    sections = {key.split(".")[0] for key in EN.keys}
    named = {
        f"{section}.{name}"
        for section, name in re.findall(r"""["']([a-z_]+)\.([a-z_0-9]*)""", source)
        if section in sections
    }
    scripts = "".join(f.read_text(encoding="utf-8") for f in (folder / "static").rglob("*.js"))
    named |= {
        f"{section}.{name}" for section, name in re.findall(r"words\.(\w+)\.(\w+)", scripts)
    }
    return named & EN.keys, tuple(key for key in named - EN.keys if key.endswith((".", "_")))


def test_every_text_that_a_page_names_exists() -> None:
    for file in naming_files():
        calls = re.findall(
            r"""\bt(?:_html)?\(\s*["']([a-z_.0-9]+)["'][,)]""", file.read_text("utf-8")
        )
        assert set(calls) <= EN.keys, file.name


def test_every_text_is_used() -> None:
    named, beginnings = used_keys()
    spoken_by_ages = {"age", "span"}
    for key in EN.keys - named:
        assert key.startswith(beginnings) or key.split(".")[0] in spoken_by_ages, key


def test_an_absent_text_is_an_error_that_names_the_file() -> None:
    with pytest.raises(UnknownMessageError, match=r"no message 'x.y' in .*zh-CN.toml"):
        ZH.text("x.y")


def test_a_section_is_given_by_the_rest_of_its_keys() -> None:
    small = Catalogue(Lang.EN, {"a.b": "1", "a.c.d": "2", "ab.c": "3"})
    assert small.under("a") == {"b": "1", "c.d": "2"}
