"""Reads the rule packs that ship with the product (`packs/*.toml`).

A malformed pack is refused with its file and the reason.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files

from domain.errors import BadDataFileError, UnknownPackError
from domain.quantity import Quantity
from domain.rules.model import (
    DEFAULT_GAP_GRACE_S,
    DEFAULT_REFRESH_S,
    Direction,
    Limit,
    RulePack,
    Severity,
)


@cache
def pack_names() -> tuple[str, ...]:
    """Return the names of all known packs, sorted."""
    folder = files("domain.rules") / "packs"
    return tuple(
        sorted(
            f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
        )
    )


@cache
def rule_pack(name: str) -> RulePack:
    """Return the pack of this name; `UnknownPackError` names the known ones."""
    if name not in pack_names():
        raise UnknownPackError(name, pack_names())
    file = files("domain.rules") / "packs" / f"{name}.toml"
    return parse_pack(f"{name}.toml", file.read_text(encoding="utf-8"))


def parse_pack(file: str, text: str) -> RulePack:
    """Return the pack written in `text`; `BadDataFileError` names `file` and what is wrong."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
        pack = RulePack(
            name=raw["name"],
            version=raw["version"],
            title_en=raw["title_en"],
            title_zh=raw["title_zh"],
            limits=tuple(_limit(raw["name"], raw["version"], x) for x in raw["limit"]),
            refresh_s=raw.get("refresh_s", DEFAULT_REFRESH_S),
            gap_grace_s=raw.get("gap_grace_s", DEFAULT_GAP_GRACE_S),
        )
    except KeyError as error:
        raise BadDataFileError(file, f"missing field {error}") from error
    except (tomllib.TOMLDecodeError, ValueError, TypeError) as error:
        raise BadDataFileError(file, str(error)) from error
    _check(file, pack)
    return pack


def _limit(pack: str, version: int, raw: Mapping[str, object]) -> Limit:
    fields = dict(raw)
    limit = Limit(
        pack=pack,
        pack_version=version,
        clause=str(fields.pop("clause")),
        clause_zh=str(fields.pop("clause_zh")),
        quantity=Quantity(str(fields.pop("quantity"))),
        direction=Direction(str(fields.pop("direction"))),
        severity=Severity(str(fields.pop("severity"))),
        threshold=_decimal_text(fields.pop("threshold")),
        threshold_in_range=fields.pop("threshold_in_range", True) is True,
        delay_ms=_whole(fields.pop("delay_s", 0)) * 1000,
        readings=_whole(fields.pop("readings", 1)),
        deadband=_decimal_text(fields.pop("deadband", 0)),
    )
    if fields:
        raise ValueError(f"unknown field {min(fields)!r} in a limit")
    return limit


def _decimal_text(raw: object) -> str:
    try:
        return str(Decimal(str(raw)))
    except InvalidOperation:
        raise ValueError(f"expected a decimal number, got {raw!r}") from None


def _whole(raw: object) -> int:
    if type(raw) is not int or raw < 0:
        raise ValueError(f"expected a whole number, got {raw!r}")
    return raw


def _check(file: str, pack: RulePack) -> None:
    if f"{pack.name}.toml" != file:
        raise BadDataFileError(file, f"holds a pack named {pack.name!r}; the two must agree")
    keys = [limit.key for limit in pack.limits]
    if len(set(keys)) != len(keys):
        raise BadDataFileError(file, "two limits are the same")
    for limit in pack.limits:
        if Decimal(limit.deadband) < 0:
            raise BadDataFileError(file, f"{limit.key}: a deadband is not negative")
        if limit.readings < 1:
            raise BadDataFileError(file, f"{limit.key}: at least one reading must be out")
