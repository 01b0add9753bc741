"""Which configuration is in force: newer ones only, one trial at a time, back when it fails."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.configuration import Stage
from gateway_firmware_py.configuring import trial as module
from gateway_firmware_py.configuring.store import decode_kept, encode_kept
from gateway_firmware_py.configuring.trial import (
    MAX_STARTS,
    Before,
    Kept,
    OnTrial,
    Patience,
    Say,
    Seen,
    Settled,
    Take,
    Version,
    begin,
    consider,
    in_force,
    judge,
    refuse,
    roll_back,
    standing,
    started,
)

PATIENCE = Patience(least_ms=5_000, poll_ms=30_000, link_ms=60_000)
WORKED = Before(polled=True, linked=True)


def version(number: int, content: str = "") -> Version:
    return Version(number=number, sha256=f"{content}{number}".encode().ljust(32, b"."))


def seen(after_ms: int, *, polled: bool = False, linked: bool = False) -> Seen:
    return Seen(polled=polled, linked=linked, after_ms=after_ms)


V1, V2, V3 = version(1), version(2), version(3)
TRIAL = begin(Settled(current=V1), V2, WORKED)


def test_a_newer_version_is_taken_and_an_older_one_is_answered() -> None:
    kept = Settled(current=V2)
    assert consider(kept, V3) == Take()
    answer = consider(kept, V1)
    assert isinstance(answer, Say)
    assert answer.standing.stage is Stage.ROLLED_BACK
    assert "versions only rise" in answer.standing.reason


def test_the_version_in_force_is_acknowledged_again_and_never_tried_twice() -> None:
    answer = consider(Settled(current=V2), V2)
    assert isinstance(answer, Say)
    assert (answer.standing.version, answer.standing.stage) == (2, Stage.APPLIED)


def test_another_document_under_the_same_number_is_refused() -> None:
    answer = consider(Settled(current=V2), version(2, "other"))
    assert isinstance(answer, Say)
    assert answer.standing.sha256 == version(2, "other").sha256
    assert answer.standing.stage is Stage.ROLLED_BACK


def test_a_version_that_was_rolled_back_is_not_tried_again() -> None:
    kept = roll_back(TRIAL, "no point gave a value")
    answer = consider(kept, V2)
    assert isinstance(answer, Say)
    assert answer.standing.reason == "no point gave a value"
    assert consider(kept, V3) == Take()


def test_during_a_trial_nothing_else_is_taken() -> None:
    answer = consider(TRIAL, V3)
    assert isinstance(answer, Say)
    assert (answer.standing.version, answer.standing.stage) == (2, Stage.TRIAL)


def test_a_trial_ends_well_when_what_worked_works_again_but_not_at_once() -> None:
    both = {"polled": True, "linked": True}
    assert judge(TRIAL, seen(4_999, **both), PATIENCE) == TRIAL
    assert judge(TRIAL, seen(5_000, **both), PATIENCE) == Settled(current=V2, previous=V1)


@pytest.mark.parametrize(
    ("what", "after_ms", "reason"),
    [
        ({"linked": True}, 30_000, "no point gave a value within 30 s"),
        ({"polled": True}, 60_000, "the cloud could not be reached within 60 s"),
    ],
)
def test_a_trial_is_rolled_back_with_its_reason_when_it_is_due(
    what: dict[str, bool], after_ms: int, reason: str
) -> None:
    assert judge(TRIAL, seen(after_ms - 1, **what), PATIENCE) == TRIAL
    kept = judge(TRIAL, seen(after_ms, **what), PATIENCE)
    assert isinstance(kept, Settled)
    assert kept.current == V1
    assert kept.refused is not None
    assert kept.refused.reason == reason


def test_what_did_not_work_before_is_not_asked_of_a_trial() -> None:
    trial = begin(Settled(), V1, Before(polled=False, linked=False))
    assert judge(trial, seen(5_000), PATIENCE) == Settled(current=V1)


def test_a_program_that_keeps_ending_under_a_trial_goes_back() -> None:
    kept: Kept = TRIAL
    for _ in range(MAX_STARTS):
        kept = started(kept)
        assert in_force(kept) == V2
    kept = started(kept)
    assert in_force(kept) == V1
    said = standing(refuse(Settled(), V2, "x"))
    assert said is not None
    assert said.stage is Stage.ROLLED_BACK


def test_a_refusal_changes_nothing_but_what_is_said() -> None:
    kept = refuse(Settled(current=V1), V2, "line 3")
    assert in_force(kept) == V1
    said = standing(kept)
    assert said is not None
    assert (said.version, said.stage) == (1, Stage.APPLIED)


versions = st.builds(
    Version, number=st.integers(0, 9), sha256=st.binary(min_size=32, max_size=32)
)
moves = st.one_of(
    st.tuples(st.just("offer"), st.integers(0, 9)),
    st.tuples(st.just("start"), st.just(0)),
    st.tuples(st.just("well"), st.just(0)),
    st.tuples(st.just("badly"), st.just(0)),
)


@given(st.lists(moves, max_size=40))
def test_versions_only_rise_and_every_state_survives_the_disk(
    steps: list[tuple[str, int]],
) -> None:
    kept: Kept = Settled()
    tried: list[int] = []
    for step, number in steps:
        kept = decode_kept(encode_kept(kept))
        match step, kept:
            case "offer", _:
                if consider(kept, version(number)) == Take():
                    assert isinstance(kept, Settled)
                    tried.append(number)
                    kept = begin(kept, version(number), WORKED)
            case "start", _:
                kept = started(kept)
            case "well", OnTrial():
                kept = judge(kept, seen(5_000, polled=True, linked=True), PATIENCE)
            case "badly", OnTrial():
                kept = judge(kept, seen(60_000), PATIENCE)
            case _:
                pass
    assert tried == sorted(set(tried))


def test_the_diagram_names_the_states_there_are() -> None:
    text = Path(module.__file__).read_text()
    diagram = text.partition("```mermaid")[2].partition("```")[0]
    states = set(re.findall(r"(\w+) -->", diagram))
    assert states == {Settled.__name__, OnTrial.__name__}
