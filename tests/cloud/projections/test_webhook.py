"""Alarms reach another system: each at least once, none of the past, none held up for ever."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cloud.projections.alarms.event import AlarmEvent, AlarmKind, decode_document, encode_event
from cloud.projections.feed import CommitGroup
from cloud.projections.runner import Pauses, catch_up
from cloud.projections.webhook import GIVE_UP_AFTER_MS, WebhookSender
from cloud.projections.webhook_queue import WebhookQueue, address_of
from domain.alarms.state import TransitionKind
from domain.rules.model import Severity
from evidence.record import RecordKind
from tests.support.feeds import ListArchive, other_record
from tests.support.ports import free_port
from tests.support.wait import until_sync
from tests.support.webhook_receiver import Receiver, webhook_receiver

QUICK = Pauses(first_s=0.001, longest_s=0.005)
NOW_MS = 1_700_000_000_000


def alarm(number: int, event: TransitionKind = TransitionKind.RAISED) -> bytes:
    raised = AlarmEvent(
        alarm=f"alarm-{number}",
        event=event,
        kind=AlarmKind.LIMIT,
        severity=Severity.ALARM,
        at_ms=NOW_MS - 60_000,
        told_ms=NOW_MS,
        since_ms=NOW_MS - 60_000,
        point="p1",
        value="8.6",
        threshold="8",
        unit="Cel",
        clause="GSP Annex 3 art. 6",
    )
    return encode_event(raised, {"name_zh": "冷藏柜", "name_en": "fridge"})


@dataclass(slots=True)
class World:
    """Queue and sender over an archive in memory, into which deliveries go back."""

    queue: WebhookQueue
    archive: ListArchive
    sender: WebhookSender
    deliveries: list[dict[str, Any]] = field(default_factory=list)

    def put(self, kind: int, data: bytes) -> None:
        record = other_record(len(self.archive.records), kind, data, recv_ms=NOW_MS)
        self.archive.records.append(record)

    def apply(self) -> None:
        fresh = self.archive.records[self.queue.cursor :]
        self.queue.apply(CommitGroup(first_index=self.queue.cursor, records=fresh))


@contextmanager
def world(
    folder: Path, url: str, archive: ListArchive | None = None, *, now_ms: int = NOW_MS
) -> Iterator[World]:
    known = archive if archive is not None else ListArchive()

    def woken() -> None:
        sender.wake()

    queue = WebhookQueue(folder / "webhook.db", [address_of(url)], known.next_index, woken)

    def record(kind: int, data: bytes) -> None:
        made.put(kind, data)
        made.deliveries.append(decode_document(data))

    sender = WebhookSender(url, queue, record, lambda: now_ms, QUICK)
    made = World(queue, known, sender)
    sender.start()
    try:
        yield made
    finally:
        sender.stop()
        queue.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


def test_an_alarm_is_sent_with_names_value_limit_clause_and_both_times(
    receiver: Receiver, tmp_path: Path
) -> None:
    with world(tmp_path, receiver.url) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: w.deliveries)
        ((key, sent),) = receiver.taken
        assert key == sent["key"] == "alarm-1:raised"
        assert sent["at"] == "2023-11-14T22:12:20.000+00:00"
        assert sent["told"] == "2023-11-14T22:13:20.000+00:00"
        assert (sent["name_zh"], sent["name_en"]) == ("冷藏柜", "fridge")
        assert (sent["value"], sent["threshold"], sent["unit"]) == ("8.6", "8", "Cel")
        assert sent["clause"] == "GSP Annex 3 art. 6"


def test_a_delivery_is_recorded_without_the_secret_in_the_address(
    receiver: Receiver, tmp_path: Path
) -> None:
    with world(tmp_path, receiver.url) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: w.deliveries)
        (delivery,) = w.deliveries
        assert delivery == {
            "key": "alarm-1:raised",
            "address": w.sender.address,
            "outcome": "delivered",
            "at_ms": NOW_MS,
        }
        assert "secret" not in delivery["address"]
        w.apply()
        assert w.queue.counts() == {w.sender.address: {"delivered": 1}}


def test_what_is_waiting_for_its_delivery_record_is_not_sent_again(
    receiver: Receiver, tmp_path: Path
) -> None:
    with world(tmp_path, receiver.url) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: w.deliveries)
        w.put(RecordKind.ALARM, alarm(2))
        w.queue.apply(CommitGroup(first_index=1, records=[]))
        for _ in range(3):
            w.sender.wake()
        w.apply()
        until_sync(lambda: len(w.deliveries) == 2)
        assert receiver.keys == ["alarm-1:raised", "alarm-2:raised"]


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_busy_address_is_tried_again_in_order(
    receiver: Receiver, tmp_path: Path, status: int
) -> None:
    receiver.answers = [status] * 3
    with world(tmp_path, receiver.url) as w:
        for number in range(3):
            w.put(RecordKind.ALARM, alarm(number))
        w.apply()
        until_sync(lambda: len(w.deliveries) == 3)
        assert receiver.keys == [f"alarm-{number}:raised" for number in range(3)]
        assert w.sender.error == ""


def test_a_lost_answer_sends_the_same_key_again(receiver: Receiver, tmp_path: Path) -> None:
    receiver.answers = [0]
    with world(tmp_path, receiver.url) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: w.deliveries)
        assert receiver.keys == ["alarm-1:raised"] * 2


def test_what_only_the_address_refuses_does_not_hold_up_the_rest(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.refused_keys = {"alarm-0:raised"}
    with world(tmp_path, receiver.url) as w:
        for number in range(3):
            w.put(RecordKind.ALARM, alarm(number))
        w.apply()
        until_sync(lambda: len(w.deliveries) == 2)
        assert receiver.keys == ["alarm-1:raised", "alarm-2:raised"]
        assert w.sender.error == "answered 422"


def test_an_address_that_is_down_gets_everything_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/alarms?token=secret"
    with world(tmp_path, url) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: "ConnectError" in w.sender.error)
        with webhook_receiver(port) as receiver:
            until_sync(lambda: w.deliveries)
            assert receiver.keys == ["alarm-1:raised"]


def test_what_waits_outlives_a_restart(tmp_path: Path) -> None:
    archive, port = ListArchive(), free_port()
    url = f"http://127.0.0.1:{port}/alarms?token=secret"
    with world(tmp_path, url, archive) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
    with webhook_receiver(port) as receiver, world(tmp_path, url, archive) as w:
        until_sync(lambda: w.deliveries)
        assert receiver.keys == ["alarm-1:raised"]


def test_after_a_day_a_delivery_is_recorded_as_failed(
    receiver: Receiver, tmp_path: Path
) -> None:
    receiver.answers = [500]
    with world(tmp_path, receiver.url, now_ms=NOW_MS + GIVE_UP_AFTER_MS) as w:
        w.put(RecordKind.ALARM, alarm(1))
        w.apply()
        until_sync(lambda: w.deliveries)
        assert w.deliveries[0]["outcome"] == "failed"
        assert receiver.taken == []


def test_a_queue_that_is_new_sends_nothing_of_the_past(
    receiver: Receiver, tmp_path: Path
) -> None:
    past = [other_record(i, RecordKind.ALARM, alarm(i), recv_ms=NOW_MS) for i in range(3)]
    with world(tmp_path, receiver.url, ListArchive(past)) as w:
        w.apply()
        w.put(RecordKind.ALARM, alarm(9))
        w.apply()
        until_sync(lambda: w.deliveries)
        assert receiver.keys == ["alarm-9:raised"]


def test_a_rebuild_lists_the_same_and_sends_nothing(receiver: Receiver, tmp_path: Path) -> None:
    receiver.refused_keys = {"alarm-1:raised"}
    with world(tmp_path / "live", receiver.url) as w:
        for event in (TransitionKind.RAISED, TransitionKind.RETURNED):
            for number in range(2):
                w.put(RecordKind.ALARM, alarm(number, event))
        w.apply()
        until_sync(lambda: len(w.deliveries) == 3)
        w.apply()
        exported = list(w.queue.export())
        records = list(w.archive.records)
    sent = len(receiver.taken)
    with world(tmp_path / "rebuilt", receiver.url, ListArchive(records)) as again:
        catch_up(again.queue, again.archive)
        assert list(again.queue.export()) == exported
    assert len(receiver.taken) == sent


def test_more_than_the_bound_is_refused_and_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.projections.webhook_queue.MAX_WAITING", 2)
    queue = WebhookQueue(tmp_path / "webhook.db", ["host#1"], 0)
    records = [other_record(i, RecordKind.ALARM, alarm(i), recv_ms=NOW_MS) for i in range(5)]
    queue.apply(CommitGroup(first_index=0, records=records))
    assert queue.counts() == {"host#1": {"waiting": 2, "refused": 3}}
    assert [item.key for item in queue.waiting("host#1", 9)] == [
        "alarm-0:raised",
        "alarm-1:raised",
    ]
    queue.close()


def test_junk_among_the_records_is_passed_over(tmp_path: Path) -> None:
    queue = WebhookQueue(tmp_path / "webhook.db", ["host#1"], 0)
    junk = [b"", b"\xff", b"\xa0", b"\x01"]
    kinds = (RecordKind.ALARM, RecordKind.DELIVERY)
    records = [
        other_record(i, kinds[i % 2], junk[i // 2], recv_ms=NOW_MS)
        for i in range(2 * len(junk))
    ]
    queue.apply(CommitGroup(first_index=0, records=records))
    assert queue.counts() == {"host#1": {}}
    queue.close()
