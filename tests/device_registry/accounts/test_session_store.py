"""`device_registry.accounts.session_store` and `attempt_store`, on both databases."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from device_registry.accounts.attempt_store import AttemptStore
from device_registry.accounts.session import ABSOLUTE_MS, IDLE_MS
from device_registry.accounts.session_store import SessionStore
from device_registry.accounts.sms_code import DAY_MS, Sent
from device_registry.store.engine import BUSY_TIMEOUT_MS, lock_audit, open_engine, writing
from device_registry.store.migrate import migrate
from tests.support.gates import NOW_MS, session_of
from tests.support.postgres import postgres


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    is_sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/r.db" if is_sqlite else postgres().registry()
    engine = open_engine(url)
    migrate(engine)
    yield engine
    engine.dispose()


def test_a_session_is_found_by_its_cookie_until_it_ends(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.begin(session_of("li"))
    assert store.find(cookie, NOW_MS) == session_of("li")
    assert store.find(cookie + "x", NOW_MS) is None
    store.end(cookie)
    assert store.find(cookie, NOW_MS) is None


def test_the_cookie_itself_is_not_kept(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.begin(session_of("li"))
    with engine.connect() as connection:
        (row,) = connection.execute(text("SELECT * FROM login_session")).all()
    assert cookie not in map(str, row)


def test_use_keeps_a_session_alive_up_to_its_end(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.begin(session_of("li"))
    at_ms = NOW_MS
    while at_ms + IDLE_MS - 1 < NOW_MS + ABSOLUTE_MS:
        at_ms += IDLE_MS - 1
        assert store.find(cookie, at_ms) is not None
    assert store.find(cookie, NOW_MS + ABSOLUTE_MS) is None


def test_a_page_does_not_wait_for_who_holds_the_lock(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.begin(session_of("li"))
    later_ms = NOW_MS + IDLE_MS - 1
    with writing(engine) as connection:
        lock_audit(connection)
        began_s = time.monotonic()
        assert store.find(cookie, later_ms) is not None
        assert time.monotonic() - began_s < BUSY_TIMEOUT_MS / 2000
    assert store.find(cookie, later_ms) is not None
    assert store.find(cookie, later_ms + IDLE_MS - 1) is not None


def test_a_proof_makes_a_session_fresh_and_a_strong_one_stays_strong(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.begin(replace(session_of("li"), is_strong=False))
    store.prove(cookie, NOW_MS + 1, is_strong=True)
    store.prove(cookie, NOW_MS + 2, is_strong=False)
    session = store.find(cookie, NOW_MS + 3)
    assert session is not None
    assert (session.proven_ms, session.is_strong) == (NOW_MS + 2, True)


def test_all_sessions_of_a_person_end_but_this_one(engine: Engine) -> None:
    store = SessionStore(engine)
    mine, other, wangs = (store.begin(session_of(who)) for who in ("li", "li", "wang"))
    store.end_all("li", but=mine)
    found = [store.find(cookie, NOW_MS) is not None for cookie in (mine, other, wangs)]
    assert found == [True, False, True]


def test_a_station_is_one_until_it_is_ended(engine: Engine) -> None:
    store = SessionStore(engine)
    cookie = store.make_station("chs-001", "柜台", "head", NOW_MS)
    station = store.station(cookie)
    assert station is not None
    assert (station.site, station.label, station.made_by) == ("chs-001", "柜台", "head")
    store.end_station(cookie, NOW_MS)
    assert store.station(cookie) is None


def test_many_guesses_at_once_get_no_more_than_five(engine: Engine) -> None:
    attempts = AttemptStore(engine)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: attempts.begin("li", NOW_MS), range(24)))
    assert answers.count(0) == 5


def test_a_one_time_code_is_used_once_by_whoever_comes_first(engine: Engine) -> None:
    attempts = AttemptStore(engine)
    with ThreadPoolExecutor(8) as threads:
        used = list(threads.map(lambda _: attempts.use_step("li", 100), range(8)))
    assert used.count(True) == 1
    assert attempts.last_step("li") == 100
    assert not attempts.use_step("li", 99)
    assert attempts.last_step("wang") == -1


def test_what_is_known_of_a_phone_is_kept_while_it_counts(engine: Engine) -> None:
    attempts = AttemptStore(engine)
    sent = Sent(code_hash="h", tries=2, sent_ms=(NOW_MS, NOW_MS + 1))

    def known(at_ms: int) -> Sent:
        return attempts.with_sms("+86", at_ms, lambda before: (before, before))

    assert attempts.with_sms("+86", NOW_MS, lambda before: (before, sent)) == Sent()
    assert known(NOW_MS + DAY_MS) == sent
    assert known(NOW_MS + 2 * DAY_MS + 1) == Sent()
