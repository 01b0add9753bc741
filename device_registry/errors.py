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
