"""Imports lines into the registry: everything in one change, or nothing.

A dry run does the same and takes it back, so that what it says is what will happen.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from device_registry.errors import (
    IllegalTransitionError,
    ImportProblem,
    ImportRefusedError,
    InvalidFieldsError,
)
from device_registry.interchange.lines import Line
from device_registry.kinds.catalogue import KINDS
from device_registry.store.audit import Actor
from device_registry.store.change import Change
from device_registry.store.store import RegistryStore

CHUNK: Final = 2_000
MAX_PROBLEMS: Final = 1_000
WHY: Final = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How many things of each kind are in the files, and how many of them were changed."""

    read: Mapping[str, int]
    written: Mapping[str, int]


class _DryRun(Exception):  # noqa: N818 - no error: it takes the change back
    pass


def import_lines(
    store: RegistryStore,
    lines: Iterable[Line],
    actor: Actor,
    *,
    apply: bool,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Outcome:
    """Import the lines, or say what would happen.

    Raises:
        ImportRefusedError: lists every mistake by file and row; nothing was changed.
    """
    importing = _Importing()
    with suppress(_DryRun), store.change(actor, WHY, store.now_ms()) as change:
        for done, (kind, chunk) in chunks(lines):
            importing.take(change, kind, chunk)
            on_progress(done)
        importing.finish(apply=apply)
    return Outcome(read=importing.read, written=importing.written)


def chunks(lines: Iterable[Line]) -> Iterable[tuple[int, tuple[str, Sequence[Line]]]]:
    """Yield how many lines are done with each chunk, its kind and its lines.

    What is referred to comes first; a line said twice waits for the next chunk.
    """
    by_kind: dict[str, list[Line]] = {kind: [] for kind in KINDS}
    for line in lines:
        by_kind[line.kind].append(line)
    done = 0
    for kind, waiting in by_kind.items():
        for start in range(0, len(waiting), CHUNK):
            chunk = waiting[start : start + CHUNK]
            done += len(chunk)
            yield done, (kind, chunk)


@dataclass(slots=True)
class _Importing:
    problems: list[ImportProblem] = field(default_factory=list)
    read: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)

    def finish(self, *, apply: bool) -> None:
        """Leave the change by an error unless everything was right and is meant."""
        if self.problems:
            raise ImportRefusedError(tuple(self.problems[:MAX_PROBLEMS]))
        if not apply:
            raise _DryRun

    def take(self, change: Change, kind: str, lines: Sequence[Line]) -> None:
        by_id = {line.id: line for line in lines}
        before = len(change.seqs)
        self.read[kind] = self.read.get(kind, 0) + len(lines)
        try:
            change.put_many(kind, [{**line.fields, "id": line.id} for line in lines])
        except InvalidFieldsError as error:
            self.problems += [
                by_id[p.id].problem(f"{p.field}: {p.what}" if p.field else p.what, p.remedy)
                for p in error.problems
            ]
        except IllegalTransitionError as error:
            remedy = "leave state out, or move it legally"
            self.problems.append(lines[0].problem(str(error), remedy))
        self.written[kind] = self.written.get(kind, 0) + len(change.seqs) - before
