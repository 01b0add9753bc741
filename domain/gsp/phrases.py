"""The sentences behind text keys, Chinese and English, as data beside the code that uses them.

Used by commissioning, jobs, labels and the expiry engine, whose documents are printed where no
page is. Each package that has any keeps them in `texts.toml`: `[section.key] zh = en = `.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from domain.errors import BadDataFileError
from domain.gsp.finding import Finding, Words

LANGS: Final = ("zh-CN", "en")


class Phrases:
    """The texts of some packages together; a later package wins."""

    def __init__(self, *packages: str) -> None:
        texts: dict[str, Words] = {}
        for package in packages:
            texts.update(_texts(package))
        self._texts: Mapping[str, Words] = texts

    @property
    def keys(self) -> frozenset[str]:
        """All keys, `section.key`."""
        return frozenset(self._texts)

    def words(self, key: str) -> Words:
        """Return both sentences of `key`, unfilled; `KeyError` for one that does not exist."""
        return self._texts[key]

    def say(self, key: str, lang: str, /, **args: str | Words) -> str:
        """Return the sentence of `key` in `lang`, filled."""
        return self.words(key).of(lang).format(**_in(lang, args))

    def finding(self, finding: Finding, lang: str) -> str:
        """Return what was found as a sentence, the clause in brackets behind it."""
        text = self.say(finding.key, lang, **finding.args)
        clause = finding.clause_zh if lang == "zh-CN" else finding.clause
        if not clause:
            return text
        return f"{text}（{clause}）" if lang == "zh-CN" else f"{text} ({clause})"


def _in(lang: str, args: Mapping[str, str | Words]) -> dict[str, str]:
    return {k: v.of(lang) if isinstance(v, Words) else v for k, v in args.items()}


@cache
def _texts(package: str) -> Mapping[str, Words]:
    raw = tomllib.loads((files(package) / "texts.toml").read_text(encoding="utf-8"))
    found: dict[str, Words] = {}
    for section, entries in raw.items():
        for name, pair in entries.items():
            if set(pair) != {"zh", "en"}:
                raise BadDataFileError(f"{package}/texts.toml", f"{section}.{name}: zh and en")
            found[f"{section}.{name}"] = Words(zh=pair["zh"], en=pair["en"])
    return found
