"""What can be wrong with the registry; the operator mends it, so every message says how."""

from dataclasses import dataclass
from pathlib import Path


class RegistryError(Exception):
    """Root of everything this package raises on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a registry file."""

    line: int
    what: str
    remedy: str


class RegistryFileError(RegistryError):
    """A registry file that cannot be used; lists every mistake with its line and remedy."""

    def __init__(self, file: Path, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = problems
        super().__init__("\n".join(f"{file}:{p.line}: {p.what}; {p.remedy}" for p in problems))


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
        super().__init__(
            "\n".join(f"{p.file}:{p.row}: {p.what}; {p.remedy}" for p in problems)
        )
