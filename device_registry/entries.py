"""Typed values out of one `[[section]]` entry of a TOML file, each mistake with its line.

Used by `device_registry.load`. Mistakes are collected, not raised, so that an operator sees
all of them at once; a value that cannot be used reads as its empty form meanwhile. `tomllib`
forgets where a value stood, so the lines are found again in the text.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from device_registry.errors import Problem

_HEADER = re.compile(r"\s*\[\[?\s*([A-Za-z0-9_-]+)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")


class Entry:
    """One entry; `problems` is the list that all entries of a file share."""

    def __init__(
        self,
        section: str,
        values: Mapping[str, Any],
        lines: Mapping[str, int],
        problems: list[Problem],
    ) -> None:
        """Take `values` and the line of each key; "" is the line of the header."""
        self.section = section
        self._values = values
        self._lines = lines
        self._problems = problems

    def line(self, key: str = "") -> int:
        """Return the line of `key`, or of the entry's header."""
        return self._lines.get(key, self._lines[""])

    def complain(self, key: str, what: str, remedy: str) -> None:
        """Note a mistake at `key` ("" for the entry as a whole)."""
        name = f"[[{self.section}]] {key}".rstrip()
        problem = Problem(line=self.line(key), what=f"{name}: {what}", remedy=remedy)
        self._problems.append(problem)

    def only(self, known: Collection[str]) -> None:
        """Complain about keys that are not `known`."""
        for key in self._values:
            if key not in known:
                self.complain(key, "unknown setting", f"use one of {', '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without `default` it must be there and not empty."""
        value = self._values.get(key, default)
        if value is None or (value == "" and default is None):
            self.complain(key, "missing", f'add {key} = "..."')
            return ""
        if not isinstance(value, str):
            self.complain(key, f"expected a text, got {value!r}", f'write {key} = "..."')
            return ""
        return value

    def name(self, key: str, pattern: re.Pattern[str], shape: str) -> str:
        """Return an identifier of the form `pattern`, described by `shape`."""
        value = self.text(key)
        if value and not pattern.fullmatch(value):
            self.complain(key, f"{value!r} cannot be an id", f"use {shape}")
        return value

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """Return one of `known`, or "" after a complaint."""
        value = self.text(key, default)
        if value and value not in known:
            self.complain(key, f"unknown {key} {value!r}", f"use one of {', '.join(known)}")
            return ""
        return value

    def number(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """Return a whole number within low..high."""
        value = self._values.get(key, default)
        if type(value) is not int or not low <= value <= high:
            got = "missing" if value is None else f"got {value!r}"
            self.complain(key, got, f"write {key} = a whole number in {low}..{high}")
            return low
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, at least one."""
        value = self._values.get(key)
        if not isinstance(value, list) or not value or not all(type(v) is str for v in value):
            self.complain(key, "expected a list of texts", f'write {key} = ["..."]')
            return ()
        return tuple(value)


def entries(
    section: str, document: Mapping[str, Any], text: str, problems: list[Problem]
) -> list[Entry]:
    """Return the entries of `[[section]]`, in order."""
    raw = document.get(section, [])
    if not isinstance(raw, list) or not all(isinstance(values, dict) for values in raw):
        problem = Problem(
            line=line_of_key(section, text),
            what=f"[{section}]: expected a list of tables",
            remedy=f"write [[{section}]] with two brackets",
        )
        problems.append(problem)
        return []
    places = list(_places(section, text))
    # An array written inline has no headers: its entries all stand at its key.
    places += [{"": line_of_key(section, text)}] * (len(raw) - len(places))
    pairs = zip(raw, places, strict=False)
    return [Entry(section, values, lines, problems) for values, lines in pairs]


def line_of_key(key: str, text: str) -> int:
    """Return the first line that starts with `key =` or its header, or 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = _KEY.match(line) or _HEADER.match(line)
        if found and found[1] == key:
            return number
    return 1


def _places(section: str, text: str) -> Iterator[dict[str, int]]:
    place: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            if place:
                yield place
            place = {"": number} if header[1] == section else {}
        elif place and (key := _KEY.match(line)):
            place.setdefault(key[1], number)
    if place:
        yield place
