"""The local judge: what it raises, and that looking at a whole row hides nothing."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from domain.alarms.judge import PointJudge
from domain.alarms.state import TransitionKind
from domain.frame import Frame
from domain.quality import Quality
from domain.quantity import Quantity
from domain.rules.load import rule_pack
from domain.rules.model import Direction, Limit, RulePack, Severity
from edge.judge.alarm import GAP, LocalAlarm
from edge.judge.frame_judge import JudgedPoint
from edge.judge.judge import LocalJudge
from evidence.event import EventKind, decode_events

RAISED, RETURNED = TransitionKind.RAISED, TransitionKind.RETURNED


def limit(
    direction: Direction, threshold: str, severity: Severity = Severity.ALARM, delay_s: int = 0
) -> Limit:
    return Limit(
        pack="TEST",
        clause="1",
        quantity=Quantity.TEMPERATURE,
        direction=direction,
        severity=severity,
        threshold=threshold,
        delay_ms=delay_s * 1000,
        deadband="0.2",
    )


def pack(*limits: Limit) -> RulePack:
    return RulePack(name="TEST", version=1, title_en="t", title_zh="t", limits=limits)


COLD = pack(limit(Direction.HIGH, "8.0"), limit(Direction.LOW, "2.0"))
DELAYED = pack(limit(Direction.HIGH, "8.0", delay_s=60))
WARNING = pack(limit(Direction.HIGH, "7.5", Severity.PREALARM))


def frame(*channels: int) -> Frame:
    return Frame(channels=channels, exps=(-1,) * len(channels), period_ms=10_000)


def point(channel: int, rules: RulePack = COLD) -> JudgedPoint:
    return JudgedPoint(channel=channel, quantity=Quantity.TEMPERATURE, exp=-1, pack=rules)


def kinds(told: Sequence[LocalAlarm]) -> list[tuple[int, str, str]]:
    return [(alarm.channel, str(alarm.kind), alarm.direction) for alarm in told]


def test_a_value_beyond_the_limit_raises_at_once_and_returns_past_the_deadband() -> None:
    judge, shape = LocalJudge([point(1), point(2)], 0), frame(1, 2)
    assert judge.row(shape, 1000, [50, 80], None) == []
    assert kinds(judge.row(shape, 2000, [50, 81], None)) == [(2, "raised", "high")]
    assert (judge.active, judge.sounding) == (1, True)
    assert judge.row(shape, 3000, [50, 79], None) == []
    assert kinds(judge.row(shape, 4000, [50, 78], None)) == [(2, "returned", "high")]
    assert (judge.active, judge.sounding) == (0, False)


def test_a_delay_runs_over_rows_and_ends_when_the_value_comes_back() -> None:
    judge, shape = LocalJudge([point(1, DELAYED)], 0), frame(1)
    assert judge.row(shape, 1000, [90], None) == []
    assert judge.row(shape, 31_000, [70], None) == []
    assert judge.row(shape, 41_000, [90], None) == []
    assert judge.row(shape, 91_000, [90], None) == []
    assert kinds(judge.row(shape, 101_000, [90], None)) == [(1, "raised", "high")]


def test_a_prealarm_does_not_sound() -> None:
    judge = LocalJudge([point(1, WARNING)], 0)
    assert judge.row(frame(1), 1000, [80], None)[0].severity is Severity.PREALARM
    assert (judge.active, judge.sounding) == (1, False)


def test_a_channel_under_two_packs_is_judged_by_both() -> None:
    judge = LocalJudge([point(1, COLD), point(1, WARNING)], 0)
    shape = frame(1)
    assert len(judge.row(shape, 1000, [90], None)) == 2
    assert len(judge.row(shape, 2000, [50], None)) == 2


def test_a_point_without_a_rule_pack_is_not_judged() -> None:
    judge = LocalJudge([], 0)
    assert judge.row(frame(1), 1000, [32_000], None) == []
    assert judge.tick(10**9) == []


def test_a_reading_without_a_value_is_neither_good_nor_bad() -> None:
    judge, shape = LocalJudge([point(1), point(2)], 0), frame(1, 2)
    timeout = Quality.TIMEOUT
    assert judge.row(shape, 1000, [0, 0], [timeout, timeout]) == []
    assert kinds(judge.row(shape, 2000, [0, 90], [timeout, 0])) == [(2, "raised", "high")]
    assert judge.row(shape, 3000, [0, 0], [timeout, timeout]) == []
    assert judge.active == 1


def test_missing_data_is_an_alarm_after_a_minute_and_a_quarter() -> None:
    judge, shape = LocalJudge([point(1), point(2)], 0), frame(1, 2)
    judge.row(shape, 10_000, [50, 50], None)
    for second in range(20, 90, 10):
        judge.row(shape, second * 1000, [50, 0], [0, Quality.TIMEOUT])
    assert judge.tick(85_000) == []
    (gap,) = judge.tick(86_000)
    assert (gap.channel, gap.kind, gap.direction, gap.at_ms) == (2, RAISED, GAP, 85_000)
    assert judge.tick(90_000) == []
    assert judge.sounding
    judge.row(shape, 91_000, [50, 50], None)
    (end,) = judge.tick(92_000)
    assert (end.channel, end.kind, end.at_ms) == (2, RETURNED, 91_000)
    assert not judge.sounding


def test_a_device_that_never_answers_is_missing_data() -> None:
    judge = LocalJudge([point(1)], start_ms=5000)
    assert judge.tick(80_000) == []
    assert kinds(judge.tick(80_001)) == [(1, "raised", "gap")]


def test_a_frame_that_is_split_keeps_what_is_known_of_its_points() -> None:
    judge, whole, left, right = (
        LocalJudge([point(1), point(2)], 0),
        frame(1, 2),
        frame(1),
        frame(2),
    )
    assert len(judge.row(whole, 1000, [90, 50], None)) == 1
    assert judge.row(left, 2000, [90], None) == []
    assert judge.row(right, 2000, [50], None) == []
    assert kinds(judge.row(left, 3000, [50], None)) == [(1, "returned", "high")]
    for second in range(10, 300, 10):
        judge.row(left, second * 1000, [50], None)
        judge.row(right, second * 1000, [50], None)
    assert judge.tick(300_000) == []
    assert kinds(judge.row(whole, 301_000, [50, 90], None)) == [(2, "raised", "high")]


def test_frames_without_end_do_not_fill_the_memory() -> None:
    judge = LocalJudge([point(1)], 0)
    judge.row(frame(1), 1000, [90], None)
    for at in range(5000):
        judge.row(frame(1), 2000 + at, [90], None)
    assert len(judge._kept) < 4097
    assert judge.active == 1


def test_what_is_found_is_an_event_that_the_other_end_accepts() -> None:
    judge, shape = LocalJudge([point(1)], 0), frame(1)
    told = judge.row(shape, 1000, [12], None) + judge.tick(200_000)
    events = decode_events(
        [[0, int(EventKind.LOCAL_ALARM), a.channel, dict(a.body)] for a in told]
    )
    assert [event.body[4] for event in events] == ["low", "gap"]
    assert events[0].body[8] == 20


@given(st.lists(st.lists(st.integers(0, 100), min_size=3, max_size=3), max_size=30))
def test_the_whole_row_test_hides_nothing(rows: list[list[int]]) -> None:
    rules = rule_pack("CN_COLD_2_8")
    judge, shape = LocalJudge([point(c, rules) for c in (1, 2, 3)], 0), frame(1, 2, 3)
    plain = [PointJudge(str(c), rules, Quantity.TEMPERATURE, -1) for c in (1, 2, 3)]
    for count, row in enumerate(rows):
        at_ms = (count + 1) * 10_000
        expected = [
            LocalAlarm.of(c, t)
            for c, one, v in zip((1, 2, 3), plain, row, strict=True)
            for t in one.step(at_ms, v)
        ]
        assert judge.row(shape, at_ms, row, None) == expected


def test_a_point_that_stays_keeps_its_alarm_and_its_missing_data_when_others_change() -> None:
    judge, shape = LocalJudge([point(1), point(2)], 0), frame(1, 2)
    gap_ms = COLD.gap_ms
    judge.row(shape, 1000, (90, 0), (0, Quality.TIMEOUT))
    assert kinds(judge.tick(gap_ms + 1)) == [(2, "raised", GAP)]
    assert not judge.adopt([point(1), point(2), point(3)], gap_ms + 2)
    assert judge.active == 2
    assert not judge.tick(gap_ms + 3), "nothing came that would end the gap"
    assert not judge.row(frame(1, 2, 3), gap_ms + 4, (91, 50, 50), None)[1:]
    assert kinds(judge.tick(gap_ms + 5)) == [(2, "returned", GAP)]
    told = judge.row(frame(1, 2), gap_ms + 10, (50, 50), None)
    assert kinds(told) == [(1, "returned", "high")]


def test_the_alarm_of_a_point_that_is_judged_no_more_is_cleared() -> None:
    judge, shape = LocalJudge([point(1), point(2)], 0), frame(1, 2)
    judge.row(shape, 1000, (90, 50), None)
    told = judge.adopt([point(2)], 2000)
    assert [(a.channel, a.kind, a.at_ms) for a in told] == [(1, TransitionKind.CLEARED, 2000)]
    assert (judge.active, judge.sounding) == (0, False)
    assert not judge.row(shape, 3000, (95, 50), None), "nobody judges it"


def test_a_point_under_another_version_of_its_pack_is_judged_anew() -> None:
    judge, shape = LocalJudge([point(1)], 0), frame(1)
    judge.row(shape, 1000, (90,), None)
    newer = RulePack(name="TEST", version=2, title_en="t", title_zh="t", limits=COLD.limits)
    assert kinds(judge.adopt([point(1, newer)], 2000)) == [(1, "cleared", "high")]
    assert kinds(judge.row(shape, 3000, (90,), None)) == [(1, "raised", "high")]
    assert judge.active == 1


def test_a_point_that_is_new_has_its_whole_grace() -> None:
    judge = LocalJudge([], 0)
    judge.adopt([point(1)], 1_000_000)
    assert not judge.tick(1_000_000 + COLD.gap_ms)
    assert kinds(judge.tick(1_000_001 + COLD.gap_ms)) == [(1, "raised", GAP)]
