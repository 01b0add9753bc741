"""What the registry's pages show, as values; built by `cloud.registry_pages`.

A page is made of cells, facts and tables, so that an organisation, a gateway and a sensor look
alike. Titles and states are message keys; only what people wrote is text. Times are Unix ms,
dates are `YYYY-MM-DD`.
"""

from dataclasses import dataclass
from enum import StrEnum

from dashboards.models import Name


class Tone(StrEnum):
    """How a cell looks; the value is the end of a style class."""

    PLAIN = ""
    OK = "ok"
    WARN = "prealarm"
    BAD = "alarm"
    QUIET = "silent"
    BUSY = "backlog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One thing that is shown: a text, a name in two languages, a word, a time or a number."""

    text: str = ""
    name: Name | None = None
    word: str = ""
    """Message key; wins over `text`."""
    values: tuple[tuple[str, object], ...] = ()
    """What fills the placeholders of `word`."""
    at_ms: int | None = None
    count: int | None = None
    href: str = ""
    tone: Tone = Tone.PLAIN
    """Anything but plain is shown as a chip with its icon."""
    is_code: bool = False
    """Shown in letters of one width: keys, hashes."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known."""
        shown = (self.text, self.name, self.word)
        return not any(shown) and self.at_ms is None and self.count is None


NOTHING = Cell()
"""Shown as a dash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One line of what is known; `label` is a message key."""

    label: str
    cell: Cell
    is_wide: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A list under a title; on a phone every row is a card. Titles are message keys."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    """What is said when there are no rows; "" leaves the table out."""
    more_href: str = ""
    """Where the rest is, when not all rows are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Something a person can go to; `label` is a message key."""

    label: str
    href: str
    is_main: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something a person can do by one button; `label` is a message key."""

    label: str
    href: str
    csrf: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Crumb:
    """One step of the way back."""

    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailPage:
    """One thing of the registry with everything that hangs on it."""

    now_ms: int
    kind: str
    """Message key of what it is."""
    heading: Cell
    crumbs: tuple[Crumb, ...] = ()
    states: tuple[Cell, ...] = ()
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    links: tuple[Link, ...] = ()
    notices: tuple[Cell, ...] = ()
    deed: Deed | None = None
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """A region below the one shown, with how much of it the viewer may see."""

    code: str
    name: Name
    sites: int
    gateways: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An organisation or a site in a list."""

    href: str
    heading: Cell
    marks: tuple[Cell, ...]
    """What kind of firm, where: small, under the heading."""
    counts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionPage:
    """A region, or all of them: its subregions with counts, and one page of what is there."""

    now_ms: int
    code: str
    heading: Cell
    crumbs: tuple[Crumb, ...]
    totals: tuple[Fact, ...]
    regions: tuple[RegionRow, ...]
    shown: str
    """`organisations` or `sites`."""
    rows: tuple[Row, ...]
    search: str
    next_href: str
    """The next page of rows, "" on the last."""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryRow:
    """Something that expires."""

    what: Cell
    about: Cell
    where: Cell
    until: str
    left_days: int
    end: Cell = NOTHING
    """What happens at the end: what is locked, or how the thing is flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryPage:
    """What has expired or soon will, the most urgent first."""

    now_ms: int
    within_days: int
    counts: tuple[tuple[int, int], ...]
    """(within days, how many); 0 days = expired."""
    rows: tuple[ExpiryRow, ...]
    hidden: int = 0
    """How many more there are, the least urgent."""
    import_href: str = ""
    """Where certificates come in bulk, "" for who may not bring them."""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of the values that a field may have."""

    value: str
    cell: Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """A field of a form; `label` and `problem` are message keys."""

    name: str
    label: str
    shape: str
    """`text`, `number`, `date`, `choice`, `flag` or `long`."""
    value: str
    is_required: bool = False
    choices: tuple[Choice, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditPage:
    """The form for the common fields of one thing."""

    now_ms: int
    kind: str
    heading: Cell
    back_href: str
    fields: tuple[FormField, ...]
    csrf: str
    problem: str = ""
    """Message key of what was wrong with the whole, "" before anything was sent."""
    query: str = ""


RegistryPage = DetailPage | RegionPage | ExpiryPage | EditPage
