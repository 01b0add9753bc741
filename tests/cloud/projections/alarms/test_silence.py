"""Who does not come: found at the due time, once, and never for the server's own absence."""

import json

from hypothesis import given
from hypothesis import strategies as st

from cloud.projections.alarms.silence import (
    ASK_AGAIN_MS,
    START_GRACE_MS,
    SilenceChange,
    SilenceWatch,
)

LIMIT_MS = 100


def begun(at_ms: int = 0) -> SilenceWatch:
    watch = SilenceWatch()
    watch.begin(at_ms)
    return watch


def test_silence_begins_after_the_limit_and_ends_when_heard() -> None:
    watch = begun()
    assert watch.heard("gw", LIMIT_MS, 50) is None
    assert list(watch.due(150)) == []
    assert list(watch.due(151)) == [SilenceChange("gw", began=True, since_ms=50, at_ms=150)]
    assert list(watch.due(999)) == []
    assert watch.is_silent("gw")
    ended = watch.heard("gw", LIMIT_MS, 1000)
    assert ended == SilenceChange("gw", began=False, since_ms=50, at_ms=1000)
    assert (watch.is_silent("gw"), watch.last_heard_ms("gw")) == (False, 1000)


def test_who_is_taken_out_of_use_owes_nothing_and_owes_again_when_it_is_back() -> None:
    watch, used = begun(), set[str]()
    watch.heard("gw", LIMIT_MS, 50)
    watch.heard("other", LIMIT_MS, 50)
    assert [change.key for change in watch.due(151, used.__contains__)] == []
    used |= {"other"}
    (other,) = watch.due(151 + ASK_AGAIN_MS + 1, used.__contains__)
    assert (other.key, other.began, other.at_ms) == ("other", True, 150)
    used.clear()
    (over,) = watch.released(200 + 2 * ASK_AGAIN_MS, used.__contains__)
    assert over == SilenceChange(
        "other", began=False, since_ms=50, at_ms=200 + 2 * ASK_AGAIN_MS
    )
    used |= {"gw"}
    (back,) = watch.due(400 + 3 * ASK_AGAIN_MS, used.__contains__)
    assert (back.key, back.began, back.since_ms) == ("gw", True, 50)


def test_nobody_is_expected_who_was_never_heard() -> None:
    watch = begun()
    assert list(watch.due(1 << 50)) == []
    assert watch.last_heard_ms("gw") is None
    assert not watch.is_silent("gw")


def test_nothing_is_found_before_the_watch_begins() -> None:
    watch = SilenceWatch()
    watch.heard("gw", LIMIT_MS, 0)
    assert list(watch.due(1 << 50)) == []


def test_who_was_heard_before_the_server_started_is_given_time() -> None:
    watch = SilenceWatch()
    watch.heard("gw", LIMIT_MS, 0)
    watch.begin(10_000)
    due_ms = 10_000 + START_GRACE_MS
    assert list(watch.due(due_ms)) == []
    assert list(watch.due(due_ms + 1)) == [
        SilenceChange("gw", began=True, since_ms=0, at_ms=due_ms)
    ]


def test_a_shorter_limit_counts_at_once() -> None:
    watch = begun()
    watch.heard("gw", 10_000, 0)
    assert list(watch.due(500)) == []
    watch.heard("gw", LIMIT_MS, 600)
    assert [change.at_ms for change in watch.due(701)] == [700]


def test_a_recorded_silence_is_taken_over_and_ends() -> None:
    watch = begun()
    watch.mark("gw", LIMIT_MS, SilenceChange("gw", began=True, since_ms=50, at_ms=150))
    assert watch.heard("gw", LIMIT_MS, 900) == SilenceChange(
        "gw", began=False, since_ms=50, at_ms=900
    )
    watch.mark("gw", LIMIT_MS, SilenceChange("gw", began=True, since_ms=50, at_ms=150))
    watch.mark("gw", LIMIT_MS, SilenceChange("gw", began=False, since_ms=50, at_ms=900))
    assert not watch.is_silent("gw")


@given(
    events=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 80), st.booleans()), max_size=30
    ),
    cut=st.integers(0, 30),
)
def test_looking_often_or_seldom_and_restarting_finds_the_same(
    events: list[tuple[str, int, bool]], cut: int
) -> None:
    """Between two times somebody is heard, it does not matter how often one looks."""

    def run(*, look_often: bool) -> list[SilenceChange]:
        watch, found, now_ms = begun(), list[SilenceChange](), 0
        for number, (key, after_ms, _) in enumerate(events):
            for at_ms in range(now_ms, now_ms + after_ms) if look_often else ():
                found += watch.due(at_ms)
            now_ms += after_ms
            found += watch.due(now_ms)
            if number == cut and look_often:
                saved = json.loads(json.dumps(watch.snapshot()))
                watch = begun()
                watch.restore(saved)
            change = watch.heard(key, LIMIT_MS, now_ms)
            found += [change] if change else []
        return found

    assert sorted(run(look_often=True)) == sorted(run(look_often=False))
