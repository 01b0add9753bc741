"""What a verification found: checks that passed or failed, the first place of each failure.

Used by every part of the verifier. A check fails for good with its first offence; the others
are counted. Findings are what the evidence says of a gateway (SPEC.md section 7): they are
reported, and are no fault of the archive.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

MAX_FINDINGS = 1000  # listed; the rest is counted


class Name(StrEnum):
    """The checks, in the order in which they are reported."""

    MANIFEST = "manifest"
    FILES = "files"
    SEGMENTS = "segments"
    RECORDS = "records"
    BATCHES = "batches"
    CHAINS = "chains"
    CHECKPOINT = "checkpoint"
    TILES = "tiles"
    INDEXES = "indexes"
    CURSOR = "cursor"
    RECEIPTS = "receipts"
    REFUSED = "refused"
    KEYS = "keys"
    AUDIT = "audit"


TITLES = {
    Name.MANIFEST: "the manifest is what was written",
    Name.FILES: "only known files are here",
    Name.SEGMENTS: "every record is whole, none is missing, zeros follow the last",
    Name.RECORDS: "every record is what its place says",
    Name.BATCHES: "every batch is signed by its gateway",
    Name.CHAINS: "every batch follows the one before it",
    Name.CHECKPOINT: "the signed checkpoint covers the records",
    Name.TILES: "every tile and entry follows from the records",
    Name.INDEXES: "every index follows from its segment",
    Name.CURSOR: "the cursor is what was written",
    Name.RECEIPTS: "every receipt proves batches that are here",
    Name.REFUSED: "every refused batch is signed by its gateway",
    Name.KEYS: "no batch is placed after its key was revoked",
    Name.AUDIT: "every change of the registry follows the one before it",
}


class Place(NamedTuple):
    """Where something is; what is not known, or does not apply, is None."""

    file: str | None = None
    offset: int | None = None
    record: int | None = None
    gateway: str | None = None
    epoch: str | None = None
    seq: int | None = None

    def __str__(self) -> str:
        words = (
            f"file {self.file}" if self.file is not None else "",
            f"byte {self.offset}" if self.offset is not None else "",
            f"record {self.record}" if self.record is not None else "",
            f"gateway {self.gateway}" if self.gateway is not None else "",
            f"epoch {self.epoch}" if self.epoch is not None else "",
            f"seq {self.seq}" if self.seq is not None else "",
        )
        return ", ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The first offence of a check."""

    message: str
    place: Place


@dataclass(slots=True, kw_only=True)
class Check:
    """One line of the report."""

    name: Name
    examined: int = 0
    failures: int = 0
    first: Failure | None = None

    def fail(self, message: str, place: Place) -> None:
        """Count an offence and keep the first."""
        self.failures += 1
        if self.first is None:
            self.first = Failure(message=message, place=place)

    @property
    def passed(self) -> bool:
        """Return whether there was no offence."""
        return self.failures == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A finding about a gateway, as SPEC.md section 7 names it; seqs `lo`..`hi`."""

    finding: str
    gateway: str
    epoch: str
    lo: int
    hi: int
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A key that the log says is revoked, by `record` of the segment `file`; `kid` in hex."""

    kid: str
    gateway: str
    site: str
    file: str
    record: int
    requested_by: str
    approved_by: str


@dataclass(slots=True, kw_only=True)
class Report:
    """All of a verification."""

    subject: str
    kind: str
    checks: dict[Name, Check] = field(default_factory=dict)
    findings: list[Noted] = field(default_factory=list)
    finding_count: int = 0
    revocations: list[Revocation] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def check(self, name: Name) -> Check:
        """Return the check, begun if it was not: what was not begun is not reported."""
        return self.checks.setdefault(name, Check(name=name))

    def note(self, noted: Noted) -> None:
        """Add a finding."""
        self.finding_count += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(noted)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a total of the summary."""
        self.counts[what] = self.counts.get(what, 0) + number

    @property
    def passed(self) -> bool:
        """Return whether every check passed."""
        return all(check.passed for check in self.checks.values())

    def in_order(self) -> list[Check]:
        """Return the checks in the order of `Name`."""
        return [self.checks[name] for name in Name if name in self.checks]
