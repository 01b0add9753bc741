"""What a check found: a text key with its values, how grave it is, and the clause behind it.

Every check of this package, of commissioning and of certificates returns findings; nothing is
raised for a fact that is merely bad. `domain.gsp.phrases` turns one into a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Level(StrEnum):
    """What the reader does about it."""

    REFUSE = "refuse"
    """The thing may not be put into service like this."""
    WARN = "warn"
    """It may, and somebody is asked to mend it."""
    PASS = "pass"  # noqa: S105 - the opposite of a failure, not a password
    """It was checked and is good; the report says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A name in both languages of the product."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        """Return the name in `lang`, "zh-CN" or "en"; the other one when it is empty."""
        return (self.zh or self.en) if lang == "zh-CN" else (self.en or self.zh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of one check.

    `key` is a text of the catalogue, `args` fill it; `about` is the id of the thing it is about
    (a point, a sensor, a gateway); `clause` and `clause_zh` say where the rule stands, empty
    for our own.
    """

    key: str
    level: Level
    about: str = ""
    clause: str = ""
    clause_zh: str = ""
    args: Mapping[str, str | Words] = field(default_factory=lambda: MappingProxyType({}))

    def document(self) -> dict[str, object]:
        """Return it as JSON values, for signed documents."""
        values = {k: _json(v) for k, v in self.args.items()}
        return {
            "key": self.key,
            "level": str(self.level),
            "about": self.about,
            "clause": self.clause,
            "clause_zh": self.clause_zh,
            "args": values,
        }


def finding_of(document: Mapping[str, object]) -> Finding:
    """Return the finding that `Finding.document` wrote; the caller has checked its hash."""
    args = document["args"]
    assert isinstance(args, Mapping)  # noqa: S101 - our own document, its hash was checked
    return Finding(
        key=str(document["key"]),
        level=Level(str(document["level"])),
        about=str(document["about"]),
        clause=str(document["clause"]),
        clause_zh=str(document["clause_zh"]),
        args={str(k): _parsed(v) for k, v in args.items()},
    )


def refused(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return those that forbid service."""
    return tuple(f for f in findings if f.level is Level.REFUSE)


def _json(value: str | Words) -> object:
    return {"zh": value.zh, "en": value.en} if isinstance(value, Words) else value


def _parsed(value: object) -> str | Words:
    if isinstance(value, Mapping):
        return Words(zh=str(value["zh"]), en=str(value["en"]))
    return str(value)
