"""The chain: each attack is named, an honest gateway never, in whatever order batches come."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.batch import NO_PREV
from evidence.chain import (
    Action,
    BatchHead,
    ChainState,
    Finding,
    FindingDetail,
    Verdict,
    apply,
    judge,
)
from tests.support.heads import Gateway, head_of


def take(chain: ChainState, head: BatchHead, recv_ms: int | None = None) -> Verdict:
    verdict = judge(chain, head, None, head.body.t0 if recv_ms is None else recv_ms)
    if verdict.action is Action.STORE:
        apply(chain, head)
    return verdict


def take_all(chain: ChainState, heads: Iterable[BatchHead]) -> list[FindingDetail]:
    return [finding for head in heads for finding in take(chain, head).findings]


def names(findings: Iterable[FindingDetail]) -> list[tuple[str, int, int]]:
    return [(f.finding.value + " cleared" * f.cleared, f.lo, f.hi) for f in findings]


def history(n: int, readings: int = 0) -> tuple[Gateway, list[BatchHead]]:
    gateway = Gateway(readings)
    return gateway, [gateway.seal() for _ in range(n)]


def test_an_honest_gateway_raises_nothing_and_is_one_run() -> None:
    gateway = Gateway(readings=20)
    chain = ChainState()
    for n in range(12):
        if n in {4, 5, 9}:
            gateway.restart()
        verdict = take(chain, gateway.seal())
        assert (verdict.action, verdict.run_lo, verdict.findings) == (Action.STORE, 0, ())
    assert chain.gaps() == ()
    assert len(chain.epochs) == 4


def test_a_batch_that_comes_again_is_answered_again_and_stored_once() -> None:
    chain = ChainState()
    _, heads = history(4)
    take_all(chain, heads)
    for head in heads:
        known = head.sha256 if head.body.seq in {1, 2} else None  # the ends are remembered
        verdict = judge(chain, head, known, head.body.t0)
        assert verdict.action is Action.DUPLICATE
        assert names(verdict.findings) == [("duplicate", head.body.seq, head.body.seq)]


def test_the_hash_of_an_archived_batch_must_be_given_when_only_the_archive_knows_it() -> None:
    chain = ChainState()
    _, heads = history(3)
    take_all(chain, heads)
    assert chain.holds(heads[1].body.epoch, 1)
    assert not chain.holds(heads[1].body.epoch, 3)
    assert not chain.holds(b"unknown!", 0)
    with pytest.raises(ValueError, match="seq 1"):
        judge(chain, heads[1], None, 0)


@pytest.mark.parametrize("seq", [0, 1, 2])
def test_one_position_signed_twice_is_a_fork_and_the_first_stands(seq: int) -> None:
    chain = ChainState()
    _, heads = history(3)
    take_all(chain, heads)
    other = head_of(heads[seq].body, b"other")
    verdict = judge(chain, other, heads[seq].sha256, other.body.t0)
    assert verdict.action is Action.FORK
    assert verdict.findings[0].other == heads[seq].sha256
    assert names(verdict.findings) == [("fork", seq, seq)]


def test_a_batch_after_another_predecessor_proves_a_fork_of_that_one() -> None:
    chain = ChainState()
    gateway, heads = history(3)
    take_all(chain, heads)
    stranger = gateway.seal(prev=b"\x01" * 32)
    verdict = take(chain, stranger)
    assert verdict.action is Action.FORK
    assert names(verdict.findings) == [("fork", 2, 2)]
    assert verdict.findings[0].other == heads[2].sha256


def test_a_batch_before_another_successor_proves_a_fork_of_itself() -> None:
    chain = ChainState()
    _, heads = history(3)
    take_all(chain, [heads[0], heads[2]])
    verdict = take(chain, head_of(heads[1].body, b"other"))
    assert verdict.action is Action.FORK
    assert names(verdict.findings) == [("fork", 1, 1)]
    assert names(take(chain, heads[1]).findings) == [("backlog cleared", 1, 1)]


def test_a_gap_opens_as_backlog_and_closes_when_it_is_filled() -> None:
    chain = ChainState()
    _, heads = history(6)
    assert names(take_all(chain, [heads[0], heads[4]])) == [("backlog", 1, 3)]
    assert chain.gaps() == ((heads[0].body.epoch, 1, 3, False),)
    assert names(take(chain, heads[5]).findings) == []
    assert names(take_all(chain, heads[1:4])) == [("backlog cleared", s, s) for s in (1, 2, 3)]
    assert chain.gaps() == ()


def test_a_gap_below_the_outbox_is_a_loss_until_the_card_brings_it() -> None:
    chain = ChainState()
    gateway, heads = history(4)
    take_all(chain, [heads[0], heads[3]])
    gateway.lowest_held = (heads[0].body.epoch, 2)
    epoch = heads[0].body.epoch
    assert chain.gaps() == ((epoch, 1, 2, False),)
    assert names(take(chain, gateway.seal()).findings) == [("loss", 1, 1)]
    assert chain.gaps() == ((epoch, 1, 1, True), (epoch, 2, 2, False))
    gateway.lowest_held = (heads[0].body.epoch, 5)
    assert names(take(chain, gateway.seal()).findings) == [("loss", 2, 2)]
    assert names(take(chain, gateway.seal()).findings) == []
    assert names(take_all(chain, heads[1:3])) == [
        ("loss cleared", 1, 1),
        ("loss cleared", 2, 2),
    ]
    assert chain.gaps() == ()


def test_a_gap_that_opens_below_the_outbox_is_a_loss_at_once() -> None:
    chain = ChainState()
    gateway, heads = history(4)
    take(chain, heads[0])
    gateway.lowest_held = (heads[0].body.epoch, 3)
    assert names(take(chain, gateway.seal()).findings) == [("loss", 1, 2), ("backlog", 3, 3)]


def test_the_end_of_an_epoch_is_missed_when_the_next_one_names_it() -> None:
    chain = ChainState()
    gateway, heads = history(5)
    gateway.restart()
    after = gateway.seal()
    take_all(chain, heads[:3])
    found = take(chain, after).findings
    assert names(found) == [("backlog", 3, 4)]
    assert found[0].epoch == heads[0].body.epoch
    assert names(take_all(chain, heads[3:])) == [("backlog cleared", s, s) for s in (3, 4)]


def test_an_epoch_nobody_saw_is_missed_when_the_next_one_names_it() -> None:
    chain = ChainState()
    gateway, heads = history(2)
    take_all(chain, heads)
    gateway.restart()
    unseen = [gateway.seal(), gateway.seal()]
    gateway.restart()
    found = take(chain, gateway.seal()).findings
    assert (names(found), found[0].epoch) == ([("backlog", 0, 1)], unseen[0].body.epoch)
    assert take_all(chain, reversed(unseen))
    assert chain.gaps() == ()


def test_an_outbox_that_starts_in_a_later_epoch_has_lost_what_is_missing_before() -> None:
    chain = ChainState()
    gateway, heads = history(4)
    take_all(chain, heads[:2])
    gateway.restart()
    middle = gateway.seal()
    gateway.restart()
    after = gateway.seal()
    assert names(take(chain, after).findings) == [("backlog", 0, 0)]
    gateway.lowest_held = (after.body.epoch, 0)
    assert names(take(chain, gateway.seal()).findings) == [("loss", 0, 0)]
    # Only now is it known that the lost epoch had continued from the first one.
    assert names(take(chain, middle).findings) == [("loss cleared", 0, 0), ("loss", 2, 3)]


def test_two_cards_with_one_history_are_a_branch_and_both_are_stored() -> None:
    chain = ChainState()
    gateway, heads = history(3)
    clone = gateway.copy()
    gateway.restart()
    clone.restart()
    take_all(chain, heads)
    assert names(take(chain, gateway.seal()).findings) == []
    verdict = take(chain, clone.seal())
    assert verdict.action is Action.STORE
    assert names(verdict.findings) == [("branch", 0, 0)]
    assert verdict.findings[0].other == gateway.sealed[-1].body.epoch


def test_a_card_restored_from_a_backup_is_a_branch() -> None:
    chain = ChainState()
    gateway, heads = history(3)
    backup = gateway.copy()
    take_all(chain, [*heads, gateway.seal(), gateway.seal()])
    backup.restart()
    found = take(chain, backup.seal()).findings
    assert names(found) == [("branch", 0, 0)]
    assert found[0].other == heads[0].body.epoch


def test_a_branch_is_found_when_the_older_side_arrives_last() -> None:
    chain = ChainState()
    gateway, heads = history(3)
    backup = gateway.copy()
    late = gateway.seal()
    backup.restart()
    restored = backup.seal()
    take_all(chain, [*heads, restored])
    found = take(chain, late).findings
    assert names(found) == [("branch", 0, 0)]
    assert (found[0].epoch, found[0].other) == (restored.body.epoch, late.body.epoch)
    assert names(take(chain, gateway.seal()).findings) == []


def test_a_wiped_outbox_is_a_branch_from_nothing() -> None:
    chain = ChainState()
    _, heads = history(3)
    take_all(chain, heads)
    fresh = Gateway()
    found = take(
        chain, fresh.seal(epoch=b"wiped--1", t0=heads[2].body.t0 + 1, mono_ms=1)
    ).findings
    assert names(found) == [("branch", 0, 0)]
    assert found[0].other == heads[0].body.epoch


def test_a_new_epoch_after_another_version_of_its_parent_names_the_fork_and_is_stored() -> None:
    chain = ChainState()
    gateway, heads = history(2)
    gateway.restart()
    after = gateway.seal(prev=b"\x05" * 32)
    take_all(chain, heads)
    verdict = take(chain, after)
    assert verdict.action is Action.STORE
    assert names(verdict.findings) == [("fork", 1, 1)]
    other_order = ChainState()
    assert ("fork", 1, 1) in names(take_all(other_order, [heads[0], after, heads[1]]))


def test_readings_that_vanish_between_neighbours_are_counted() -> None:
    chain = ChainState()
    gateway, heads = history(3, readings=20)
    take_all(chain, heads)
    found = take(chain, gateway.seal(readings_total=75)).findings
    assert [(f.finding, f.amount) for f in found] == [(Finding.COUNT, -5)]


def test_the_first_batch_of_an_epoch_counts_from_zero() -> None:
    gateway = Gateway(readings=20)
    found = take(ChainState(), gateway.seal(readings_total=21)).findings
    assert [(f.finding, f.amount) for f in found] == [(Finding.COUNT, 1)]


def test_dropped_readings_are_never_taken_back() -> None:
    chain = ChainState()
    gateway = Gateway()
    assert take_all(chain, [gateway.seal(dropped_total=5), gateway.seal(dropped_total=9)]) == []
    found = take(chain, gateway.seal(dropped_total=8)).findings
    assert [(f.finding, f.amount) for f in found] == [(Finding.COUNT, -1)]


CLOCKS = {
    "10 min back": ({"t0": -600_000}, "clock-back", -600_000),
    "30 s back": ({"t0": -30_000}, "clock-back", -30_000),
    "an hour ahead": ({"t0": 3_600_000}, "clock-jump", 3_600_000),
    "monotonic clock runs back": ({"mono_ms": -120_000}, "clock-back", -60_000),
    "both clocks back together": (
        {"t0": -600_000, "mono_ms": -600_000},
        "clock-back",
        -540_000,
    ),
    "drift of 5 s": ({"t0": 5_000}, None, 0),
    "drift of -5 s": ({"t0": -5_000}, None, 0),
    "drift over 5 s": ({"t0": 5_001}, "clock-jump", 5_001),
    "drift under -5 s": ({"t0": -5_001}, "clock-back", -5_001),
}


@pytest.mark.parametrize(("shift", "name", "amount"), CLOCKS.values(), ids=CLOCKS.keys())
@pytest.mark.parametrize("late", [False, True], ids=["in order", "filled later"])
def test_a_moved_clock_is_named_in_any_order(
    shift: dict[str, int], name: str | None, amount: int, *, late: bool
) -> None:
    gateway = Gateway()
    heads = [gateway.seal(mono_ms=10**9, t0=10**12)]
    moved = {"mono_ms": 10**9 + 60_000, "t0": 10**12 + 60_000}
    heads.append(gateway.seal(**{k: v + shift.get(k, 0) for k, v in moved.items()}))
    heads.append(
        gateway.seal(mono_ms=heads[1].body.mono_ms + 60_000, t0=heads[1].body.t0 + 60_000)
    )
    order = [heads[0], heads[2], heads[1]] if late else heads
    found = [f for f in take_all(ChainState(), order) if f.finding is not Finding.BACKLOG]
    assert [(f.finding, f.amount) for f in found] == ([] if name is None else [(name, amount)])


def test_the_first_synchronisation_may_move_the_clock_and_no_other_may() -> None:
    for before, after, expected in ((0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 2, 1)):
        gateway = Gateway()
        heads = [gateway.seal(sync=before), gateway.seal(sync=after, t0=2 * 10**12)]
        assert len(take_all(ChainState(), heads)) == expected


def test_two_batches_sealed_in_one_millisecond_are_no_finding() -> None:
    gateway = Gateway()
    heads = [gateway.seal(mono_ms=5, t0=10**12), gateway.seal(mono_ms=5, t0=10**12)]
    assert take_all(ChainState(), heads) == []


def test_a_boot_counter_that_goes_back_tells_how_far_the_clock_went() -> None:
    gateway = Gateway()
    heads = [gateway.seal(boot=7, t0=10**12), gateway.seal(boot=6, t0=10**12 + 5)]
    assert [(f.finding, f.amount) for f in take_all(ChainState(), heads)] == [("clock-back", 5)]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"boot": 8, "t0": 0, "sync": 0}, "clock-back"),
        ({"boot": 6}, "clock-back"),
        ({"boot": 8, "mono_ms": 0}, None),
        ({"boot": 8, "t0": 3 * 10**12, "mono_ms": 0}, None),
    ],
    ids=["1970 after a boot", "boot counter back", "reboot", "off for years"],
)
def test_the_clock_is_followed_across_restarts_in_any_order(
    fields: dict[str, int], name: str | None
) -> None:
    for late in (False, True):
        gateway, heads = history(2)
        gateway.restart()
        heads.append(gateway.seal(**fields))
        order = [heads[0], heads[2], heads[1]] if late else heads
        found = [f for f in take_all(ChainState(), order) if f.finding is not Finding.BACKLOG]
        assert [f.finding for f in found] == ([] if name is None else [name])


def test_a_batch_from_the_future_is_named() -> None:
    _, heads = history(1)
    t0 = heads[0].body.t0
    assert take(ChainState(), heads[0], t0 - 120_000).findings == ()
    found = take(ChainState(), heads[0], t0 - 120_001).findings
    assert [(f.finding, f.amount) for f in found] == [(Finding.FUTURE, 120_001)]


def test_a_leaf_names_the_run_that_its_proof_covers() -> None:
    chain = ChainState()
    _, heads = history(7)
    order = [0, 1, 4, 5, 2, 3, 6]
    runs = {n: take(chain, heads[n]).run_lo for n in order}
    assert runs == {0: 0, 1: 0, 4: 4, 5: 4, 2: 0, 3: 0, 6: 0}


def test_a_new_log_proves_only_what_it_holds() -> None:
    chain = ChainState()
    gateway, heads = history(8)
    take_all(chain, [heads[n] for n in (0, 1, 4)])
    chain.start_new_log()
    assert [take(chain, heads[n]).run_lo for n in (5, 2, 6, 3, 7)] == [5, 2, 5, 2, 5]
    assert take(chain, gateway.seal()).run_lo == 5


def test_a_signed_circle_of_epochs_ends() -> None:
    chain = ChainState()
    gateway = Gateway()
    first = gateway.seal(epoch=b"circle-1", prev=b"\x01" * 32, parent=(b"circle-2", 0))
    gateway.restart()
    second = gateway.seal(epoch=b"circle-2", prev=first.sha256, parent=(b"circle-1", 0))
    lowest = gateway.seal(lowest_held=(b"circle-2", 1))
    again = gateway.seal(lowest_held=(b"circle-1", 0))
    take_all(chain, [first, second, lowest, again])
    assert len(chain.epochs) == 2


@st.composite
def histories(draw: st.DrawFn) -> list[BatchHead]:
    """An honest gateway that restarts and frees its outbox, its batches in any order."""
    gateway = Gateway(readings=draw(st.sampled_from([0, 8])))
    for _ in range(draw(st.integers(1, 14))):
        if draw(st.integers(0, 4)) == 0:
            gateway.restart()
        if gateway.sealed and draw(st.integers(0, 3)) == 0:
            low = draw(st.sampled_from(gateway.sealed)).body
            gateway.lowest_held = (low.epoch, low.seq)
        gateway.seal()
    return draw(st.permutations(gateway.sealed))


@given(histories())
def test_an_honest_history_in_any_order_ends_whole_and_without_an_accusation(
    heads: list[BatchHead],
) -> None:
    chain = ChainState()
    found = {f.finding for f in take_all(chain, heads)}
    assert found <= {Finding.BACKLOG, Finding.LOSS}
    assert chain.gaps() == ()
    assert not chain.holed
    assert {e: [(r.lo, r.hi) for r in s.runs] for e, s in chain.epochs.items()} == {
        e: [(0, max(h.body.seq for h in heads if h.body.epoch == e))] for e in chain.epochs
    }


@given(histories(), st.data())
def test_the_findings_told_one_by_one_add_up_to_the_gaps(
    heads: list[BatchHead], data: st.DataObject
) -> None:
    chain = ChainState()
    told: dict[tuple[bytes, int], bool] = {}
    for head in heads:
        if data.draw(st.booleans()):
            continue  # held back for ever
        for f in take(chain, head).findings:
            for seq in range(f.lo, f.hi + 1):
                if f.cleared:
                    assert told.pop((f.epoch, seq)) == (f.finding is Finding.LOSS)
                else:
                    told[f.epoch, seq] = f.finding is Finding.LOSS
        gaps = {(g.epoch, seq): g.lost for g in chain.gaps() for seq in range(g.lo, g.hi + 1)}
        assert told == gaps


@given(histories(), st.data())
def test_judging_changes_nothing(heads: list[BatchHead], data: st.DataObject) -> None:
    chain = ChainState()
    for head in heads:
        before = repr(chain)
        once = judge(chain, head, None, head.body.t0)
        assert judge(chain, head, None, head.body.t0) == once
        assert repr(chain) == before
        apply(chain, head)


@given(histories(), st.data())
def test_any_other_batch_in_a_place_of_a_full_history_is_a_fork(
    heads: list[BatchHead], data: st.DataObject
) -> None:
    chain = ChainState()
    take_all(chain, heads)
    real = data.draw(st.sampled_from(heads))
    fake = head_of(replace(real.body, t0=real.body.t0 + 1), b"fake")
    assert judge(chain, fake, real.sha256, fake.body.t0).action is Action.FORK


def test_the_start_of_a_chain_links_to_nothing() -> None:
    _, heads = history(1)
    assert heads[0].body.prev == NO_PREV
