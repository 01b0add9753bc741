"""What the pages of people and the audit trail show; built by `cloud.people_pages`.

`problem` and `done` are ends of message keys `people.problem_…` and `people.done_…`, "" for
none. Times are Unix ms.
"""

from dataclasses import dataclass
from typing import TypeAlias

from dashboards.models import Name


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One account in the list."""

    id: str
    name: str
    organisation: Name
    state: str
    roles: tuple[Name, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeoplePage:
    """Every account that the viewer may see."""

    now_ms: int
    people: tuple[PersonRow, ...]
    search: str
    more: str
    """Id after which the list goes on, "" at its end."""
    can_add: bool
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldGrant:
    """A role that an account holds, and where."""

    id: str
    title: Name
    over: Name | None
    region: Name | None
    subject_class: str
    until_ms: int | None
    work_order: str
    can_end: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRow:
    """An API token."""

    id: str
    label: str
    until_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonPage:
    """One account, with what the viewer may change of it."""

    now_ms: int
    csrf: str
    id: str
    name: str
    organisation: Name
    state: str
    phone: str
    phone_until_ms: int | None
    """Until when the number counts as the person's own; None when it was never proven."""
    has_totp: bool
    grants: tuple[HeldGrant, ...]
    tokens: tuple[TokenRow, ...]
    grantable: tuple[tuple[str, Name], ...]
    """Roles that the viewer may give."""
    classes: tuple[str, ...]
    organisations: tuple[tuple[str, Name], ...]
    """Ids and names that the form suggests."""
    can_manage: bool
    one_time: str = ""
    """A new password, shown once."""
    problem: str = ""
    done: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPersonPage:
    """The form of a new account."""

    now_ms: int
    csrf: str
    organisation: str
    login: str = ""
    name: str = ""
    phone: str = ""
    organisations: tuple[tuple[str, Name], ...] = ()
    """Ids and names that the form suggests."""
    problem: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value as it is shown: a name, words (message keys), a time, or the stored text."""

    text: str = ""
    words: tuple[str, ...] = ()
    at_ms: int | None = None
    name: Name | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is none."""
        return not (self.text or self.words or self.name) and self.at_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """One field of a change."""

    field: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One entry of the audit trail."""

    seq: int
    at_ms: int
    actor: str
    role: Name | None
    via: str
    device: str
    kind: str
    id: str
    is_end: bool
    changes: tuple[Changed, ...]
    why: str
    log_index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """The audit trail, the newest first."""

    now_ms: int
    entries: tuple[AuditRow, ...]
    before: int
    """Number before which the list goes on, 0 at its end."""
    kind: str = ""
    id: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProof:
    """Where the log has an entry, and what proves it; bytes as hex."""

    is_ok: bool
    """Whether every step was checked and held."""
    sha256: str
    record: str
    """The archived record itself, from which the leaf is computed."""
    log_origin: str
    log_key: str
    leaf_index: int
    leaf_hash: str
    tree_size: int
    root: str
    path: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntryPage:
    """One entry with its proof; None while the log does not have it."""

    now_ms: int
    entry: AuditRow
    hash: str
    prev_hash: str
    proof: EntryProof | None
    query: str = ""


TrailPage: TypeAlias = PeoplePage | PersonPage | NewPersonPage | AuditPage | AuditEntryPage
