"""Alarms out of the archive: what raises them, who is told, and that a rebuild agrees."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cloud.archive.finding import BAD_SIGNATURE, FindingRecord, encode_finding
from cloud.projections.alarms.projection import UnknownAlarmError
from cloud.projections.alarms.silence import START_GRACE_MS
from cloud.projections.feed import CommittedRecord
from domain.alarms.state import AlarmState
from domain.quantity import Quantity
from evidence.batch import Event, EventKind
from evidence.record import RecordKind
from tests.support.alarm_world import alarm_world
from tests.support.feeds import other_record
from tests.support.fridge import SEAL_MS, Fridges
from tests.support.registries import gateway_name, point_name, registry_of

GATEWAY = gateway_name(0)
POINT = point_name(GATEWAY, 1)
OK, WARM, HOT = 500, 770, 860  # pre-alarm from 7.5, alarm above 8.0, back below 7.7
ONE_POINT = registry_of(channels=[1])


def told(documents: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(d["kind"], d["event"], d["severity"]) for d in documents]


def about_data(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out that the gateway was not heard for a while, which it was not."""
    return [d for d in documents if d["kind"] != "silent"]


def test_a_warm_fridge_raises_a_prealarm_and_an_alarm_with_clause_and_both_times(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(OK)
        assert w.settle() == []
        hot = fridges.send([OK, WARM, HOT, HOT, HOT, HOT])
        documents = w.settle()
        assert told(documents) == [
            ("limit", "raised", "prealarm"),
            ("limit", "raised", "alarm"),
        ]
        alarm = documents[1]
        assert hot.body is not None
        assert alarm["at_ms"] == hot.body.t0 + 20_000
        assert alarm["told_ms"] == hot.recv_ms
        assert (alarm["value"], alarm["threshold"], alarm["unit"]) == ("8.6", "8", "Cel")
        assert (alarm["pack"], alarm["clause"]) == ("CN_COLD_2_8", "GSP Annex 3 art. 6")
        assert (alarm["point"], alarm["name_zh"], alarm["name_en"]) == (
            POINT,
            "冷藏柜1",
            "fridge 1",
        )
        assert (alarm["title_zh"], alarm["record"]) == ("温度高于上限报警", hot.index)
        assert [a.state for a in w.projection.open_alarms()] == [AlarmState.UNACKNOWLEDGED] * 2


def test_an_alarm_returns_and_is_cleared_when_somebody_has_acknowledged_it(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(HOT)
        raised = w.settle()
        fridges.send(OK)
        returned = w.settle()
        assert [d["event"] for d in returned] == ["returned", "returned"]
        assert {d["value"] for d in returned} == {"5"}
        assert [a.state for a in w.projection.open_alarms()] == [AlarmState.RETURNED] * 2
        for document in raised:
            w.projection.acknowledge(document["alarm"], "pharmacist-7", 1_700_000_100_000)
        events = [(d["event"], d.get("who")) for d in w.settle()]
        assert (
            events == [("acknowledged", "pharmacist-7")] * 2 + [("cleared", "pharmacist-7")] * 2
        )
        assert w.projection.open_alarms() == []
        newest = w.projection.history(1)[0]
        assert (newest.who, newest.acknowledged_ms) == ("pharmacist-7", 1_700_000_100_000)


def test_an_acknowledged_alarm_is_cleared_by_its_return(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(HOT)
        for document in w.settle():
            w.projection.acknowledge(document["alarm"], "p", 1)
        w.settle()
        assert [a.state for a in w.projection.open_alarms()] == [AlarmState.ACKNOWLEDGED] * 2
        fridges.send(OK)
        assert [d["event"] for d in w.settle()] == ["returned", "cleared"] * 2
        assert w.projection.open_alarms() == []


def test_what_needs_no_acknowledgement_cannot_be_acknowledged(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        with pytest.raises(UnknownAlarmError, match="nothing-like-it"):
            w.projection.acknowledge("nothing-like-it", "p", 1)
        Fridges(w.records).send(HOT)
        (first, *_) = w.settle()
        w.projection.acknowledge(first["alarm"], "p", 1)
        w.settle()
        with pytest.raises(UnknownAlarmError):
            w.projection.acknowledge(first["alarm"], "p", 2)


def test_late_data_opens_a_past_excursion_and_leaves_the_live_state_alone(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(OK)
        late = [fridges.seal(v) for v in (OK, HOT, HOT, OK)]
        live = fridges.send(OK)
        assert about_data(w.settle()) == []
        for body in late:
            fridges.arrive(body, recv_ms=live.recv_ms)
        documents = about_data(w.settle())
        assert {d["late"] for d in documents} == {True}
        assert [d["event"] for d in documents] == ["raised", "raised", "returned", "returned"]
        assert documents[0]["at_ms"] == late[1].t0
        assert documents[0]["told_ms"] == live.recv_ms


def test_late_data_never_ends_a_live_alarm(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        late = fridges.seal(OK)
        fridges.send(HOT)
        w.settle()
        fridges.arrive(late)
        assert w.settle() == []
        assert [a.state for a in w.projection.open_alarms()] == [AlarmState.UNACKNOWLEDGED] * 2


def test_a_point_that_times_out_is_missing_and_comes_back(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=registry_of(channels=[1, 2])) as w:
        fridges = Fridges(w.records, width=2)
        fridges.send(OK)
        fridges.width = 1
        for _ in range(2):
            fridges.send(OK)
        (missing,) = w.settle()
        assert (missing["kind"], missing["event"]) == ("gap", "raised")
        assert missing["point"] == point_name(GATEWAY, 2)
        last_ms = fridges.start_ms + 50_000
        assert (missing["since_ms"], missing["at_ms"]) == (last_ms, last_ms + 75_000)
        assert missing["told_ms"] == w.records[2].recv_ms
        fridges.width = 2
        fridges.send(OK)
        (back,) = w.settle()
        assert (back["event"], back["at_ms"]) == ("returned", fridges.start_ms + 3 * SEAL_MS)


def test_a_registered_point_that_never_had_a_value_is_missing(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=registry_of(channels=[1, 2])) as w:
        fridges = Fridges(w.records)
        for _ in range(3):
            fridges.send(OK)
        assert told(w.settle()) == [("gap", "raised", "alarm")]


def test_a_cut_link_is_no_missing_data(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(OK)
        late = [fridges.seal(OK) for _ in range(30)]
        fridges.send(OK)
        for body in late:
            fridges.arrive(body)
        assert about_data(w.settle()) == []


def test_a_restarted_gateway_is_no_missing_data(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(OK)
        fridges.seq += 30
        fridges.send(OK, epoch=b"epoch--2", seq=0)
        assert about_data(w.settle()) == []


@pytest.mark.parametrize("step_ms", [-600_000, 3_600_000, -1_000_000_000_000])
def test_a_clock_that_is_set_raises_nothing_and_hides_nothing(
    tmp_path: Path, step_ms: int
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        for _ in range(2):
            fridges.send(OK)
        fridges.start_ms += step_ms
        for _ in range(2):
            fridges.send(OK)
        assert w.settle() == []
        fridges.send(HOT)
        assert len(w.settle()) == 2


def test_a_blind_gateway_is_judged_live(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records, start_ms=86_400_000, fields={"sync": 0})
        now_ms = 1_700_000_000_000
        fridges.arrive(fridges.seal(OK), recv_ms=now_ms)
        fridges.arrive(fridges.seal(HOT), recv_ms=now_ms + SEAL_MS)
        first, _ = w.settle()
        assert abs(first["at_ms"] - now_ms) < SEAL_MS


def test_threat_02_a_gateway_that_is_not_heard_for_two_periods_is_silent(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        heard_ms = fridges.send(OK).recv_ms
        w.settle()
        w.projection.tick(heard_ms + 120_000)
        assert w.settle() == []
        w.projection.tick(heard_ms + 130_000)
        (silent,) = w.settle()
        assert (silent["kind"], silent["event"]) == ("silent", "raised")
        assert (silent["gateway"], silent["since_ms"]) == (GATEWAY, heard_ms)
        assert silent["at_ms"] == silent["told_ms"] == heard_ms + 120_000
        assert w.projection.is_silent(GATEWAY)
        fridges.seq += 3
        back_ms = fridges.send(OK).recv_ms
        (back,) = w.settle()
        assert (back["event"], back["at_ms"], back["alarm"]) == (
            "returned",
            back_ms,
            silent["alarm"],
        )


def test_a_timer_fires_at_its_due_time_before_any_later_record(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        fridges = Fridges(w.records)
        fridges.send(OK)
        fridges.seq += 9
        fridges.send(HOT)
        events = [(d["kind"], d["event"]) for d in w.settle()]
        assert events[:2] == [("silent", "raised"), ("silent", "returned")]
        assert events[2:] == [("limit", "raised")] * 2


def test_an_outage_of_the_server_makes_no_gateway_silent(tmp_path: Path) -> None:
    records: list[CommittedRecord] = []
    fridges = Fridges(records)
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        fridges.send(OK)
        w.settle()
    with alarm_world(tmp_path, records, registry=ONE_POINT) as w:
        started_ms = records[-1].recv_ms + 3_600_000
        w.projection.tick(started_ms)
        w.projection.tick(started_ms + START_GRACE_MS)
        assert w.settle() == []
        w.projection.tick(started_ms + START_GRACE_MS + 1)
        assert told(w.settle()) == [("silent", "raised", "alarm")]


def test_a_day_without_a_backup_is_an_alarm(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        begun_ms = 1_700_000_000_000
        w.records.append(other_record(0, RecordKind.GENESIS, b"", recv_ms=begun_ms))
        w.settle()
        w.projection.tick(begun_ms + 25 * 3_600_000)
        assert w.settle() == []
        w.projection.tick(begun_ms + 25 * 3_600_000 + 1)
        (missing,) = w.settle()
        assert (missing["kind"], missing["event"]) == ("backup", "raised")
        made_ms = begun_ms + 30 * 3_600_000
        made = other_record(len(w.records), RecordKind.BACKUP, b"", recv_ms=made_ms)
        w.records.append(made)
        (made_again,) = w.settle()
        assert (made_again["event"], made_again["at_ms"]) == ("returned", made_ms)


def finding(index: int, kind: str, *, is_open: bool = True, at_ms: int = 5) -> CommittedRecord:
    data = encode_finding(
        FindingRecord(
            kind=kind,
            gateway=GATEWAY,
            kid=b"kid-----",
            epoch=b"epoch--1",
            lo=3,
            hi=7,
            detail="in no outbox any more",
            at_ms=at_ms,
            open=is_open,
        )
    )
    return other_record(index, RecordKind.FINDING, data, recv_ms=at_ms)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("loss", "loss"),
        ("fork", "fork"),
        ("branch", "branch"),
        (BAD_SIGNATURE, "signature"),
        ("clock-jump", "clock"),
        ("future", "clock"),
        ("count", "count"),
        ("restored", "log"),
    ],
)
def test_broken_evidence_is_an_alarm(tmp_path: Path, kind: str, expected: str) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        w.records.append(finding(0, kind))
        (raised,) = w.settle()
        assert (raised["kind"], raised["event"]) == (expected, "raised")
        assert (raised["gateway"], raised["site"]) == (GATEWAY, "chs-001")
        assert raised["detail"] == f"{kind}: in no outbox any more"


@pytest.mark.parametrize("kind", ["backlog", "duplicate", "of-a-later-version"])
def test_what_is_no_alarm_raises_none(tmp_path: Path, kind: str) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        w.records.append(finding(0, kind))
        assert w.settle() == []


def test_a_loss_that_arrives_after_all_returns(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        w.records.append(finding(0, "loss"))
        w.settle()
        w.records.append(finding(len(w.records), "loss", is_open=False, at_ms=9))
        (returned,) = w.settle()
        assert (returned["event"], returned["at_ms"]) == ("returned", 9)


def test_the_same_finding_again_is_the_same_alarm_until_somebody_has_seen_it(
    tmp_path: Path,
) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        w.records.append(finding(0, BAD_SIGNATURE, at_ms=5))
        (first,) = w.settle()
        w.records.append(finding(len(w.records), BAD_SIGNATURE, at_ms=6))
        assert w.settle() == []
        w.projection.acknowledge(first["alarm"], "p", 7)
        assert [d["event"] for d in w.settle()] == ["acknowledged", "cleared"]
        w.records.append(finding(len(w.records), BAD_SIGNATURE, at_ms=8))
        assert [d["event"] for d in w.settle()] == ["raised"]


def test_power_loss_told_by_a_digital_input_is_an_alarm(tmp_path: Path) -> None:
    registry = registry_of(channels=[9], quantity=Quantity.MAINS)
    with alarm_world(tmp_path, [], registry=registry) as w:
        fridges = Fridges(w.records)
        for seq, state in enumerate((1, 0, 1)):
            body = {1: state, 2: "mains"}
            event = Event(t_off=1000, kind=EventKind.DIGITAL_INPUT, channel=9, body=body)
            fridges.arrive(fridges.seal(OK, events=(event,), columns=None, seq=seq))
        documents = w.settle()
        assert [d["event"] for d in documents] == ["raised", "returned"]
        assert documents[0]["title_zh"] == "供电中断报警"
        assert documents[0]["at_ms"] == fridges.start_ms + SEAL_MS + 1000


def test_points_without_rules_are_left_alone(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=registry_of(channels=[1], rule_packs=())) as w:
        fridges = Fridges(w.records)
        for _ in range(4):
            fridges.send(9000)
        assert w.settle() == []


def test_a_document_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    with alarm_world(tmp_path, [], registry=ONE_POINT) as w:
        for kind in (RecordKind.ALARM, RecordKind.FINDING):
            junk = other_record(len(w.records), kind, b"\xff\x00", recv_ms=1)
            w.records.append(junk)
        Fridges(w.records).send(HOT)
        assert len(w.settle()) == 2
