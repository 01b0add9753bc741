"""A disk on which the process dies at the n-th call that would change it."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from evidence.disk import Disk

CHANGING = ("open", "pwrite", "fsync", "rename", "unlink")


class Killed(BaseException):
    """The process ended here."""


@dataclass(slots=True)
class CrashingDisk:
    """Lets `calls` changes pass, then kills: after the last of them, before the next."""

    under: Disk
    calls: int
    made: int = 0

    def disk(self) -> Disk:
        changed = {name: self._counted(getattr(self.under, name)) for name in CHANGING}
        kept = {f.name: getattr(self.under, f.name) for f in fields(Disk)}
        return Disk(**{**kept, **changed})

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:  # noqa: ANN401
            self.made += 1
            if self.made > self.calls:
                raise Killed
            return call(*arguments)

        return counted
