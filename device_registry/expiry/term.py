"""Something with a last day, and what the rules say of its kind."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from domain.gsp.finding import Words

STEPS: Final = (90, 60, 30, 7, 0)
"""Days before the end at which a warning is given, once each."""
HORIZON_DAYS: Final = STEPS[0]


class TermKind(StrEnum):
    """Kinds of term; each has a text `term.<value>` and a table in `rules.toml`."""

    LICENCE = "licence"
    CALIBRATION = "calibration"
    VERIFICATION = "verification"
    STAFF_CERTIFICATE = "staff_certificate"
    EQUIPMENT_INSPECTION = "equipment_inspection"
    PHONE = "phone"
    TLS_CERTIFICATE = "tls_certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class TermRule:
    """How a kind of term is warned of and what its end does."""

    warn_from: Decimal | None = None
    """Steps count below this share of the term; None: all of them."""
    locks: tuple[str, ...] = ()
    """What is locked; each has a text `lock.<value>`."""
    flag: str = ""
    """How the thing is marked instead; a text `flag.<value>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One thing that runs out; its last day, inclusive, is `until`."""

    kind: TermKind
    id: str
    """Of the registry row that carries the date."""
    about: str
    """Id of what is concerned: sensor, place, person, equipment, account, gateway."""
    about_kind: str
    """Registry kind of that."""
    name: Words
    """What to call it: a certificate's number, a person."""
    until: date
    starts: date | None = None
    site: str = ""
    """Where the task goes; empty for what belongs to an organisation."""
    organisation: str = ""
    """Path from the root, for those without a site."""

    @property
    def key(self) -> str:
        """What tells this thing from others, across renewals."""
        return f"{self.kind}:{self.about_kind}:{self.about}:{self.id}"

    def days_left(self, today: date) -> int:
        """Return days to the last day; 0 on it, negative after it."""
        return (self.until - today).days


@cache
def term_rules() -> Mapping[TermKind, TermRule]:
    """Return the rules of every kind."""
    text = (files("device_registry.expiry") / "rules.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text, parse_float=Decimal)
    return MappingProxyType({kind: _rule(raw[kind]) for kind in TermKind})


def _rule(raw: Mapping[str, object]) -> TermRule:
    share, locks = raw.get("warn_from"), raw.get("locks", [])
    assert isinstance(locks, list)  # noqa: S101 - our own file, read by every test
    return TermRule(
        warn_from=None if share is None else Decimal(str(share)),
        locks=tuple(str(lock) for lock in locks),
        flag=str(raw.get("flag", "")),
    )
