"""What is wrong when no configuration can be made."""

from collections.abc import Sequence

from device_registry.errors import RegistryError


class CannotConfigureError(RegistryError):
    """The rows do not say how a point is read; one line for each, with the remedy."""

    def __init__(self, gateway: str, problems: Sequence[str]) -> None:
        self.gateway = gateway
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{gateway}: {problem}" for problem in problems))
