"""How the registry describes what it holds: fields of a kind, and kinds.

Pure. `device_registry.kinds.catalogue` is the list itself; tables, validation, import, export
and forms are made from it, so that a new field is one line there and one migration.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Final, TypedDict, Unpack

from device_registry.lifecycles import Lifecycle

ID: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
GATEWAY_ID: Final = re.compile(r"[a-z0-9-]{4,32}")
VERSIONED_ID: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9._/-]{0,62}[@:][a-zA-Z0-9._-]{1,32}")
"""`name@version` of a profile, `gateway:version` of a configuration."""


class FieldType(StrEnum):
    """What a field holds; the Python type of its value."""

    TEXT = auto()
    INT = auto()
    REAL = auto()
    DATE = auto()
    """Text `YYYY-MM-DD`."""
    MS = auto()
    """Milliseconds UTC, an int."""
    BOOL = auto()
    JSON = auto()
    """A list or a dict of texts, numbers, booleans and null."""


Check = Callable[[str], object]
"""Raises `ValueError` or `CodeError`, saying what is wrong, for a text that cannot be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One property of a kind."""

    name: str
    type: FieldType = FieldType.TEXT
    required: bool = False
    choices: tuple[str, ...] = ()
    refers: str = ""
    """Kind whose id this is."""
    secret: bool = False
    """Never in the audit trail, an export or a page."""
    indexed: bool = False
    """Asked for on its own; references always are."""
    check: Check | None = None
    minimum: float | None = None
    """Least number allowed."""

    @property
    def title_key(self) -> str:
        """Key of its title in the message catalogues."""
        return f"registry.field.{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of thing the registry holds."""

    name: str
    fields: tuple[Field, ...]
    owner: str = ""
    """The field through which it belongs to somebody; "" belongs to nobody."""
    lifecycle: Lifecycle | None = None
    """What the field `state` follows."""
    unique: tuple[str, ...] = ()
    """Fields that no two rows share that are current and not retired."""
    id_pattern: re.Pattern[str] = ID
    check_id: Check | None = None
    check: Callable[[Mapping[str, object]], Iterable[tuple[str, str, str]]] | None = None
    """Finds what single fields cannot show: (field, what, remedy) of each mistake."""
    by_name: Mapping[str, Field] = field(init=False, compare=False, repr=False)
    json_fields: tuple[str, ...] = field(init=False, compare=False, repr=False)
    references: tuple[tuple[str, str], ...] = field(init=False, compare=False, repr=False)
    """(field, kind it refers to)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {f.name: f for f in self.fields})
        lists = tuple(f.name for f in self.fields if f.type is FieldType.JSON)
        object.__setattr__(self, "json_fields", lists)
        references = tuple((f.name, f.refers) for f in self.fields if f.refers)
        object.__setattr__(self, "references", references)

    @property
    def owner_kind(self) -> str:
        """Kind of its owner; "" if it belongs to nobody, or to itself."""
        return self.by_name[self.owner].refers if self.owner in self.by_name else ""

    @property
    def is_scoped(self) -> bool:
        """Whether its rows belong to somebody."""
        return self.owner != ""

    @property
    def secrets(self) -> frozenset[str]:
        """Names of the fields that are never shown."""
        return frozenset(f.name for f in self.fields if f.secret)

    @property
    def title_key(self) -> str:
        """Key of its title in the message catalogues."""
        return f"registry.kind.{self.name}"


class More(TypedDict, total=False):
    """What else `must` and `may` take; as in `Field`."""

    choices: tuple[str, ...]
    refers: str
    secret: bool
    indexed: bool
    check: Check | None
    minimum: float | None


def must(name: str, type_: FieldType = FieldType.TEXT, **more: Unpack[More]) -> Field:
    """Return a field that every row has."""
    return Field(name=name, type=type_, required=True, **more)


def may(name: str, type_: FieldType = FieldType.TEXT, **more: Unpack[More]) -> Field:
    """Return a field that a row can do without."""
    return Field(name=name, type=type_, **more)
