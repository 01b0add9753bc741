"""Imports lines into the registry: everything in one change, or nothing.

A dry run does the same and takes it back, so that what it says is what will happen.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from device_registry.errors import (
    IllegalTransitionError,
    ImportProblem,
    ImportRefusedError,
    InvalidFieldsError,
)
from device_registry.interchange.lines import Line
from device_registry.kinds.catalogue import KINDS
from device_registry.store.change import Change
from device_registry.store.row import Actor
from device_registry.store.store import RegistryStore

MAX_PROBLEMS: Final = 1000
WHY: Final = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many things of each kind are new, changed, or as they were."""

    new: Mapping[str, int]
    changed: Mapping[str, int]
    same: Mapping[str, int]


class _DryRun(Exception):  # noqa: N818 - no error: it takes the change back
    pass


def import_lines(
    store: RegistryStore,
    lines: Iterable[Line],
    actor: Actor,
    at_ms: int,
    *,
    apply: bool,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Import the lines, or say what would happen.

    Raises:
        ImportRefusedError: lists every mistake by file and row; nothing was changed.
    """
    importing = _Importing()
    try:
        with store.change(actor, WHY, at_ms) as change:
            for done, line in enumerate(in_order(lines), start=1):
                importing.take(change, line)
                on_progress(done)
            if importing.problems:
                raise ImportRefusedError(tuple(importing.problems))
            if not apply:
                raise _DryRun
    except _DryRun:
        pass
    return importing.outcome()


def in_order(lines: Iterable[Line]) -> Sequence[Line]:
    """Return the lines so that what is referred to comes first."""
    rank = {kind: place for place, kind in enumerate(KINDS)}
    return sorted(lines, key=lambda line: rank[line.kind])


class _Importing:
    def __init__(self) -> None:
        self.problems: list[ImportProblem] = []
        self._counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("new", "changed", "same")
        }

    def take(self, change: Change, line: Line) -> None:
        if len(self.problems) >= MAX_PROBLEMS:
            return
        before = change.get(line.kind, line.id)
        try:
            after = change.put(line.kind, line.id, **line.fields)
        except InvalidFieldsError as error:
            self.problems += [
                line.problem(f"{p.field}: {p.what}" if p.field else p.what, p.remedy)
                for p in error.problems
            ]
            return
        except IllegalTransitionError as error:
            self.problems.append(line.problem(str(error), "leave state out, or move it legally"))
            return
        name = "new" if before is None else "same" if after == before else "changed"
        self._counts[name][line.kind] += 1

    def outcome(self) -> Outcome:
        return Outcome(**{name: dict(counts) for name, counts in self._counts.items()})
