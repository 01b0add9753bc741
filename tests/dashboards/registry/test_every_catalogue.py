"""Texts that stand beside code, names of roles and packs: Chinese ones are Chinese."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from device_registry.access.role import roles
from domain.rules.load import pack_names, rule_pack
from tests.dashboards.registry.test_rendering import SAME_IN_CHINESE

ROOT = Path(__file__).parents[3]
NAMES = {"CDC", "USP", "WHO", "PQS", "UPS", "SHA-256", "CSV", "TSPL", "ESC", "POS", "QR"}
"""Bodies and formats that have no other name."""


def beside_code() -> Iterator[tuple[str, str]]:
    """Yield (where, Chinese text) of every file of sentences."""
    for folder in ("domain", "device_registry", "cloud"):
        for file in sorted((ROOT / folder).rglob("texts.toml")):
            document = tomllib.loads(file.read_text(encoding="utf-8"))
            for section, entries in document.items():
                for name, pair in entries.items():
                    yield f"{file.parent.name}: {section}.{name}", pair["zh"]


def english(text: str) -> set[str]:
    without_places = re.sub(r"\{\w+\}", " ", text)
    return set(re.findall(r"[A-Za-z_][A-Za-z_-]+", without_places)) - SAME_IN_CHINESE - NAMES


def test_sentences_beside_code_have_no_english_word() -> None:
    found = {where: words for where, text in beside_code() if (words := english(text))}
    assert found == {}


def test_roles_and_packs_have_chinese_names() -> None:
    titles = [role.zh for role in roles().values()]
    titles += [rule_pack(name).title_zh for name in pack_names()]
    assert len(titles) > 20
    assert {title: english(title) for title in titles if english(title)} == {}
