"""Missing data and silent gateways are found at the instant they are due."""

import json

import pytest

from domain.alarms.silence import Silence
from domain.alarms.state import TransitionKind
from domain.errors import BadSnapshotError
from domain.rules.load import rule_pack


def happened(watch: Silence, now_ms: int) -> list[tuple[str, str, int, int]]:
    return [(c.key, c.kind.value, c.since_ms, c.at_ms) for c in watch.due(now_ms)]


def test_a_point_is_missing_after_a_minute_and_its_grace() -> None:
    watch = Silence(rule_pack("CN_COLD_2_8").gap_ms)
    watch.heard("p", 0)
    assert happened(watch, 75_000) == []
    assert happened(watch, 75_001) == [("p", "raised", 0, 75_000)]


def test_a_silence_is_raised_at_its_due_time_however_late_somebody_looks() -> None:
    watch = Silence(1000)
    watch.heard("p", 0)
    assert happened(watch, 99_000) == [("p", "raised", 0, 1000)]


def test_a_silence_is_told_once_and_ends_when_heard_again() -> None:
    watch = Silence(1000)
    watch.heard("p", 0)
    watch.due(2000)
    assert happened(watch, 3000) == []
    watch.heard("p", 3500)
    assert happened(watch, 3600) == [("p", "returned", 0, 3500)]
    assert watch.silent == {}


def test_a_point_that_was_heard_and_is_silent_again_is_told_as_two_silences() -> None:
    watch = Silence(1000)
    watch.heard("p", 0)
    watch.due(2000)
    watch.heard("p", 3000)
    assert happened(watch, 9000) == [("p", "returned", 0, 3000), ("p", "raised", 3000, 4000)]


def test_backlog_neither_ends_a_silence_nor_starts_one() -> None:
    watch = Silence(1000)
    watch.heard("p", 5000)
    watch.due(7000)
    watch.heard("p", 4000)
    assert happened(watch, 7001) == []
    assert watch.last_heard_ms("p") == 5000


def test_a_gateway_that_never_spoke_is_expected_from_when_it_was_watched() -> None:
    watch = Silence(75_000)
    watch.watch("gw", 0, limit_ms=120_000)
    assert happened(watch, 120_000) == []
    assert happened(watch, 120_001) == [("gw", "raised", 0, 120_000)]


def test_watching_again_does_not_count_as_hearing() -> None:
    watch = Silence(1000)
    watch.watch("gw", 0)
    watch.watch("gw", 500)
    assert happened(watch, 1001) == [("gw", "raised", 0, 1000)]


def test_what_is_forgotten_is_never_missed() -> None:
    watch = Silence(1000)
    watch.heard("p", 0)
    watch.due(2000)
    watch.forget("p")
    assert happened(watch, 9000) == []
    assert watch.last_heard_ms("p") is None


def test_a_restored_watch_goes_on_where_it_was() -> None:
    watch = Silence(1000)
    watch.watch("gw", 0, limit_ms=5000)
    watch.heard("p", 0)
    watch.due(2000)
    again = Silence.from_snapshot(json.loads(json.dumps(watch.snapshot())))
    assert again.silent == {"p": 0}
    again.heard("p", 4000)
    assert [c.kind for c in again.due(5001)] == [
        TransitionKind.RAISED,
        TransitionKind.RETURNED,
        TransitionKind.RAISED,
    ]


def test_a_foreign_snapshot_is_refused() -> None:
    with pytest.raises(BadSnapshotError):
        Silence.from_snapshot({"limit_ms": "x"})
