"""Keeps one projection up with the archive, in a thread of its own.

Commit groups arrive through a bounded inbox. Where the inbox has a hole (after a start, an
overflow or a failure) the runner reads the archive itself. A projection that cannot work now is
asked again with growing pauses, for ever: it delays only itself, and catches up by itself.
"""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from cloud.errors import UnavailableError
from cloud.projections.feed import ArchiveReader, CommitGroup
from cloud.projections.inbox import MAX_READINGS_AT_ONCE, MAX_RECORDS_AT_ONCE, Inbox
from device_registry.errors import StoreUnavailableError

FIRST_READ: Final = 256  # records; what is read at once then follows from what was in them
FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 10.0  # how late a projection may notice that its engine is back
JOIN_TIMEOUT_S: Final = 60

_log = logging.getLogger(__name__)


class Projection(Protocol):
    """A view that follows the archive. All methods are called from one thread."""

    name: str

    @property
    def cursor(self) -> int:
        """Return the next archive index to apply."""
        ...

    def apply(self, group: CommitGroup) -> None:
        """Take over `group`, which begins at the cursor, and advance the cursor past it.

        Raises `UnavailableError` when that cannot be done now; then nothing has happened that
        doing it again would do twice.
        """
        ...

    def tick(self, as_of_ms: int) -> None:
        """Let time pass: everything received before `as_of_ms` has been applied."""
        ...


class RunState(StrEnum):
    """How a projection stands to the archive."""

    LIVE = "live"
    BEHIND = "behind"
    WAITING = "waiting"
    """It failed; the next attempt follows a pause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What an operator sees of one projection."""

    name: str
    state: RunState
    cursor: int
    head: int
    """Index that the next archive record will get."""
    applied: int
    """Records applied since the start of the process."""
    failures: int
    """Failed attempts since the last success."""
    error: str
    overflows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pauses:
    """How long to wait after failures: doubled each time, full jitter."""

    first_s: float = FIRST_PAUSE_S
    longest_s: float = LONGEST_PAUSE_S

    def pause_s(self, failures: int, chance: float) -> float:
        """Return the pause after so many failures in a row; `chance` is in 0..1."""
        ceiling_s = min(self.first_s * float(1 << min(failures - 1, 32)), self.longest_s)
        return ceiling_s * (0.5 + chance / 2)


class Runner:
    """Runs one projection between `start` and `stop`."""

    def __init__(
        self, projection: Projection, reader: ArchiveReader, pauses: Pauses | None = None
    ) -> None:
        self._projection = projection
        self._reader = reader
        self._pauses = pauses or Pauses()
        self._chance: Callable[[], float] = random.random
        self._changed = threading.Condition()
        self._inbox = Inbox()  # from here to `_applied` guarded by `_changed`
        self._head = 0
        self._as_of = (0, 0)
        self._stopping = False
        self._failure = ""
        self._failures = 0
        self._applied = 0
        self._ticked_ms = 0  # this and the next: only the thread below touches them
        self._catching_up = CatchingUp(reader)
        self._thread = threading.Thread(target=self._run, name=f"projection-{projection.name}")

    def start(self) -> None:
        """Begin to follow the archive."""
        self._head = self._reader.next_index
        self._thread.start()

    def stop(self) -> None:
        """Finish what is being applied, then end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._thread.join(JOIN_TIMEOUT_S)

    def offer(self, group: CommitGroup) -> None:
        """Take in a commit group; never blocks, never fails."""
        with self._changed:
            if group.records:
                self._inbox.put(group)
                self._head = max(self._head, group.next_index)
            if group.as_of_ms:
                self._as_of = (group.as_of_ms, group.next_index)
            self._changed.notify_all()

    def wait_for(self, index: int, timeout_s: float) -> bool:
        """Return whether everything below `index` is applied within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._projection.cursor >= index, timeout_s)

    @property
    def progress(self) -> Progress:
        """Return how far the projection is."""
        with self._changed:
            cursor, head = self._projection.cursor, self._head
            state = RunState.LIVE if cursor >= head else RunState.BEHIND
            return Progress(
                name=self._projection.name,
                state=RunState.WAITING if self._failures else state,
                cursor=cursor,
                head=head,
                applied=self._applied,
                failures=self._failures,
                error=self._failure,
                overflows=self._inbox.overflows,
            )

    def _run(self) -> None:
        while self._wait_for_work():
            try:
                self._work()
            except (UnavailableError, StoreUnavailableError) as e:
                self._pause(str(e))
            except Exception as e:  # noqa: BLE001
                # a mistake of ours must not take the other projections or ingest with it
                _log.exception("projection %s failed", self._projection.name)
                self._pause(f"{type(e).__name__}: {e}")
            else:
                with self._changed:
                    self._failures, self._failure = 0, ""
                    self._changed.notify_all()

    def _wait_for_work(self) -> bool:
        """Block until there is something to do; False when it is time to end.

        The archive is not asked here: the sequencer may be telling us something while it holds
        a lock that the answer needs.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._has_work())
            return not self._stopping

    def _has_work(self) -> bool:
        if self._projection.cursor < self._head:
            return True
        as_of_ms, needs = self._as_of
        return as_of_ms > self._ticked_ms and self._projection.cursor >= needs

    def _work(self) -> None:
        cursor = self._projection.cursor
        group = self._next_group(cursor)
        if group is not None:
            self._projection.apply(group)
            with self._changed:
                self._applied += len(group.records)
        as_of_ms, needs = self._as_of
        if as_of_ms > self._ticked_ms and self._projection.cursor >= needs:
            self._projection.tick(as_of_ms)
            self._ticked_ms = as_of_ms

    def _next_group(self, cursor: int) -> CommitGroup | None:
        with self._changed:
            group = self._inbox.take(cursor)
            upto = self._inbox.first_index
        if group is None:
            group = self._catching_up.next_group(cursor, upto)
            if not group.records and cursor < self._head:
                raise UnavailableError(f"archive does not give record {cursor} yet")
        return group if group.records else None

    def _pause(self, failure: str) -> None:
        with self._changed:
            self._failures += 1
            self._failure = failure
            pause_s = self._pauses.pause_s(self._failures, self._chance())
            self._changed.wait_for(lambda: self._stopping, pause_s)


class CatchingUp:
    """Reads the archive in groups of about the same number of readings."""

    def __init__(self, reader: ArchiveReader) -> None:
        self._reader = reader
        self._limit = FIRST_READ

    def next_group(self, cursor: int, upto: int | None) -> CommitGroup:
        """Return what follows `cursor`, not beyond `upto`; empty at the end."""
        limit = self._limit if upto is None else min(self._limit, upto - cursor)
        records = self._reader.read_records(cursor, limit)
        readings = sum(r.body.count for r in records if r.body is not None)
        if records:
            fitting = MAX_READINGS_AT_ONCE * len(records) // max(readings, 1)
            self._limit = max(1, min(fitting, 2 * self._limit, MAX_RECORDS_AT_ONCE))
        return CommitGroup(first_index=cursor, records=records)


def catch_up(
    projection: Projection,
    reader: ArchiveReader,
    on_progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> None:
    """Apply everything that the archive holds now, in this thread: what `rebuild` does."""
    head = reader.next_index
    catching_up = CatchingUp(reader)
    while (cursor := projection.cursor) < head:
        projection.apply(catching_up.next_group(cursor, head))
        on_progress(projection.cursor, head)
