"""Which registers to ask for together: the fewest requests that cover one device's points.

Used by `edge.modbus.learning`. Pure. A request stays within one table, 125 registers or 2000
bits; it reads over at most `max_hole` entries that nobody wants, never over an address that is
known to be refused, and never cuts a value that takes two registers.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate

from domain.profiles.model import PointSpec, RegisterTable
from edge.modbus.frames import MAX_BITS, MAX_REGISTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPoint:
    """One point and the channel that its readings fill."""

    channel: int
    spec: PointSpec

    @property
    def address(self) -> int:
        """Where the point begins."""
        return self.spec.address

    @property
    def end(self) -> int:
        """The first address behind the point."""
        return self.spec.address + self.spec.words


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRead:
    """One request: its points, all of one table, in order of address."""

    points: tuple[PlannedPoint, ...]

    @property
    def table(self) -> RegisterTable:
        """The table that is read."""
        return self.points[0].spec.table

    @property
    def start(self) -> int:
        """The first address that is read."""
        return self.points[0].address

    @property
    def count(self) -> int:
        """How many registers or bits are read."""
        return max(point.end for point in self.points) - self.start

    @property
    def is_single(self) -> bool:
        """Whether all points begin at one address, so that nothing is left to split."""
        return self.points[-1].address == self.start


def plan_reads(
    points: Iterable[PlannedPoint],
    *,
    max_hole: int,
    breaks: AbstractSet[int] = frozenset(),
    refused: AbstractSet[int] = frozenset(),
) -> tuple[PlannedRead, ...]:
    """Return the reads that cover `points`, which are all of one table.

    No read holds points on both sides of an address in `breaks`; a point whose address is in
    `refused` gets a read of its own, and no other read passes over it.
    """
    reads: list[list[PlannedPoint]] = []
    start = end = last = 0
    for point in sorted(points, key=_order):
        is_apart = point.address > last and (
            point.address - end > max_hole
            or point.address in refused
            or last in refused
            or any(start < cut <= point.address for cut in breaks)
        )
        if not reads or is_apart or max(end, point.end) - start > _limit(point.spec.table):
            reads.append([])
            start, end = point.address, 0
        reads[-1].append(point)
        last, end = point.address, max(end, point.end)
    return tuple(PlannedRead(points=tuple(read)) for read in reads)


def split(read: PlannedRead) -> tuple[PlannedRead, PlannedRead]:
    """Return two reads for one: cut at its widest hole, or in the middle when it has none.

    The read is not single; points that begin at one address stay together.
    """
    points = read.points
    ends = tuple(accumulate((point.end for point in points), max))
    cuts = [i for i in range(1, len(points)) if points[i].address > points[i - 1].address]

    def preference(cut: int) -> tuple[int, int]:
        hole = max(0, points[cut].address - ends[cut - 1])
        return hole, -abs(2 * cut - len(points))

    cut = max(cuts, key=preference)
    return PlannedRead(points=points[:cut]), PlannedRead(points=points[cut:])


def _order(point: PlannedPoint) -> tuple[int, int, int]:
    return point.address, point.end, point.channel


def _limit(table: RegisterTable) -> int:
    return MAX_BITS if table.is_bits else MAX_REGISTERS
