"""Points become the fewest reads that cover them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.profiles.model import Decoder, RegisterTable
from edge.modbus.plan import PlannedPoint, PlannedRead, plan_reads, split
from tests.support.modbus_builders import spec


def points(*addresses: int, decoder: Decoder = Decoder.S16) -> list[PlannedPoint]:
    return [PlannedPoint(channel=a, spec=spec(a, decoder)) for a in addresses]


def extents(reads: tuple[PlannedRead, ...]) -> list[tuple[int, int]]:
    return [(read.start, read.count) for read in reads]


def test_a_hundred_adjacent_registers_are_one_read() -> None:
    assert extents(plan_reads(points(*range(100)), max_hole=0)) == [(0, 100)]


def test_a_read_ends_at_125_registers_and_2000_bits() -> None:
    assert extents(plan_reads(points(*range(126)), max_hole=0)) == [(0, 125), (125, 1)]
    coils = [
        PlannedPoint(channel=a, spec=spec(a, Decoder.BIT, RegisterTable.COIL))
        for a in range(2001)
    ]
    assert extents(plan_reads(coils, max_hole=0)) == [(0, 2000), (2000, 1)]


def test_a_value_of_two_registers_is_never_cut() -> None:
    reads = plan_reads(points(0, *range(1, 126, 2), decoder=Decoder.F32), max_hole=0)
    assert extents(reads) == [(0, 125), (125, 2)]


def test_holes_are_read_over_up_to_the_limit() -> None:
    assert extents(plan_reads(points(0, 11, 23), max_hole=10)) == [(0, 12), (23, 1)]
    assert extents(plan_reads(points(0, 2), max_hole=0)) == [(0, 1), (2, 1)]


def test_points_on_one_register_are_read_once() -> None:
    reads = plan_reads(points(4) + points(4, decoder=Decoder.U32) + points(5), max_hole=0)
    assert extents(reads) == [(4, 2)]
    assert len(reads[0].points) == 3


def test_no_read_crosses_a_break_or_a_refused_address() -> None:
    assert extents(plan_reads(points(*range(6)), max_hole=5, breaks={3})) == [(0, 3), (3, 3)]
    reads = plan_reads(points(*range(6)), max_hole=5, refused={2})
    assert extents(reads) == [(0, 2), (2, 1), (3, 3)]


def test_a_read_is_split_at_its_widest_hole_or_in_the_middle() -> None:
    (with_hole,) = plan_reads(points(0, 1, 2, 9, 13), max_hole=10)
    assert extents(split(with_hole)) == [(0, 3), (9, 5)]
    (full,) = plan_reads(points(*range(8)), max_hole=0)
    assert extents(split(full)) == [(0, 4), (4, 4)]


spots = st.lists(
    st.tuples(st.integers(0, 400), st.sampled_from([Decoder.S16, Decoder.F32])),
    min_size=1,
    max_size=40,
)


@given(spots, st.integers(0, 30), st.frozensets(st.integers(0, 400), max_size=5))
def test_every_point_is_in_exactly_one_read(
    places: list[tuple[int, Decoder]], max_hole: int, refused: frozenset[int]
) -> None:
    wanted = [PlannedPoint(channel=i, spec=spec(a, d)) for i, (a, d) in enumerate(places)]
    reads = plan_reads(wanted, max_hole=max_hole, refused=refused)
    assert sorted(p.channel for r in reads for p in r.points) == list(range(len(wanted)))
    for read in reads:
        assert read.count <= 125
        assert all(
            read.start <= p.address < p.end <= read.start + read.count for p in read.points
        )
        assert read.is_single or not refused & {p.address for p in read.points}
        ends = sorted(read.points, key=lambda p: p.address)
        for i in range(1, len(ends)):
            assert ends[i].address - max(p.end for p in ends[:i]) <= max_hole


@given(st.frozensets(st.integers(0, 300), min_size=1, max_size=12), st.integers(0, 60))
def test_no_plan_has_fewer_reads(addresses: frozenset[int], max_hole: int) -> None:
    ordered = sorted(addresses)
    fewest = [0] + [len(ordered)] * len(ordered)  # by trying every last read of every prefix
    for end in range(1, len(ordered) + 1):
        for start in range(end):
            piece = ordered[start:end]
            fits = piece[-1] - piece[0] < 125 and all(
                b - a - 1 <= max_hole for a, b in pairwise(piece)
            )
            if fits:
                fewest[end] = min(fewest[end], fewest[start] + 1)
    assert len(plan_reads(points(*ordered), max_hole=max_hole)) == fewest[-1]


@given(spots)
def test_a_split_keeps_every_point_and_both_halves_are_smaller(
    places: list[tuple[int, Decoder]],
) -> None:
    wanted = [PlannedPoint(channel=i, spec=spec(a, d)) for i, (a, d) in enumerate(places)]
    for read in plan_reads(wanted, max_hole=120):
        if not read.is_single:
            left, right = split(read)
            assert left.points + right.points == read.points
            assert left.points[-1].address < right.start
