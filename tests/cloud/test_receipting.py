"""What a checkpoint owes: one proof per run, every route its share."""

from hypothesis import given
from hypothesis import strategies as st

from cloud.archive.ledger import Placed
from cloud.archive.receipting import RUNS_PER_RECEIPT, Owed, Receipting, receipts
from cloud.ingest.accept import check
from cloud.ingest.delivery import Checked, Delivery
from cloud.ingest.keyring import Keyring
from evidence.receipt import ReceiptSigner, claimed_runs
from tests.support.routes import RecordingRoute
from tests.support.sequencing import LOG_KEY
from tests.support.signing import SigningGateway, registry_of

GATEWAY = SigningGateway()
BATCHES = GATEWAY.batches(100)
KEYRING = Keyring(registry_of(GATEWAY))
SIGNED = ReceiptSigner("x", LOG_KEY).checkpoint(1000, bytes(32), 0)


def _placed(seq: int, lo: int, route: RecordingRoute) -> Placed:
    checked = check(Delivery(BATCHES[seq], "https", route), KEYRING)
    assert isinstance(checked, Checked)
    return Placed(checked, 0, seq + 1, lo)


def _owed(*batches: tuple[int, int]) -> Owed:
    receipting = Receipting()
    route = RecordingRoute()
    for seq, lo in batches:
        receipting.add(_placed(seq, lo, route))
    (owed,) = receipting.take().values()
    return owed


def _runs(owed: Owed) -> list[tuple[int, int]]:
    made = receipts(owed, SIGNED, lambda _: [])
    return [(run.lo, run.hi) for receipt in made for run in claimed_runs(receipt)]


def test_of_batches_that_follow_each_other_only_the_last_is_proven() -> None:
    assert _runs(_owed(*((seq, 0) for seq in range(50)))) == [(0, 49)]


def test_runs_apart_are_proven_apart() -> None:
    assert sorted(_runs(_owed((0, 0), (5, 5), (6, 5), (9, 9)))) == [(0, 0), (5, 6), (9, 9)]


def test_a_filled_gap_is_covered_by_the_leaf_that_covers_it() -> None:
    assert _runs(_owed((2, 2), (1, 1), (0, 0), (3, 0))) == [(0, 3)]


def test_many_runs_are_cut_into_receipts_of_a_bounded_size() -> None:
    owed = _owed(*((seq, seq) for seq in range(0, 100, 2)))
    made = list(receipts(owed, SIGNED, lambda _: [bytes(32)] * 40))
    assert len(made) == 2
    assert [len(list(claimed_runs(m))) for m in made] == [
        RUNS_PER_RECEIPT,
        50 - RUNS_PER_RECEIPT,
    ]


def test_every_route_is_told_how_many_of_its_batches_are_settled() -> None:
    receipting = Receipting()
    one, two = RecordingRoute(), RecordingRoute()
    for seq, route in enumerate((one, two, one)):
        receipting.add(_placed(seq, 0, route))
    (owed,) = receipting.take().values()
    assert owed.routes == {one: 2, two: 1}
    assert receipting.take() == {}


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30))
def test_every_batch_is_covered_by_some_proof(places: list[tuple[int, int]]) -> None:
    batches = [(max(a, b), min(a, b)) for a, b in places]
    runs = _runs(_owed(*batches))
    assert all(any(lo <= seq <= hi for lo, hi in runs) for seq, _ in batches)
