"""What can be wrong with the registry; the operator mends it, so every message says how."""

from dataclasses import dataclass


class RegistryError(Exception):
    """Root of everything this package raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportProblem:
    """One mistake in an import file; rows count from 1, a CSV file's header is row 1."""

    file: str
    row: int
    what: str
    remedy: str


class ImportRefusedError(RegistryError):
    """Files that cannot be imported; nothing was changed. Lists every mistake by row."""

    def __init__(self, problems: tuple[ImportProblem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(f"{p.file}:{p.row}: {p.what}; {p.remedy}" for p in problems))


class CodeError(RegistryError):
    """A code that cannot be right; says what is wrong with it and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}; {remedy}")


class IllegalTransitionError(RegistryError):
    """A state that cannot follow; names those that can."""

    def __init__(self, lifecycle: str, old: str, new: str, legal: tuple[str, ...]) -> None:
        self.lifecycle = lifecycle
        self.old = old
        self.new = new
        self.legal = legal
        can = f"from there: {', '.join(legal)}" if legal else "nothing follows it"
        super().__init__(f"a {lifecycle} cannot go from {old} to {new}; {can}")


class UnknownKindError(RegistryError, LookupError):
    """The registry holds no such kind of row."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        self.kind = kind
        self.known = known
        super().__init__(f"unknown kind {kind!r}; use one of {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldProblem:
    """One mistake in the fields of a row."""

    id: str
    field: str
    """Empty for the row as a whole."""
    what: str
    remedy: str


class InvalidFieldsError(RegistryError):
    """Rows that the registry does not take; lists every mistake with its remedy."""

    def __init__(self, kind: str, problems: tuple[FieldProblem, ...]) -> None:
        self.kind = kind
        self.problems = problems
        lines = (
            f"{kind} {p.id} {p.field}".rstrip() + f": {p.what}; {p.remedy}" for p in problems
        )
        super().__init__("\n".join(lines))


class RevocationRefusedError(RegistryError):
    """A revocation that cannot go on; says why and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what = what
        self.remedy = remedy
        super().__init__(f"{what}; {remedy}")


class StoreUnavailableError(RegistryError):
    """The registry's database cannot be reached or opened; try again when it is mended."""

    def __init__(self, database: str, why: str, remedy: str) -> None:
        self.database = database
        self.remedy = remedy
        super().__init__(f"registry database {database}: {why}; {remedy}")


class StoreTooNewError(RegistryError):
    """A later version of this program has changed the tables; this one must not touch them."""

    def __init__(self, database: str, found: str, newest: str) -> None:
        self.database = database
        self.found = found
        self.newest = newest
        super().__init__(
            f"registry database {database} has schema {found}, newer than {newest}; "
            "install the version that wrote it, or a later one"
        )
