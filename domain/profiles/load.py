"""Reads device profiles: those that ship with the product, and an operator's own folder.

An operator's file of the same name wins, so that a clone with swapped registers needs no code.
"""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from domain.errors import BadDataFileError, UnknownProfileError, WrongUnitError
from domain.profiles.model import (
    Decoder,
    LinkDefaults,
    PointClass,
    PointSpec,
    Profile,
    RegisterTable,
)
from domain.quantity import UCUM, Quantity, check_unit

_FIELDS = frozenset(
    {
        "quantity",
        "unit",
        "table",
        "address",
        "decoder",
        "exp",
        "error_values",
        "low",
        "high",
        "bit",
    }
)


@cache
def profile_names() -> tuple[str, ...]:
    """Return the names of all profiles that ship with the product, sorted."""
    folder = files("domain.profiles") / "devices"
    return tuple(
        sorted(
            f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")
        )
    )


@cache
def profile(name: str, own_dir: Path | None = None) -> Profile:
    """Return the profile of this name, from `own_dir` first.

    Raises:
        UnknownProfileError: names the known ones.
        BadDataFileError: names the file and what is wrong.
    """
    own = sorted(own_dir.glob("*.toml")) if own_dir is not None else []
    for file in own:
        if file.stem == name:
            return parse_profile(str(file), file.read_text(encoding="utf-8"))
    if name not in profile_names():
        raise UnknownProfileError(name, (*profile_names(), *(file.stem for file in own)))
    shipped = files("domain.profiles") / "devices" / f"{name}.toml"
    return parse_profile(f"{name}.toml", shipped.read_text(encoding="utf-8"))


def parse_profile(file: str, text: str) -> Profile:
    """Return the profile written in `text`; `BadDataFileError` names `file` and the reason."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
        parsed = Profile(
            name=raw["name"],
            version=raw["version"],
            title=raw["title"],
            point_class=PointClass(raw["class"]),
            link=LinkDefaults(**raw.get("link", {})),
            points=MappingProxyType({k: _point(k, v) for k, v in raw["point"].items()}),
        )
    except KeyError as error:
        raise BadDataFileError(file, f"missing field {error}") from error
    except (tomllib.TOMLDecodeError, ValueError, TypeError, WrongUnitError) as error:
        raise BadDataFileError(file, str(error)) from error
    if parsed.name != Path(file).stem:
        raise BadDataFileError(file, f"holds {parsed.name!r}; file and profile name must agree")
    return parsed


def _point(name: str, raw: Mapping[str, object]) -> PointSpec:
    unknown = set(raw) - _FIELDS
    if unknown:
        raise ValueError(f"point {name!r}: unknown field {min(unknown)!r}")
    quantity = Quantity(str(raw["quantity"]))
    unit = str(raw.get("unit", UCUM[quantity][0]))
    check_unit(quantity, unit)
    exp = _whole(name, raw.get("exp", 0))
    return PointSpec(
        name=name,
        quantity=quantity,
        unit=unit,
        table=RegisterTable(str(raw["table"])),
        address=_word(name, raw["address"]),
        decoder=Decoder(str(raw["decoder"])),
        exp=exp,
        error_values=_error_values(name, raw.get("error_values", [])),
        low=_scaled(name, raw.get("low"), exp),
        high=_scaled(name, raw.get("high"), exp),
        bit=_whole(name, raw.get("bit", 0)),
    )


def _error_values(name: str, raw: object) -> frozenset[int]:
    if not isinstance(raw, list):
        raise TypeError(f"point {name!r}: error_values is a list of raw register values")
    return frozenset(_whole(name, value) for value in raw)


def _word(name: str, raw: object) -> int:
    address = _whole(name, raw)
    if not 0 <= address <= 0xFFFF:
        raise ValueError(f"point {name!r}: address {address} is not in 0..65535")
    return address


def _whole(name: str, raw: object) -> int:
    if type(raw) is not int:
        raise ValueError(f"point {name!r}: expected a whole number, got {raw!r}")
    return raw


def _scaled(name: str, raw: object, exp: int) -> int | None:
    if raw is None:
        return None
    if not isinstance(raw, int | Decimal):
        raise TypeError(f"point {name!r}: expected a number, got {raw!r}")
    return int(Decimal(raw).scaleb(-exp))
