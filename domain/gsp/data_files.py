"""Reads the TOML tables of this package; numbers with a fraction become exact decimals.

A missing, surplus or malformed field is a `BadDataFileError` that names the file.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import TypeVar

from domain.errors import BadDataFileError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    """One table of a file; each field is taken by the reader that knows its shape."""

    raw: Mapping[str, object]

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        value = self.raw.get(name, default)
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected text, got {value!r}")
        return value

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number."""
        value = self.raw.get(name, default)
        if type(value) is not int:
            raise ValueError(f"{name}: expected a whole number, got {value!r}")
        return value

    def number(self, name: str) -> Decimal:
        """Return a number, exactly as it is written."""
        found = self.maybe_number(name)
        if found is None:
            raise ValueError(f"{name}: expected a number")
        return found

    def maybe_number(self, name: str) -> Decimal | None:
        """Return a number, or nothing when the field is absent."""
        value = self.raw.get(name)
        if value is None:
            return None
        if not isinstance(value, int | Decimal):
            raise TypeError(f"{name}: expected a number, got {value!r}")
        return Decimal(value)

    def flag(self, name: str) -> bool:
        """Return whether the field is true; absent is false."""
        return self.raw.get(name, False) is True

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; absent is empty."""
        value = self.raw.get(name, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise TypeError(f"{name}: expected a list of texts, got {value!r}")
        return tuple(value)

    def tables(self, name: str) -> tuple["Fields", ...]:
        """Return a list of tables; absent is empty."""
        value = self.raw.get(name, [])
        if not isinstance(value, list):
            raise TypeError(f"{name}: expected tables")
        return tuple(Fields(entry) for entry in value)


def read_folder(folder: str, parse: Callable[[Fields], T]) -> dict[str, T]:
    """Return what `domain/gsp/<folder>/*.toml` hold, by name without the ending, sorted."""
    found = (f for f in (files("domain.gsp") / folder).iterdir() if f.name.endswith(".toml"))
    return {
        f.name.removesuffix(".toml"): parse_text(f.name, f.read_text(encoding="utf-8"), parse)
        for f in sorted(found, key=lambda f: f.name)
    }


def parse_text(file: str, text: str, parse: Callable[[Fields], T]) -> T:
    """Return what `parse` makes of a file; `BadDataFileError` names it."""
    try:
        return parse(Fields(tomllib.loads(text, parse_float=Decimal)))
    except (tomllib.TOMLDecodeError, ValueError, TypeError, KeyError) as error:
        raise BadDataFileError(file, str(error)) from error
