"""The calendar's rounds: once a day, again after a failure, and stopped at once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud.daily_rounds import GIVE_UP_AFTER, DailyRounds
from device_registry.jobs.work_orders import WorkOrder, open_order
from device_registry.store.store import RegistryStore
from tests.support.job_world import NOON_MS, SITE, job_world
from tests.support.registry_world import ROOT, changing

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


class Clock:
    """A wall clock that is set."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RegistryStore]:
    with job_world(tmp_path) as opened:
        yield opened


def test_what_runs_out_becomes_a_task_once_a_day(store: RegistryStore) -> None:
    clock = Clock()
    rounds = DailyRounds(store, clock)
    rounds.look()
    (task,) = store.find("task", where={"task_kind": "expiry", "site": SITE})
    assert task.text("about").startswith("calibration:")
    after = store.revision()
    clock.now_ms += HOUR_MS
    rounds.look()
    assert store.revision() == after


def test_work_orders_are_closed_within_the_hour(store: RegistryStore) -> None:
    with changing(store, 2_000) as change:
        change.put("account", "zhao", name="赵工", organisation="ynk", state="active")
    order = WorkOrder(
        id="wo-1", site=SITE, account="zhao", from_ms=1, until_ms=NOON_MS + 1, what="更换"
    )
    open_order(store, ROOT, order, NOON_MS)
    clock = Clock()
    rounds = DailyRounds(store, clock)
    rounds.look()
    clock.now_ms += HOUR_MS
    rounds.look()
    row = store.get("work_order", "wo-1")
    assert row is not None
    assert row.text("state") == "closed"


def test_a_database_that_is_away_puts_the_round_off_not_away(
    store: RegistryStore, tmp_path: Path
) -> None:
    rounds = DailyRounds(store, Clock())
    store.close()
    database = tmp_path / "registry.db"
    database.rename(tmp_path / "away.db")
    database.mkdir()
    rounds.look()
    database.rmdir()
    (tmp_path / "away.db").rename(database)
    rounds.look()
    assert store.count("task", where={"task_kind": "expiry"}) > 0


def test_stopping_does_not_wait_for_the_next_round(store: RegistryStore) -> None:
    rounds = DailyRounds(store, Clock())
    rounds.stop()
    rounds = DailyRounds(store, Clock())
    rounds.start()
    rounds.stop()
    assert store.count("task") == 0


class Sms:
    """Takes messages, or refuses them all."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.asked: list[tuple[str, str]] = []

    def send_code(self, phone: str, code: str) -> None:
        raise NotImplementedError

    def send_text(self, phone: str, text: str) -> None:
        self.asked.append((phone, text))
        if self.refuses:
            raise OSError("502")


def test_what_a_tour_found_is_told_once(store: RegistryStore) -> None:
    clock, sms = Clock(), Sms()
    rounds = DailyRounds(store, clock)
    rounds.send_by(sms, lambda tour, _at_ms: [("+86138", f"{len(tour.warned)} due")])
    rounds.look()
    rounds.look()
    assert sms.asked == [("+86138", "3 due")]


def test_messages_that_nobody_takes_are_given_up(
    store: RegistryStore, caplog: pytest.LogCaptureFixture
) -> None:
    sms = Sms(refuses=True)
    rounds = DailyRounds(store, Clock())
    rounds.send_by(sms, lambda _tour, _at_ms: [("+86138", "x")] * 100)
    rounds.look()
    assert len(sms.asked) == GIVE_UP_AFTER
    assert "could be told" in caplog.text
