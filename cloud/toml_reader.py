"""Reads one TOML file with errors that say file, line, what is wrong and the remedy.

Used by `cloud.config`. `tomllib` forgets where a value stood, so a bad one is looked up again
in the text; that search runs only when there is something to complain about.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

from cloud.errors import ConfigError

T = TypeVar("T")


class TomlReader:
    """Takes typed values out of one TOML file and says where a bad one stands."""

    def __init__(self, file: Path, text: str, document: Mapping[str, Any]) -> None:
        self.file = file
        self._lines = text.splitlines()
        self._document = document

    @classmethod
    def open(cls, file: Path) -> Self:
        """Read and parse `file`; ConfigError says why it cannot be."""
        try:
            text = file.read_text(encoding="utf-8")
            return cls(file, text, tomllib.loads(text))
        except OSError as error:
            remedy = "`coldwarden-cloud init DIR` makes a first one"
            raise ConfigError(f"{file}: {error.strerror}; {remedy}") from error
        except UnicodeDecodeError as error:
            raise ConfigError(f"{file}: byte {error.start} is not UTF-8; save as it") from error
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{file}: {error}; the format is TOML") from error

    def fail(self, section: str, key: str, message: str) -> ConfigError:
        """Return the error for one setting, with its place."""
        place = f"{self.file}:{self._line(section, key)}"
        name = f"[{section}] {key}" if key else f"[{section}]"
        return ConfigError(f"{place}: {name}: {message}")

    def only(self, known: Mapping[str, tuple[str, ...]]) -> None:
        """Refuse sections and settings that `known` does not list."""
        for section, table in self._document.items():
            if section not in known or not isinstance(table, dict):
                expected = ", ".join(f"[{s}]" for s in known)
                raise self.fail(section, "", f"unknown section; expected one of {expected}")
            for key in table:
                if key not in known[section]:
                    expected = ", ".join(known[section])
                    raise self.fail(
                        section, key, f"unknown setting; expected one of {expected}"
                    )

    def has(self, section: str) -> bool:
        """Return whether the file has this section."""
        return section in self._document

    def text(self, section: str, key: str, default: str | None = None) -> str:
        """Return a text; without `default` it must be there."""
        return self._value(section, key, str, default)

    def texts(self, section: str, key: str) -> tuple[str, ...]:
        """Return a list of texts, empty when absent."""
        values = self._value(section, key, list, [])
        if not all(isinstance(v, str) for v in values):
            raise self.fail(section, key, "expected a list of texts in quotes")
        return tuple(values)

    def number(self, section: str, key: str, default: int, low: int, high: int) -> int:
        """Return a whole number within `low..high`."""
        value = self._value(section, key, int, default)
        if isinstance(value, bool) or not low <= value <= high:
            raise self.fail(section, key, f"{value} is outside {low}..{high}")
        return int(value)

    def flag(self, section: str, key: str, *, default: bool) -> bool:
        """Return true or false."""
        return self._value(section, key, bool, default)

    def path(self, section: str, key: str, default: str | None = None) -> Path:
        """Return an absolute path; relative ones start at the file's folder."""
        return (self.file.parent / self.text(section, key, default)).resolve()

    def optional_path(self, section: str, key: str) -> Path | None:
        """Return a path, or None when absent or empty."""
        return self.path(section, key) if self.text(section, key, "") else None

    def _value(self, section: str, key: str, kind: type[T], default: T | None) -> T:
        value = self._document.get(section, {}).get(key, default)
        if value is None:
            raise self.fail(section, key, f'missing; add {key} = "..." under [{section}]')
        if not isinstance(value, kind):
            raise self.fail(section, key, f"expected {kind.__name__}, got {value!r}")
        return value

    def _line(self, section: str, key: str) -> int:
        head = re.compile(rf"\s*\[\[?\s*{re.escape(section)}\s*\]")
        found = 1
        inside = False
        for number, line in enumerate(self._lines, start=1):
            if re.match(r"\s*\[", line):
                inside = head.match(line) is not None
                found = number if inside else found
            elif inside and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return found
