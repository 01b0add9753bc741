"""What is wrong when no configuration can be made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from device_registry.errors import RegistryError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong; `key` and `values` say it to people in any language."""

    key: str
    said: str
    """The sentence for logs and the command line, with the remedy."""
    values: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the sentence."""
        return self.said


class CannotConfigureError(RegistryError):
    """The rows do not say how a point is read; one line for each, with the remedy."""

    def __init__(self, gateway: str, problems: Sequence[Problem]) -> None:
        self.gateway = gateway
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{gateway}: {problem}" for problem in problems))
