"""One bad register never costs its neighbours: what refusals teach."""

from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.modbus.learning import RETRY_MAX_MS, RETRY_MIN_MS, Layout, Piece
from edge.modbus.plan import PlannedPoint, PlannedRead
from tests.support.modbus_builders import spec


class RefusingDevice:
    """Knows which addresses it has and how many it gives at once; counts what it was asked."""

    def __init__(self, missing: Iterable[int] = (), at_once: int = 125) -> None:
        self.missing = set(missing)
        self.at_once = at_once
        self.code = 2
        self.asked = 0

    def code_for(self, read: PlannedRead) -> int:
        self.asked += 1
        wanted = range(read.start, read.start + read.count)
        return self.code if read.count > self.at_once or self.missing & set(wanted) else 0


class Round:
    """Reads everything once, as a poller does in one slot."""

    def __init__(self, layout: Layout, device: RefusingDevice) -> None:
        self.layout = layout
        self.device = device
        self.pieces = list(layout.pieces())

    def run(self, now_ms: int) -> tuple[set[int], set[int]]:
        """Return (channels that gave a value, channels reported without one)."""
        good: set[int] = set()
        bad: set[int] = set()
        waiting = self.pieces[::-1]
        self.pieces = []
        while waiting:
            piece = waiting.pop()
            channels = {point.channel for point in piece.read.points}
            code = self.ask(piece, now_ms)
            instead = self.layout.refused(piece, code, now_ms) if code > 0 else ()
            waiting.extend(reversed(instead))
            if instead:
                continue
            self.pieces.append(piece)
            if code == 0:
                self.layout.answered(piece)
                good |= channels
            else:
                bad |= channels
        if self.layout.can_be_planned:
            self.pieces = list(self.layout.pieces())
        return good, bad

    def ask(self, piece: Piece, now_ms: int) -> int:
        return self.device.code_for(piece.read) if piece.retry_ms <= now_ms else -1


def layout_of(addresses: Iterable[int], max_hole: int = 10) -> Layout:
    points = [PlannedPoint(channel=a, spec=spec(a)) for a in addresses]
    return Layout(points, max_hole)


def test_a_device_in_order_teaches_nothing() -> None:
    layout = layout_of(range(100))
    one = Round(layout, RefusingDevice())
    assert one.run(0) == (set(range(100)), set())
    assert not layout.is_unsettled
    assert one.device.asked == 1


def test_one_bad_register_costs_no_neighbour_and_two_reads_remain() -> None:
    device = RefusingDevice(missing={37})
    one = Round(layout_of(range(100)), device)
    assert one.run(0) == (set(range(100)) - {37}, {37}), "even in the slot that finds it"
    assert device.asked <= 15, "halving takes twice seven steps"
    device.asked = 0
    assert one.run(1000) == (set(range(100)) - {37}, {37})
    assert device.asked == 2
    assert [(p.read.start, p.read.count) for p in one.pieces] == [(0, 37), (37, 1), (38, 62)]


def test_a_quarantined_register_is_asked_rarely_and_found_again() -> None:
    device = RefusingDevice(missing={3})
    one = Round(layout_of(range(8)), device)
    asked: list[int] = []
    for now_ms in range(0, 2_000_000, 1000):
        device.asked = 0
        one.run(now_ms)
        if device.asked == 3:
            asked.append(now_ms)
    gaps = [b - a for a, b in pairwise(asked)]
    assert asked[0] == RETRY_MIN_MS
    assert gaps == sorted(gaps)
    assert gaps[-1] == RETRY_MAX_MS
    device.missing.clear()
    one.run(asked[-1] + RETRY_MAX_MS)
    device.asked = 0
    assert one.run(asked[-1] + RETRY_MAX_MS + 1000) == (set(range(8)), set())
    assert device.asked == 1, "and is read with its neighbours again"


def test_a_hole_that_cannot_be_read_is_learned() -> None:
    device = RefusingDevice(missing={5, 6})
    one = Round(layout_of([0, 1, 4, 7, 9]), device)
    for now_ms in range(0, 5000, 1000):
        device.asked = 0
        assert one.run(now_ms) == ({0, 1, 4, 7, 9}, set())
    assert device.asked == 2


def test_a_device_that_gives_few_registers_at_once_is_learned() -> None:
    device = RefusingDevice(at_once=16)
    device.code = 3
    one = Round(layout_of(range(100)), device)
    for now_ms in range(0, 9000, 1000):
        device.asked = 0
        assert one.run(now_ms) == (set(range(100)), set())
    assert device.asked <= 9


def test_a_device_that_refuses_everything_is_not_taken_apart_for_long() -> None:
    device = RefusingDevice(missing=range(100))
    one = Round(layout_of(range(100)), device)
    assert one.run(0) == (set(), set(range(100)))
    assert device.asked <= 32
    device.asked = 0
    assert one.run(1000) == (set(), set(range(100)))
    assert device.asked == 1, "it is asked as one read again"
    device.missing.clear()
    assert one.run(2000) == (set(range(100)), set()), "and is back as soon as it answers"


def test_a_device_that_goes_on_refusing_everything_is_taken_apart_ever_more_rarely() -> None:
    device = RefusingDevice(missing=range(100))
    one = Round(layout_of(range(100)), device)
    trials = 0
    for now_ms in range(0, 600_000, 1000):
        device.asked = 0
        one.run(now_ms)
        trials += device.asked > 1
    assert 3 <= trials <= 7


def test_the_only_read_of_a_device_is_never_in_quarantine() -> None:
    device = RefusingDevice(missing={0})
    one = Round(layout_of([0]), device)
    assert one.run(0) == (set(), {0})
    device.missing.clear()
    assert one.run(1) == ({0}, set())


def test_other_exceptions_teach_nothing() -> None:
    device = RefusingDevice(missing={4})
    device.code = 6  # busy
    layout = layout_of(range(8))
    one = Round(layout, device)
    assert one.run(0) == (set(), set(range(8)))
    assert device.asked == 1
    assert not layout.is_unsettled


def test_a_silence_within_a_trial_teaches_nothing_and_loses_nothing() -> None:
    layout = layout_of(range(8))
    (whole,) = layout.pieces()
    left, right = layout.refused(whole, 2, 0)
    layout.unanswered(left, 0)
    layout.answered(right)
    assert layout.can_be_planned
    assert [p.read.count for p in layout.pieces()] == [8]


@given(
    st.frozensets(st.integers(0, 60), min_size=1, max_size=40),
    st.frozensets(st.integers(0, 60), max_size=4),
    st.integers(0, 12),
)
def test_whatever_is_missing_every_good_register_is_read_in_every_round(
    wanted: frozenset[int], missing: frozenset[int], max_hole: int
) -> None:
    one = Round(layout_of(wanted, max_hole), RefusingDevice(missing=missing))
    for now_ms in range(0, 6000, 1000):
        one.device.asked = 0
        good, bad = one.run(now_ms)
        if wanted - missing:
            assert good == wanted - missing
        assert good | bad == wanted
    assert one.device.asked <= len(one.pieces), "nothing is left to learn"
