"""Both languages say the same, in the words of the glossary; data files refuse mistakes."""

import re
import string
from pathlib import Path

import pytest

from domain.errors import BadDataFileError
from domain.gsp.data_files import parse_text
from domain.gsp.density_model import parse_density
from domain.gsp.finding import Finding, Level, Words, finding_of
from domain.gsp.phrases import Phrases
from domain.gsp.verification_model import parse_rules

ROOT = Path(__file__).parents[3]
PACKAGES = tuple(
    ".".join(file.parent.relative_to(ROOT).parts)
    for top in ("domain", "device_registry")
    for file in sorted((ROOT / top).rglob("texts.toml"))
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
WORD = re.compile(r"[A-Za-z]{2,}")
NO_PLANS = """
name = "X"
version = 1
clause = ""
clause_zh = ""
interval_days = 1
max_interval_s = 1
max_sensor_error = 1
"""
OWN_MEANING = {"验证", "收货"}
"""GSP verification and goods-in: right here, wrong for signatures and for receipts."""
PERMITTED = {"GSP", "UPS", "PDF", "SIM", "TLS", "CRC", "TSPL", "ESC", "POS"}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_is_in_both_languages_with_the_same_placeholders() -> None:
    phrases = Phrases(*PACKAGES)
    assert "point_count.too_few" in phrases.keys
    for key in phrases.keys:
        words = phrases.words(key)
        assert placeholders(words.zh) == placeholders(words.en), key
        assert CHINESE.search(words.zh), key
        assert not CHINESE.search(words.en), key


def test_no_chinese_text_has_an_english_word_or_one_that_the_glossary_forbids() -> None:
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    forbidden = set(re.findall(r"✗([\u4e00-\u9fffA-Z]+)", glossary)) - OWN_MEANING
    phrases = Phrases(*PACKAGES)
    for key in phrases.keys:
        text = phrases.words(key).zh
        plain = re.sub(r"\{\w+\}", "", text)
        assert set(WORD.findall(plain)) <= PERMITTED, key
        assert not [word for word in forbidden if word in text], key


def test_a_finding_is_said_in_both_languages_with_its_clause() -> None:
    finding = Finding(
        key="suitability.too_slow",
        level=Level.REFUSE,
        clause="GSP Annex 3 art. 5",
        clause_zh="GSP 附录3 第五条",
        args={
            "model": "SNZB-02",
            "refresh": "600",
            "permitted": "60",
            "pack": Words(zh="冷藏", en="cold"),
        },
    )
    phrases = Phrases("domain.gsp")
    assert phrases.finding(finding, "zh-CN").startswith("SNZB-02 每 600 秒才更新一次，冷藏要求")
    assert phrases.finding(finding, "en").endswith("(GSP Annex 3 art. 5)")
    assert finding_of(finding.document()) == finding


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_density, 'name = "X"', "version"),
        (parse_density, "name = 3", "name: expected text"),
        (parse_density, "= 3", "Invalid"),
        (
            parse_rules,
            NO_PLANS,
            "no plan for",
        ),
    ],
)
def test_a_malformed_file_is_named(parse: object, text: str, reason: str) -> None:
    with pytest.raises(BadDataFileError, match=rf"x\.toml: .*{reason}"):
        parse_text("x.toml", text, parse)  # type: ignore[arg-type]
