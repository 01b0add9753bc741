"""What a device's refusals teach: which addresses it does not have, and where reads must end.

Used by `edge.modbus.agenda`. Pure. A refused read ("illegal data address", or "illegal data
value" from devices that answer few registers at once) is halved and asked again within the same
slot, so that one bad register never costs its neighbours. A register refused alone is put in
quarantine: asked rarely, so that it is found again after a repair or a change of settings. A
device that refuses everything, as some do while they start, is not taken apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from edge.modbus.frames import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from edge.modbus.plan import PlannedPoint, PlannedRead, plan_reads, split

RETRY_MIN_MS: Final = 10_000
RETRY_MAX_MS: Final = 600_000
GIVE_UP_AFTER: Final = 8
"""So many single addresses refused and none answered: the device refuses everything."""
TEACHING_CODES: Final = frozenset({ILLEGAL_ADDRESS, ILLEGAL_VALUE})


@dataclass(slots=True, eq=False)
class _Trial:
    """The refused read from `start` is taken apart; `waiting` pieces have no verdict yet."""

    start: int
    waiting: int = 1
    answered: int = 0
    refused: list[int] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class _Cut:
    """Both halves answered although the whole did not: nothing may be read across."""

    address: int
    answered: int = 0


@dataclass(slots=True, eq=False)
class Piece:
    """A read and what is being learned by it; `retry_ms` is when a quarantine ends."""

    read: PlannedRead
    retry_ms: int = 0
    trial: _Trial | None = None
    cut: _Cut | None = None


class Layout:
    """How one device's points of one table and period are grouped into reads, so far."""

    def __init__(self, points: Iterable[PlannedPoint], max_hole: int) -> None:
        self.is_stale = False
        """Whether `pieces()` would now give other reads than those in use."""
        self._points = tuple(points)
        self._max_hole = max_hole
        self._breaks: set[int] = set()
        self._delays_ms: dict[int, int] = {}  # address in quarantine -> its present delay
        self._retries_ms: dict[int, int] = {}
        self._read_count = 0
        self._trials = 0
        # By the start of a read that was refused down to its last register: until when it is
        # not taken apart again, and for how long that was.
        self._hopeless: dict[int, tuple[int, int]] = {}

    @property
    def is_unsettled(self) -> bool:
        """Whether an answer can teach anything at all; False on a device that is in order."""
        return self.is_stale or self._trials > 0 or bool(self._delays_ms)

    @property
    def can_be_planned(self) -> bool:
        """Whether other reads should be used and no refused one is being taken apart."""
        return self.is_stale and self._trials == 0

    def pieces(self) -> tuple[Piece, ...]:
        """Return the reads to use from now on."""
        self.is_stale = False
        reads = plan_reads(
            self._points,
            max_hole=self._max_hole,
            breaks=self._breaks,
            refused=self._delays_ms.keys(),
        )
        self._read_count = len(reads)
        return tuple(
            Piece(read, retry_ms=self._retries_ms.get(read.start, 0)) for read in reads
        )

    def answered(self, piece: Piece) -> None:
        """Learn from an answer."""
        if piece.read.is_single and self._delays_ms.pop(piece.read.start, None) is not None:
            del self._retries_ms[piece.read.start]
            self.is_stale = True
        if piece.trial is not None:
            piece.trial.answered += 1
        if piece.cut is not None:
            piece.cut.answered += 1
            if piece.cut.answered == 2:
                self._breaks.add(piece.cut.address)
        self._settle(piece, 0)

    def unanswered(self, piece: Piece, now_ms: int) -> None:
        """Note that a piece got no verdict: silence teaches nothing."""
        self._settle(piece, now_ms)

    def refused(self, piece: Piece, code: int, now_ms: int) -> tuple[Piece, ...]:
        """Learn from an exception; return what to ask instead, at once, or nothing."""
        trial = piece.trial
        if code in TEACHING_CODES and piece.read.is_single:
            # The only read of a device costs no neighbour anything.
            if trial is not None or self._read_count > 1:
                self._quarantine(piece, now_ms)
        elif code in TEACHING_CODES and self._may_take_apart(piece, now_ms):
            return self._halves(piece)
        self._settle(piece, now_ms)
        return ()

    def _may_take_apart(self, piece: Piece, now_ms: int) -> bool:
        trial = piece.trial
        if trial is None:
            until_ms, _ = self._hopeless.get(piece.read.start, (0, 0))
            return now_ms >= until_ms
        return trial.answered > 0 or len(trial.refused) < GIVE_UP_AFTER

    def _halves(self, piece: Piece) -> tuple[Piece, Piece]:
        trial, piece.trial, piece.cut = piece.trial, None, None
        if trial is None:
            trial = _Trial(piece.read.start)
            self._trials += 1
        trial.waiting += 1
        left, right = split(piece.read)
        cut = _Cut(right.start)
        return Piece(left, trial=trial, cut=cut), Piece(right, trial=trial, cut=cut)

    def _quarantine(self, piece: Piece, now_ms: int) -> None:
        address = piece.read.start
        delay_ms = _longer(self._delays_ms.get(address, 0))
        self._delays_ms[address] = delay_ms
        self._retries_ms[address] = piece.retry_ms = now_ms + delay_ms
        if piece.trial is not None:
            piece.trial.refused.append(address)

    def _settle(self, piece: Piece, now_ms: int) -> None:
        trial, piece.trial, piece.cut = piece.trial, None, None
        if trial is None:
            return
        trial.waiting -= 1
        if trial.waiting:
            return
        self._trials -= 1
        self.is_stale = True
        if trial.answered or not trial.refused:
            self._hopeless.pop(trial.start, None)
            return
        for address in trial.refused:
            self._delays_ms.pop(address, None)
            self._retries_ms.pop(address, None)
        _, before_ms = self._hopeless.get(trial.start, (0, 0))
        delay_ms = _longer(before_ms)
        self._hopeless[trial.start] = now_ms + delay_ms, delay_ms


def _longer(delay_ms: int) -> int:
    return min(max(2 * delay_ms, RETRY_MIN_MS), RETRY_MAX_MS)
