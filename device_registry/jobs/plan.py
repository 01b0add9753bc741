"""What a job would change, worked out from what the registry knows; nothing is written here.

Pure. A planner gets the answers of the person and the rows of the site, and returns the rows to
write and what it found. The service applies a plan that refuses nothing, in one change.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from device_registry.channels import free_channels
from device_registry.commissioning.steps import Step
from domain.gsp.finding import Finding, Level, Words, refused

Values = Mapping[str, object]
"""The fields of a registry row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The current rows of one site that jobs look at: kind to id to fields."""

    site: str
    rows: Mapping[str, Mapping[str, Values]]
    today: date
    """In the site's time zone."""
    channels: Mapping[str, frozenset[int]]
    """By gateway: every channel that a point of it ever had."""

    def get(self, kind: str, id_: str) -> Values | None:
        """Return a row of the site, or nothing."""
        return self.rows.get(kind, {}).get(id_)

    def free_channels(self, gateway: str) -> Iterator[int]:
        """Yield channels of a gateway that never measured anything, the lowest first."""
        return free_channels(self.channels.get(gateway, frozenset()))

    def having(self, kind: str, field: str, value: str) -> Mapping[str, Values]:
        """Return the rows of a kind whose field has this value."""
        rows = self.rows.get(kind, {})
        return {id_: row for id_, row in rows.items() if row.get(field) == value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Put:
    """A row to write: these fields change, the others stay."""

    kind: str
    id: str
    fields: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a job would write, and what speaks against it."""

    puts: tuple[Put, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Findings that forbid the job."""
        return refused(self.findings)


Answers = Mapping[str, str]
"""Input name to value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A kind of field job; its title is the text `job.<key>`."""

    key: str
    steps: tuple[Step, ...]
    plan: Callable[[Answers, Known], Plan]
    signers: tuple[str, ...] = ("technician",)
    """Parts that sign its record."""


def refusal(key: str, about: str, **args: str | Words) -> Finding:
    """Return a finding that forbids the job."""
    return Finding(key=key, level=Level.REFUSE, about=about, args=args)


def note(key: str, about: str, **args: str | Words) -> Finding:
    """Return a finding that goes into the record."""
    return Finding(key=key, level=Level.PASS, about=about, args=args)
