"""A TOML file whose every value knows its line, so that a mistake can be pointed at.

`tomllib` forgets where a value stood; `Places` finds it again from the text. Mistakes are
collected, not thrown one by one: an operator repairs a file in one go.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gateway_firmware_py.errors import ConfigError

T = TypeVar("T")
Step = str | int
Route = tuple[Step, ...]

MAX_FILE_BYTES = 1 << 20
_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\-\s]+?)\s*\]\]?")
_KEY = re.compile(r"\s*([A-Za-z0-9_\-]+)\s*=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong: the line it is on, what it is, and what to do about it."""

    line: int
    what: str


@dataclass(slots=True)
class Document:
    """One file, parsed, with the mistakes found in it so far."""

    file: Path
    root: Mapping[str, Any]
    places: Mapping[Route, int]
    mistakes: list[Mistake] = field(default_factory=list)

    def note(self, route: Route, what: str) -> None:
        """Remember a mistake at `route`, or at the nearest thing above it that has a line."""
        at = route
        while at and at not in self.places:
            at = at[:-1]
        self.mistakes.append(Mistake(line=self.places.get(at, 1), what=what))

    def refuse_mistakes(self) -> None:
        """Raise ConfigError if there are mistakes: a line each, in the order of the file."""
        ordered = sorted(self.mistakes, key=lambda m: m.line)
        if ordered:
            raise ConfigError("\n".join(f"{self.file}:{m.line}: {m.what}" for m in ordered))


def open_document(file: Path) -> Document:
    """Read and parse `file`; ConfigError says why it cannot be."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        remedy = "name another with --config, or start from the README's example"
        raise ConfigError(f"{file}: {error.strerror}; {remedy}") from error
    return parse_document(file, raw)


def parse_document(file: Path, raw: bytes) -> Document:
    """Parse what `file` holds, or stands for; ConfigError says why it cannot be."""
    if len(raw) > MAX_FILE_BYTES:
        raise ConfigError(
            f"{file}: {len(raw)} bytes; a configuration has at most {MAX_FILE_BYTES}"
        )
    try:
        text = raw.decode()
        return Document(file, tomllib.loads(text), dict(find_places(text)))
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise ConfigError(f"{file}:{line}: not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{file}:{_line_in(str(error))}: {error}; the format is TOML"
        ) from error


def find_places(text: str) -> Iterator[tuple[Route, int]]:
    """Yield each table's and each key's route with its line, from 1.

    A route names array items by index: ("modbus", 0, "device", 1, "unit").
    """
    counts: dict[Route, int] = {}
    table: Route = ()
    for number, line in enumerate(text.splitlines(), start=1):
        header = _HEADER.match(line)
        if header is not None:
            table = _open_table(header[2], counts, is_array=header[1] == "[[")
            yield table, number
        elif (key := _KEY.match(line)) is not None:
            yield (*table, key[1]), number


def _open_table(name: str, counts: dict[Route, int], *, is_array: bool) -> Route:
    route: Route = ()
    parts = [part.strip() for part in name.split(".")]
    for depth, part in enumerate(parts, start=1):
        route = (*route, part)
        if is_array and depth == len(parts):
            counts[route] = counts.get(route, -1) + 1
        if route in counts:
            route = (*route, counts[route])
    return route


def _line_in(message: str) -> str:
    found = re.search(r"at line (\d+)", message)
    return found[1] if found else "1"


@dataclass(slots=True)
class Section:
    """One table of the document; getters note what is wrong and return a usable stand-in."""

    document: Document
    route: Route
    table: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Return the table's name as it stands in the file."""
        return ".".join(step for step in self.route if isinstance(step, str))

    def note(self, key: str, what: str) -> None:
        """Remember a mistake in the value of `key`."""
        name = f"[{self.title}] {key}" if key else f"[{self.title}]"
        self.document.note((*self.route, key) if key else self.route, f"{name}: {what}")

    def only(self, known: Collection[str]) -> None:
        """Note every key that is not known: a misspelt setting is how limits get lost."""
        for key in self.table:
            if key not in known:
                self.note(key, f"unknown setting; expected one of {', '.join(known)}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text; without `default` it must be there."""
        return self._value(key, str, default, "")

    def number(self, key: str, bounds: tuple[int, int], default: int | None = None) -> int:
        """Return a whole number within `bounds`, inclusive."""
        low, high = bounds
        value = self._value(key, int, default, low)
        if not low <= value <= high:
            self.note(key, f"{value} is outside {low}..{high}")
        return min(max(value, low), high)

    def flag(self, key: str) -> bool:
        """Return true or false; false when absent."""
        value = self.table.get(key, False)
        if not isinstance(value, bool):
            self.note(key, f"expected true or false, got {value!r}")
        return value is True

    def optional_number(self, key: str, bounds: tuple[int, int]) -> int | None:
        """Return a whole number within `bounds`, or None when it is absent."""
        return self.number(key, bounds) if key in self.table else None

    def rate(self, key: str, bounds: tuple[float, float], default: float) -> float:
        """Return a number, whole or not, within `bounds`, inclusive."""
        low, high = bounds
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.note(key, f"expected a number, got {value!r}")
            return default
        if not low <= value <= high:
            self.note(key, f"{value} is outside {low}..{high}")
        return float(value)

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        """Return one of the known texts."""
        value = self.text(key, default)
        if value not in known and key in self.table:
            self.note(key, f"{value!r}; expected one of {', '.join(known)}")
        return value if value in known else known[0]

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of texts, or one text as a list of itself; empty when absent."""
        value = self.table.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            self.note(key, "expected a text, or a list of texts in quotes")
            return ()
        return tuple(values)

    def section(self, key: str) -> "Section":
        """Return the table under `key`, empty when absent."""
        value = self.table.get(key, {})
        if not isinstance(value, dict):
            self.note(key, f"expected a table [{key}]")
            value = {}
        return Section(self.document, (*self.route, key), value)

    def sections(self, key: str) -> list["Section"]:
        """Return the tables [[key]], none when absent."""
        values = self.table.get(key, [])
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            self.note(key, f"expected tables [[{key}]]")
            return []
        return [Section(self.document, (*self.route, key, i), v) for i, v in enumerate(values)]

    def _value(self, key: str, kind: type[T], default: T | None, stand_in: T) -> T:
        value = self.table.get(key, default)
        if value is None:
            self.note("", f"{key} is missing; add {key} = ... under [{self.title}]")
            return stand_in
        if not isinstance(value, kind) or isinstance(value, bool):
            self.note(key, f"expected {_KINDS.get(kind, kind.__name__)}, got {value!r}")
            return stand_in
        return value


_KINDS: Mapping[type, str] = {str: "a text in quotes", int: "a whole number"}


def top(document: Document) -> Section:
    """Return the document's outermost table."""
    return Section(document, (), document.root)
